//! The claims of a signed token.
//!
//! Oracle: a second reader applies RFC 7519 section 4.1 and decides which tokens are acceptable;
//! jsonwebtoken accepts what jamguard accepts; the handler's claims are those that were signed.

use crate::common::{AUDIENCE, HMAC, ISSUER, NOW, SECRET, block_on, clock, sign};
use crate::{Verdict, strict};
use jamguard::Verifier;
use jamguard::jose::{Algorithm, SigningKey};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value};
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

pub const WORDS: &[&str] = &[
    "\"iss\":\"https://issuer.example\"",
    "\"aud\":\"api\"",
    "\"aud\":[\"a\",\"api\"]",
    "\"exp\":1767225600",
    "\"exp\":1767225540",
    "\"exp\":1767225539.5",
    "\"exp\":253402300800",
    "\"nbf\":1767225660",
    "\"iat\":1767225661",
    "\"sub\":\"ann\"",
    "\"jti\":\"1\"",
    "\"cnf\":{}",
    "1e10",
    "1.7672256e9",
    "-0",
    "-0.0",
    "99999999999999999999",
    "null",
    "\\u0073ub",
    "\\ud800",
];

const LEEWAY: u64 = 60;
const MAX_DATE: f64 = 253_402_300_799.0;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    Verifier::builder()
        .key(SigningKey::verifying_key(&HMAC).unwrap())
        .algorithms([Algorithm::HS256])
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .cache_bytes(64 * 1024)
        .clock(clock())
        .build()
        .unwrap()
});

/// Signs the input as a payload.
pub fn run(data: &[u8]) -> Verdict {
    let token = sign(&HMAC, br#"{"alg":"HS256"}"#, data);
    if token.len() > 16 * 1024 {
        return Verdict::Refused;
    }
    let verified = block_on(VERIFIER.verify(&token));
    let expected = strict::object(data).filter(acceptable);
    match (&verified, &expected) {
        (Ok(verified), Some(claims)) => {
            assert_eq!(verified.raw_claims().as_bytes(), data);
            let theirs: Value = serde_json::from_slice(data).unwrap();
            assert_eq!(verified.claims::<Value>().unwrap(), &theirs);
            let text = |name: &str| claims.get(name).and_then(Value::as_str);
            assert_eq!(verified.subject(), text("sub"));
            assert_eq!(verified.token_id(), text("jti"));
            assert_eq!(verified.issuer(), Some(ISSUER));
            let expires = verified.expires_at().unwrap().duration_since(UNIX_EPOCH).unwrap();
            assert_eq!(expires.as_secs() as f64, claims["exp"].as_f64().unwrap().floor());
            let again = block_on(VERIFIER.verify(&token)).unwrap();
            assert_eq!(again.raw_claims(), verified.raw_claims());
            accepted_by_jsonwebtoken(&token);
        }
        (Err(_), None) => {}
        (ours, _) => panic!("{:?}: {ours:?}, expected {expected:?}", String::from_utf8_lossy(data)),
    }
    Verdict::of(&verified)
}

/// jsonwebtoken reads the system's clock, so it does not compare dates here.
fn accepted_by_jsonwebtoken(token: &str) {
    let key = DecodingKey::from_secret(SECRET).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
}

fn acceptable(claims: &Map<String, Value>) -> bool {
    let date = |name: &str| match claims.get(name) {
        None => Some(None),
        Some(value) => {
            let seconds = value.as_f64()?;
            let whole = if name == "exp" { seconds.floor() } else { seconds.ceil() };
            (0.0..=MAX_DATE).contains(&whole).then_some(Some(whole as u64))
        }
    };
    let is_text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    let for_us = match claims.get("aud") {
        Some(Value::String(audience)) => audience == AUDIENCE,
        Some(Value::Array(audiences)) => {
            audiences.iter().all(Value::is_string) && audiences.iter().any(|one| one == AUDIENCE)
        }
        _ => false,
    };
    let (Some(Some(exp)), Some(nbf), Some(iat)) = (date("exp"), date("nbf"), date("iat")) else {
        return false;
    };
    for_us
        && claims.get("iss").is_some_and(|iss| iss == ISSUER)
        && is_text("sub")
        && is_text("jti")
        && NOW < exp + LEEWAY
        && nbf.is_none_or(|nbf| nbf <= NOW + LEEWAY)
        && iat.is_none_or(|iat| iat <= NOW + LEEWAY)
        // Bound tokens need a proof (RFC 7800 section 3.1).
        && !claims.contains_key("cnf")
}
