//! Attacks 1 to 7: algorithm, key, signature.

use super::{INVALID, Target, accepts, compact, decode, encode, honest, parts, refuses, serve};
use crate::support::{ANN, World};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jamguard::emulator::IdToken;
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use jamguard::jwks::{Fetch, FetchedDocument};
use jamguard::testing::{self, ManualClock};
use jamguard::{Authenticator, Error, Verifier};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// HS256 with any bytes as the secret, none included.
fn hs256(secret: &[u8], header: &Value) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    compact(header.to_string().as_bytes(), honest().to_string().as_bytes(), |input| {
        hmac::sign(&key, input).as_ref().to_vec()
    })
}

#[tokio::test]
async fn line_01_alg_none_in_any_spelling() {
    let target = Target::new(Algorithm::ES256).await;
    let mut tokens = Vec::new();
    for alg in [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!("nOnE"),
        json!(" none"),
        json!("none "),
        json!(""),
        json!("es256"),
        json!(null),
        json!(0),
        json!(["none"]),
        json!(["ES256"]),
        json!({"alg": "ES256"}),
    ] {
        let signed = target.under(&json!({"alg": alg, "typ": "JWT"}));
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        tokens.extend([format!("{unsigned}."), unsigned.to_owned(), signed]);
    }
    tokens.push(target.under(&json!({"typ": "JWT"})));
    let [header, payload, _] = ["{\"alg\":\"\\u006eone\"}", &honest().to_string(), ""].map(encode);
    tokens.push(format!("{header}.{payload}."));
    target.refuses_all(tokens).await;
}

#[tokio::test]
async fn line_02_hmac_keyed_with_the_public_key() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k");
    let public = key.verifying_key().unwrap();
    let jwk = json!(public.to_jwk().unwrap());
    let coordinate = |name: &str| decode(jwk[name].as_str().unwrap());
    let point = [&[4][..], &coordinate("x"), &coordinate("y")].concat();
    // SubjectPublicKeyInfo of a P-256 key: a fixed beginning, then the point.
    let der = [
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ][..],
        &point,
    ]
    .concat();
    let base64 = BASE64_STANDARD.encode(&der);
    let (first, second) = base64.split_at(64);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n");
    VerifyingKey::from_pem(Algorithm::ES256, &pem).expect("the PEM is the key's");

    // Where HMAC is not allowed at all, and where it is, with another key.
    let shared = SigningKey::generate(Algorithm::HS256).unwrap();
    let rules = || {
        Verifier::builder()
            .key(public.clone())
            .issuer(super::ISSUER)
            .audience("api")
            .clock(ManualClock::at(crate::support::NOW))
    };
    let asymmetric = rules().algorithms([Algorithm::ES256]);
    let both = rules()
        .key(shared.verifying_key().unwrap())
        .algorithms([Algorithm::ES256, Algorithm::HS256]);
    for (rules, honest_keys) in [(asymmetric, vec![&key]), (both, vec![&key, &shared])] {
        let verifier = rules.build().unwrap();
        let servers = serve(Authenticator::builder().verifier(verifier)).await;
        for secret in [
            pem.as_bytes(),
            pem.trim_end().as_bytes(),
            pem.replace('\n', "\r\n").as_bytes(),
            base64.as_bytes(),
            &der,
            &point,
            &point[1..],
            jwk.to_string().as_bytes(),
            &public.to_jwk().unwrap().to_json().into_bytes(),
            b"",
        ] {
            for header in [
                json!({"alg": "HS256", "typ": "JWT"}),
                json!({"alg": "HS256", "typ": "JWT", "kid": "k"}),
                json!({"alg": "ES256", "typ": "JWT", "kid": "k"}),
            ] {
                refuses(&servers, &hs256(secret, &header), 401, INVALID).await;
            }
        }
        for key in honest_keys {
            accepts(&servers, &testing::mint(key, &honest()).unwrap()).await;
        }
    }
}

#[tokio::test]
async fn line_03_a_jwk_without_alg_does_not_take_the_headers() {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/jamlib.json")).unwrap();
    let pem = |form: &str| vectors["keys"]["rsa"][form].as_str().unwrap().to_owned();
    let jwk = VerifyingKey::from_pem(Algorithm::RS256, &pem("public")).unwrap();
    let mut jwk = json!(jwk.to_jwk().unwrap());
    jwk.as_object_mut().unwrap().remove("alg");
    let verifier = Verifier::builder()
        .jwks_json(&json!({"keys": [jwk]}).to_string())
        .unwrap()
        .algorithms([Algorithm::RS256])
        .issuer(super::ISSUER)
        .audience("api")
        .clock(ManualClock::at(crate::support::NOW))
        .build()
        .unwrap();
    let servers = serve(Authenticator::builder().verifier(verifier)).await;
    let signed_with = |algorithm| {
        let key = SigningKey::from_pem(algorithm, &pem("private")).unwrap();
        testing::mint(&key, &honest()).unwrap()
    };
    for algorithm in
        [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512]
    {
        // The key could verify each of these; the rules say no.
        refuses(&servers, &signed_with(algorithm), 401, INVALID).await;
        // Nor does the allowed name make another algorithm's signature good.
        let key = SigningKey::from_pem(algorithm, &pem("private")).unwrap();
        let header = json!({"alg": "RS256", "typ": "JWT"});
        let payload = honest().to_string();
        let token = testing::mint_with_header(&key, &header, payload.as_bytes()).unwrap();
        refuses(&servers, &token, 401, INVALID).await;
    }
    refuses(&servers, &hs256(pem("public").as_bytes(), &json!({"alg": "HS256"})), 401, INVALID)
        .await;
    accepts(&servers, &signed_with(Algorithm::RS256)).await;
}

/// Counts who connects.
async fn trap() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    tokio::spawn(async move {
        while let Ok((_connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, visits)
}

#[tokio::test]
async fn line_04_keys_that_the_token_brings_along() {
    let world = World::new().await;
    let servers = serve(Authenticator::builder().jam(world.jam())).await;
    let (url, visits) = trap().await;
    let attacker = SigningKey::generate(Algorithm::ES512).unwrap();
    let embedded = json!(attacker.verifying_key().unwrap().to_jwk().unwrap());
    let kid = json!(world.client().jwks().await.unwrap().iter().next().unwrap().key_id());
    let claims = json!({
        "iss": world.app.issuer(), "aud": crate::support::APP, "token_use": "id",
        "email": ANN, "exp": crate::support::NOW + 60,
    })
    .to_string();
    let members = [
        ("jwk", embedded.clone()),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!([BASE64_STANDARD.encode(embedded.to_string())])),
    ];
    for (name, value) in members {
        for kid in [&kid, &json!("attacker"), &json!(url)] {
            let mut header = json!({"alg": "ES512", "typ": "JWT", "kid": kid});
            header[name] = value.clone();
            let token = testing::mint_with_header(&attacker, &header, claims.as_bytes()).unwrap();
            refuses(&servers, &token, 401, INVALID).await;
        }
        // Beside an honest signature it is ignored.
        accepts(&servers, &world.issue(IdToken::new(ANN).header(name, value))).await;
    }
    accepts(&servers, &world.token()).await;
    assert_eq!(visits.load(Ordering::SeqCst), 0, "no request followed the token");
    // The trap works.
    drop(
        tokio::net::TcpStream::connect(
            url.strip_prefix("http://").unwrap().trim_end_matches("/keys"),
        )
        .await
        .unwrap(),
    );
    let visited = async || visits.load(Ordering::SeqCst) == 1;
    crate::support::wait::until("the trap sees the visit", visited).await;
}

/// Serves one key set and notes what it was asked for.
struct Recording {
    keys: String,
    urls: Arc<Mutex<Vec<String>>>,
}

impl Fetch for Recording {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        self.urls.lock().unwrap().push(url.to_owned());
        let keys = self.keys.clone().into_bytes();
        Box::pin(async { Ok(FetchedDocument::new(keys)) })
    }
}

#[tokio::test]
async fn line_05_kid_is_a_name_and_nothing_else() {
    let world = World::new().await;
    let urls = Arc::new(Mutex::new(Vec::new()));
    let app = world.jam().fetcher(Recording { keys: world.app.jwks_json(), urls: urls.clone() });
    let place = app.jwks_url().unwrap();
    let servers = serve(Authenticator::builder().jam(app)).await;
    for kid in [
        json!("../../../../etc/passwd"),
        json!("/dev/null"),
        json!("file:///etc/passwd"),
        json!("http://127.0.0.1/keys"),
        json!("x' UNION SELECT 'key' --"),
        json!("a\u{0}b"),
        json!("x".repeat(8 * 1024)),
        json!(""),
        json!(0),
        json!(null),
        json!(["a"]),
        json!({"a": 1}),
    ] {
        let token = world.issue(IdToken::new(ANN).header("kid", kid));
        refuses(&servers, &token, 401, INVALID).await;
    }
    let token = world.issue(IdToken::new(ANN).without_header("kid"));
    refuses(&servers, &token, 401, INVALID).await;
    accepts(&servers, &world.token()).await;
    // The first need, and once for a name that was not there.
    let urls = urls.lock().unwrap();
    assert_eq!(*urls, [place.clone(), place]);
}

#[tokio::test]
async fn line_06_header_extensions() {
    let target = Target::new(Algorithm::ES256).await;
    let with = |members: Value| {
        let mut header = target.header();
        for (name, value) in members.as_object().unwrap() {
            header[name] = value.clone();
        }
        target.under(&header)
    };
    let tokens = [
        json!({"crit": ["x"], "x": 1}),
        json!({"crit": []}),
        json!({"crit": "exp"}),
        json!({"crit": ["alg"]}),
        json!({"crit": ["absent"]}),
        json!({"crit": null}),
        json!({"b64": false}),
        json!({"b64": false, "crit": ["b64"]}),
        json!({"b64": true, "crit": ["b64"]}),
        json!({"zip": "DEF"}),
        json!({"cty": "JWT"}),
        json!({"cty": "application/jwt"}),
    ]
    .map(with);
    target.refuses_all(tokens).await;
    // What nobody has to understand is ignored.
    target.accepts(&with(json!({"x": 1, "cty": "json"}))).await;
}

/// The order of P-521's group (FIPS 186-5 / SEC 2).
fn p521_order() -> Vec<u8> {
    let mut order = vec![1];
    order.extend([0xff; 32]);
    order.push(0xfa);
    for pair in
        "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409".as_bytes().chunks(2)
    {
        order.push(u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    }
    order
}

/// Big-endian, of equal length.
fn plus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let digit = u16::from(*a) + u16::from(*b) + carry;
            carry = digit >> 8;
            digit as u8
        })
        .collect();
    sum.reverse();
    sum
}

#[tokio::test]
async fn line_07_ecdsa_signatures_out_of_range_and_form() {
    let world = World::new().await;
    let servers = serve(Authenticator::builder().jam(world.jam())).await;
    let token = world.token();
    let [header, payload, signature] = parts(&token);
    let signature = decode(signature);
    let (r, s) = signature.split_at(66);
    let (zero, n) = ([0; 66], p521_order());
    assert_eq!((signature.len(), n.len()), (132, 66));
    let integer = |number: &[u8]| [&[2, 67, 0][..], number].concat();
    let der_body = [integer(r), integer(s)].concat();
    let der = [&[0x30, 0x81, der_body.len() as u8][..], &der_body].concat();
    let pair = |r: &[u8], s: &[u8]| [r, s].concat();
    let forged = [
        pair(&zero, &zero),
        pair(&zero, s),
        pair(r, &zero),
        pair(&n, &n),
        pair(&n, s),
        pair(r, &n),
        pair(&plus(r, &n), s),
        pair(r, &plus(s, &n)),
        pair(&plus(r, &n), &plus(s, &n)),
        pair(&[0xff; 66], &[0xff; 66]),
        pair(s, r),
        der,
        Vec::new(),
        signature[..64].to_vec(),
        signature[..130].to_vec(),
        signature[..131].to_vec(),
        [&signature[..], &[0]].concat(),
        [&[0], &signature[..]].concat(),
        [&signature[..], &signature[..]].concat(),
        vec![0; 8 * 1024],
        vec![0; 16 * 1024],
    ];
    for signature in forged {
        let token = format!("{header}.{payload}.{}", encode(signature));
        refuses(&servers, &token, 401, INVALID).await;
    }
    // Another curve's key under the header's algorithm.
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let key = SigningKey::generate(algorithm).unwrap();
        let input = format!("{header}.{payload}");
        let signature = encode(key.sign(input.as_bytes()).unwrap());
        refuses(&servers, &format!("{input}.{signature}"), 401, INVALID).await;
    }
    accepts(&servers, &token).await;
}
