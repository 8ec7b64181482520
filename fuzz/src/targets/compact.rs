//! A compact token, sent as the attacker likes.
//!
//! Oracle: only header and payload that were signed are accepted, and only as they were signed;
//! jsonwebtoken accepts what jamguard accepts.
//!
//! The first byte selects a signed token, and the rest edits it: groups of three bytes (operation,
//! place, byte). First bytes of 128 and more pass the rest as it is.

use crate::Verdict;
use crate::common::{AUDIENCE, HMAC, ISSUER, NOW, SECRET, block_on, clock, sign};
use jamguard::Verifier;
use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub const WORDS: &[&str] = &[
    ".",
    "..",
    "=",
    "-_",
    "+/",
    "eyJhbGciOiJub25lIn0",
    "eyJhbGciOiJIUzI1NiJ9",
    "\u{0}",
    " ",
    "\n",
];

struct Issued {
    algorithm: Algorithm,
    token: String,
    payload: String,
}

struct World {
    verifier: Verifier,
    keys: KeySet,
    issued: Vec<Issued>,
    /// Keys of jsonwebtoken by algorithm.
    theirs: Vec<(Algorithm, jsonwebtoken::Algorithm, DecodingKey)>,
}

pub(super) const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
pub(super) const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

static WORLD: LazyLock<World> = LazyLock::new(|| {
    // The private keys of RFC 7515 appendix A.3 and RFC 8037 appendix A.
    let p256 = SigningKey::from_jwk(Algorithm::ES256, P256).unwrap();
    let ed = SigningKey::from_jwk(Algorithm::EdDSA, ED25519).unwrap();
    let hmac = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let mut issued = Vec::new();
    for (number, key) in [&*HMAC, &p256, &ed].into_iter().cycle().take(6).enumerate() {
        let algorithm = key.algorithm();
        let header = json!({"alg": algorithm.name(), "typ": "JWT"}).to_string();
        let payload = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": format!("user-{number}"), "exp": NOW + 600,
        })
        .to_string();
        let token = sign(key, header.as_bytes(), payload.as_bytes());
        issued.push(Issued { algorithm, token, payload });
    }
    let mut keys = KeySet::from(hmac.verifying_key().unwrap());
    let mut verifier = Verifier::builder().key(hmac.verifying_key().unwrap());
    for key in [&p256, &ed] {
        keys.push(key.verifying_key().unwrap());
        verifier = verifier.key(key.verifying_key().unwrap());
    }
    let pem = |key: &SigningKey| key.verifying_key().unwrap().to_pem().unwrap().into_bytes();
    World {
        verifier: verifier
            .algorithms(ALGORITHMS)
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .cache_bytes(64 * 1024)
            .clock(clock())
            .build()
            .unwrap(),
        keys,
        issued,
        theirs: vec![
            (
                Algorithm::HS256,
                jsonwebtoken::Algorithm::HS256,
                DecodingKey::from_secret(SECRET).unwrap(),
            ),
            (
                Algorithm::ES256,
                jsonwebtoken::Algorithm::ES256,
                DecodingKey::from_ec_pem(&pem(&p256)).unwrap(),
            ),
            (
                Algorithm::EdDSA,
                jsonwebtoken::Algorithm::EdDSA,
                DecodingKey::from_ed_pem(&pem(&ed)).unwrap(),
            ),
        ],
    }
});

const ALGORITHMS: [Algorithm; 3] = [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA];

pub fn run(data: &[u8]) -> Verdict {
    let world = &*WORLD;
    let Some((&selected, rest)) = data.split_first() else {
        return Verdict::Refused;
    };
    let sent = match selected {
        128.. => rest.to_vec(),
        _ => edited(&world.issued[usize::from(selected) % world.issued.len()].token, rest),
    };
    let Ok(sent) = String::from_utf8(sent) else {
        return Verdict::Refused;
    };
    let verified = block_on(world.verifier.verify(&sent));
    let as_issued = world.issued.iter().find(|issued| issued.token == sent);
    assert!(as_issued.is_none() || verified.is_ok(), "refuses its own token: {verified:?}");
    let jws = Jws::verify(&sent, &world.keys, &ALGORITHMS);
    assert_eq!(verified.is_ok(), jws.is_ok(), "{sent}");
    let Ok(verified) = verified else {
        return Verdict::Refused;
    };
    let signed = |token: &str| token.rsplit_once('.').map(|(input, _)| input.to_owned());
    let issued = world.issued.iter().find(|issued| signed(&issued.token) == signed(&sent));
    let issued = issued.unwrap_or_else(|| panic!("accepts what was never signed: {sent}"));
    assert_eq!(verified.raw_claims(), issued.payload);
    assert_eq!(verified.expose_token(), sent);
    // Of ECDSA there is a second signature to each; of the others there is one.
    assert!(
        issued.algorithm == Algorithm::ES256 || issued.token == sent,
        "another spelling: {sent}"
    );
    let (_, algorithm, key) =
        world.theirs.iter().find(|(algorithm, ..)| *algorithm == issued.algorithm).unwrap();
    let mut validation = Validation::new(*algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_exp = false;
    let theirs = jsonwebtoken::decode::<Value>(&sent, key, &validation).unwrap();
    assert_eq!(verified.claims::<Value>().unwrap(), &theirs.claims);
    assert_eq!(block_on(world.verifier.verify(&sent)).unwrap().raw_claims(), issued.payload);
    Verdict::Accepted
}

fn edited(token: &str, edits: &[u8]) -> Vec<u8> {
    let mut token = token.as_bytes().to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(edit[1]) * (token.len() + 1) / 256;
        match edit[0] % 5 {
            0 if at < token.len() => token[at] = edit[2],
            1 => token.insert(at, edit[2]),
            2 if at < token.len() => drop(token.remove(at)),
            3 => token.truncate(at),
            // The end moves: a place by the length of the rest.
            _ => {
                let at = token.len() - (usize::from(edit[1]) % (token.len() + 1)).min(token.len());
                token.insert(at, edit[2]);
            }
        }
    }
    token
}
