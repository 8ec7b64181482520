//! The protected header of a signed token.
//!
//! Oracle: a second reader decides which headers are acceptable, and what `kid` and `typ` are.

use crate::common::{HMAC, sign};
use crate::{Verdict, strict};
use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey};
use serde_json::Value;

pub const WORDS: &[&str] = &[
    "\"alg\":\"HS256\"",
    "\"alg\":\"none\"",
    "\"kid\":\"k\"",
    "\"typ\":\"JWT\"",
    "\"cty\":\"application/JWT\"",
    "\"crit\":[\"exp\"]",
    "\"b64\":false",
    "\"zip\":\"DEF\"",
    "\"enc\":\"A256GCM\"",
    "\"jwk\":{}",
    "\"x5t\":\"a\"",
    "\\u0061lg",
    "\\ud800",
];

/// Signs the input as a header.
pub fn run(data: &[u8]) -> Verdict {
    let keys = KeySet::from(SigningKey::verifying_key(&HMAC).unwrap());
    let token = sign(&HMAC, data, b"payload");
    let verified = Jws::verify(&token, &keys, &[Algorithm::HS256]);
    let expected = acceptable(data);
    match (&verified, &expected) {
        (Ok(jws), Some((kid, typ))) => {
            assert_eq!(jws.payload(), b"payload");
            assert_eq!(jws.header().key_id(), kid.as_deref());
            assert_eq!(jws.header().token_type(), typ.as_deref());
            // A header is cached; the second answer is the first one.
            let again = Jws::verify(&token, &keys, &[Algorithm::HS256]).unwrap();
            assert_eq!(again.header(), jws.header());
        }
        (Err(_), None) => {}
        (ours, _) => panic!("{:?}: {ours:?}, expected {expected:?}", String::from_utf8_lossy(data)),
    }
    Verdict::of(&verified)
}

/// Returns `kid` and `typ` of an acceptable header.
fn acceptable(header: &[u8]) -> Option<(Option<String>, Option<String>)> {
    // 8 KiB of base64url.
    if header.len() > 6 * 1024 {
        return None;
    }
    let members = strict::object(header)?;
    let text = |name: &str| match members.get(name) {
        None => Some(None),
        Some(Value::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    };
    let (kid, typ) = (text("kid")?, text("typ")?);
    let is_jwt = |cty: &str| {
        let cty = cty.to_ascii_lowercase();
        cty == "jwt" || cty == "application/jwt"
    };
    let fits = text("alg")?? == "HS256"
        && ["crit", "b64", "zip", "enc"].iter().all(|name| !members.contains_key(*name))
        && !members.get("cty").and_then(Value::as_str).is_some_and(is_jwt)
        && kid.as_ref().is_none_or(|kid| kid.len() <= 256 && !kid.chars().any(char::is_control));
    fits.then_some((kid, typ))
}
