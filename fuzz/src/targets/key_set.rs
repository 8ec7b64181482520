//! A JWK set, or a document of certificates.
//!
//! Oracle: the set that is written is the set that was read; each key stands alone as it does in the
//! set; a token of a private key in the set verifies by its public part.

use crate::{Verdict, strict};
use jamguard::jose::{Jwk, KeySet, VerifyingKey};
use serde_json::Value;

pub const WORDS: &[&str] = &[
    "{\"keys\":[",
    "]}",
    ",",
    "\"kid\":\"a\"",
    "\"kid\":\"b\"",
    "\"use\":\"enc\"",
    "\"use\":\"jwt-svid\"",
    "\"d\":\"AQAB\"",
    "\"x5c\":[\"AAAA\"]",
    "\"x5t\":\"a\"",
    "null",
    "{}",
    "-----BEGIN CERTIFICATE-----",
    "-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "\\n",
];

pub fn run(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else {
        return Verdict::Refused;
    };
    let set = KeySet::from_json(text);
    let verdict = Verdict::of(&set);
    let Ok(set) = set else {
        return verdict;
    };
    assert!(!set.is_empty() && set.len() == set.iter().count() && set.len() <= 100);
    let written = set.to_json();
    let again = KeySet::from_json(&written).unwrap();
    assert_eq!(written, again.to_json());
    let shown = |set: &KeySet| -> Vec<_> {
        let key = |key: &VerifyingKey| {
            (key.key_id().map(str::to_owned), key.algorithms().collect::<Vec<_>>())
        };
        set.iter().map(key).collect()
    };
    assert_eq!(shown(&set), shown(&again), "{text}");
    for key in set.iter() {
        let alone = VerifyingKey::from_jwk(&key.to_jwk().unwrap().to_json()).unwrap();
        assert_eq!(thumbprint(alone.to_jwk().unwrap()), thumbprint(key.to_jwk().unwrap()));
    }
    // Every key that is usable alone and public is in the set.
    if let Some(keys) = strict::object(data).and_then(|set| set.get("keys")?.as_array().cloned()) {
        for entry in keys {
            let is_private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
                .iter()
                .any(|n| entry.get(n).is_some());
            let Ok(alone) = VerifyingKey::from_jwk(&entry.to_string()) else { continue };
            let Some(jwk) = alone.to_jwk() else { continue };
            let is_in = set.iter().any(|key| {
                let same = |known: &Jwk| thumbprint(known) == thumbprint(jwk);
                key.key_id() == entry.get("kid").and_then(Value::as_str)
                    && key.to_jwk().is_some_and(same)
            });
            assert!(is_in != is_private, "{entry} in {text}");
        }
    }
    verdict
}

fn thumbprint(jwk: &Jwk) -> String {
    jwk.thumbprint().unwrap()
}
