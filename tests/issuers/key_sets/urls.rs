//! Where keys may come from: never from what a token says, never over plain http.

use crate::support::issuer::*;
use jamguard::ErrorKind::{Configuration, Malformed, TooLarge, UnknownKey};
use jamguard::emulator::{AppSettings, Emulator, Endpoint, IdToken};
use jamguard::jose::Algorithm;
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::{ManualClock, mint_with_header};
use jamguard::{Authenticator, Error, ErrorKind, JamApp, Verifier};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;

const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";

#[test]
fn line_23_urls_that_are_neither_https_nor_loopback_are_refused() {
    let refused = |url: &str| {
        let by_url = Verifier::builder().any_audience().jwks_url(url);
        let by_issuer = Verifier::builder().any_audience().discover(url);
        let verifiers = [by_url, by_issuer].map(|verifier| {
            let verifier = verifier.algorithms([Algorithm::ES256]).build();
            verifier.map(drop)
        });
        let others = [
            RemoteKeySet::builder(url).build().map(drop),
            RemoteKeySet::discover(url).build().map(drop),
        ];
        let all: Vec<_> = verifiers.into_iter().chain(others).collect();
        for answer in &all {
            assert_eq!(answer.is_err(), all[0].is_err(), "{url}");
            if let Err(error) = answer {
                assert_eq!(error.kind(), Configuration, "{url}");
                assert!(!error.message().contains("s3cret"), "{url}");
            }
        }
        all[0].is_err()
    };
    for url in [
        "",
        "keys.json",
        "issuer.example/keys",
        "//issuer.example/keys",
        "http://issuer.example/keys",
        "HTTP://issuer.example/keys",
        "http://127.0.0.1.issuer.example/keys",
        "http://localhost.issuer.example/keys",
        "http://10.0.0.1/keys",
        "http://0.0.0.0/keys",
        "http://[::ffff:10.0.0.1]/keys",
        "http://169.254.169.254/latest",
        "file:///etc/keys.json",
        "data:application/json,{\"keys\":[]}",
        "ftp://issuer.example/keys",
        "ws://127.0.0.1/keys",
        "javascript:keys",
        "https://",
        "https://user:s3cret@issuer.example/keys",
    ] {
        assert!(refused(url), "{url}");
    }
    for url in [
        "https://issuer.example/keys",
        "https://issuer.example:8443/a/b",
        "http://127.0.0.1:4000/keys",
        "http://127.8.9.10/keys",
        "http://[::1]:4000/keys",
        "http://localhost:4000/keys",
    ] {
        assert!(!refused(url), "{url}");
    }
    // A key set may have a query, an issuer may not (OpenID Connect Discovery section 2).
    let with_query = "https://issuer.example/keys?tenant=7";
    assert!(RemoteKeySet::builder(with_query).build().is_ok());
    for issuer in [with_query, "https://issuer.example/#keys"] {
        let error = RemoteKeySet::discover(issuer).build().unwrap_err();
        assert_eq!(error.kind(), Configuration);
    }
    for base in ["http://jam.example", "file:///jam", "ftp://jam.example"] {
        let app = JamApp::new(APP).base_url(base);
        let error = Authenticator::builder().jam(app).build().unwrap_err();
        assert_eq!(error.kind(), Configuration, "{base}");
    }
}

#[test]
fn keys_come_from_one_place() {
    let remote = || {
        let algorithms = [Algorithm::ES256];
        let verifier = Verifier::builder().any_audience().algorithms(algorithms);
        verifier.jwks_url("https://issuer.example/keys")
    };
    let set = RemoteKeySet::builder("https://issuer.example/keys").build().unwrap();
    assert!(remote().build().is_ok());
    for two in [
        remote().jwks_url("https://issuer.example/others"),
        remote().discover("https://issuer.example"),
        remote().jwks(set.clone()),
        remote().key(key("k1").verifying_key().unwrap()),
    ] {
        let error = two.build().unwrap_err();
        assert_eq!(error.kind(), Configuration);
        assert!(error.message().contains(".jwks_url("), "{error}");
    }
    let app = JamApp::new(APP).jwks(set);
    assert!(app.verifier().is_ok());
    let error = app.fetcher(Unused).verifier().unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.message().contains(".jwks("), "{error}");
}

struct Unused;

impl Fetch for Unused {
    fn fetch<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async { Err(Error::new(ErrorKind::Connection, "nothing is fetched here")) })
    }
}

#[tokio::test]
async fn line_04_and_24_no_url_of_a_token_is_ever_opened() {
    let world = World::new().await;
    let trap = Server::start().await;
    let attacker = key("k9");
    let set = set_of(&[&attacker]);
    for path in ["/keys", "/.well-known/jwks.json", "/k9"] {
        trap.set(path, Answer::ok(set.clone()));
    }
    let url = trap.url("/keys");
    let headers = [
        json!({"alg": "ES256", "kid": "k9", "jku": url}),
        json!({"alg": "ES256", "kid": "k9", "x5u": url}),
        json!({"alg": "ES256", "kid": "k9", "jwk": jwk(&attacker)}),
        json!({"alg": "ES256", "kid": "k9", "x5c": ["AAAA"]}),
        json!({"alg": "ES256", "kid": url}),
        json!({"alg": "ES256", "kid": url, "jku": url}),
        json!({"alg": "ES256", "jku": url, "jwk": jwk(&attacker)}),
    ];
    let own = token(&world.key);
    assert_eq!(verify(&world.verifier, &own).await, Ok(()));
    for header in &headers {
        for iss in [ISSUER, &*trap.url("")] {
            let mut claims = claims();
            claims["iss"] = iss.into();
            claims["jku"] = trap.url("/keys").into();
            let payload = claims.to_string();
            let token = mint_with_header(&attacker, header, payload.as_bytes()).unwrap();
            assert!(verify(&world.verifier, &token).await.is_err(), "{header}");
            // Nor by a verifier that has no keys yet.
            let cold = World::new().await;
            assert!(verify(&cold.verifier, &token).await.is_err(), "{header}");
            for line in cold.server.seen() {
                assert_eq!(line, "GET /keys HTTP/1.1");
            }
        }
    }
    assert_eq!(trap.seen(), Vec::<String>::new(), "outbound requests");
    for line in world.server.seen() {
        assert_eq!(line, "GET /keys HTTP/1.1");
    }
    assert_eq!(world.server.hits(), 2, "one for all the unknown keys");
    assert_eq!(verify(&world.verifier, &own).await, Ok(()));
    // The trap itself works.
    let trapped = RemoteKeySet::builder(url).clock(world.clock.clone());
    let trapped = verifier(&trapped.build().unwrap(), &world.clock);
    assert_eq!(verify(&trapped, &token(&attacker)).await, Ok(()));
    assert_eq!(trap.hits(), 1);
}

#[tokio::test]
async fn line_05_a_hostile_kid_never_shapes_a_request() {
    let long = "k".repeat(257);
    let huge = "k".repeat(8 << 10);
    let no_kid_at_all: [Value; 8] = [
        json!(7),
        Value::Null,
        json!(["k1"]),
        json!({"k1": 1}),
        json!("k1\0"),
        json!("k1\r\nHost: attacker.example"),
        json!(long),
        json!(huge),
    ];
    let unknown = [
        "../../../etc/passwd",
        "/keys2",
        "?x=1",
        "#",
        "%00",
        "' OR 1=1 --",
        "k1 ",
        "K1",
        "http://127.0.0.1/keys",
    ];
    let mint = |world: &World, kid: &Value| {
        let header = json!({"alg": "ES256", "kid": kid});
        mint_with_header(&world.key, &header, claims().to_string().as_bytes()).unwrap()
    };
    // Without keys nothing is fetched for a token that no key could make valid.
    let cold = World::new().await;
    for kid in &no_kid_at_all {
        let refused = verify(&cold.verifier, &mint(&cold, kid)).await;
        assert!(matches!(refused, Err(Malformed | TooLarge)), "{kid}");
    }
    assert_eq!(cold.server.hits(), 0);

    let world = World::new().await;
    assert_eq!(world.verify(&world.key).await, Ok(()));
    for kid in &no_kid_at_all {
        let refused = verify(&world.verifier, &mint(&world, kid)).await;
        assert!(matches!(refused, Err(Malformed | TooLarge)), "{kid}");
    }
    assert_eq!(world.server.hits(), 1, "no fetch for what is no kid");
    for kid in unknown {
        let refused = verify(&world.verifier, &mint(&world, &json!(kid))).await;
        assert_eq!(refused, Err(UnknownKey), "{kid}");
    }
    assert_eq!(world.server.seen(), ["GET /keys HTTP/1.1"; 2]);
    let own = mint(&world, &json!("k1"));
    assert_eq!(verify(&world.verifier, &own).await, Ok(()));
}

#[tokio::test]
async fn nothing_is_fetched_for_a_token_that_no_key_could_make_valid() {
    let world = World::new().await;
    let foreign = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        jamguard::testing::mint(&world.key, &claims).unwrap()
    };
    let garbage = ["", "a.b.c", "not a token"].map(str::to_owned);
    let tokens = garbage.into_iter().chain([
        foreign("iss", json!("https://other.example")),
        foreign("iss", json!([ISSUER])),
        foreign("exp", json!("soon")),
        mint_with_header(&world.key, &json!({"alg": "none"}), b"{}").unwrap(),
        mint_with_header(&world.key, &json!({"alg": "ES384", "kid": "k1"}), b"{}").unwrap(),
    ]);
    for token in tokens {
        assert!(verify(&world.verifier, &token).await.is_err());
    }
    assert_eq!(world.server.hits(), 0);
    assert_eq!(world.verify(&world.key).await, Ok(()));
    assert_eq!(world.server.hits(), 1);
}

/// The same for a JAM app, whose key set lies under its own address.
#[tokio::test]
async fn line_04_05_and_24_through_a_jam_app() {
    let clock = ManualClock::at(NOW);
    let emulator = Emulator::builder().clock(clock.clone()).start().await.unwrap();
    let app = emulator.add_app(AppSettings::new(APP)).unwrap();
    let trap = Server::start().await;
    let jam = JamApp::new(APP).base_url(emulator.base_url()).clock(clock);
    let verifier = jam.verifier().unwrap();
    let sound = app.id_token("ann@example.com").unwrap();
    assert_eq!(verify(&verifier, &sound).await, Ok(()));
    let odd = |name: &str, value: Value| {
        let token = IdToken::new("ann@example.com").header(name, value);
        app.issue(token).unwrap()
    };
    for kid in ["../other-app", "x", &*trap.url("/keys")] {
        let refused = verify(&verifier, &odd("kid", json!(kid))).await;
        assert_eq!(refused, Err(UnknownKey), "{kid}");
    }
    for (name, value) in [("jku", json!(trap.url("/"))), ("x5u", json!(trap.url("/")))] {
        // What it says is not looked at; its key is known and signed it.
        assert_eq!(verify(&verifier, &odd(name, value)).await, Ok(()), "{name}");
    }
    let foreign = IdToken::new("ann@example.com").claim("iss", trap.url(""));
    let foreign = app.issue(foreign).unwrap();
    let refused = verify(&verifier, &foreign).await;
    assert_eq!(refused, Err(ErrorKind::InvalidClaim));
    assert_eq!(trap.hits(), 0);
    assert_eq!(emulator.requests(Endpoint::Jwks), 2);
    emulator.stop().await;
}
