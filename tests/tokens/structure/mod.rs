//! Attacks on a token's structure, algorithm and key.
//!
//! Every verifier here has fixed keys: no network, 0 outbound requests by construction; the
//! helper `verify` shows that it never even waits.

mod algorithm;
mod encoding;
mod header;
mod json;
mod keys;

use crate::support::tokens::NOW;
use jamguard::jose::{Algorithm, VerifyingKey};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, Verifier};
use serde_json::Value;

/// A verifier of a JWK (a JSON value) under a policy.
fn jwk_verifier(jwks: &[&Value], policy: &[Algorithm]) -> Result<Verifier, ErrorKind> {
    let mut rules = Verifier::builder()
        .any_audience()
        .algorithms(policy.iter().copied())
        .clock(ManualClock::at(NOW));
    for jwk in jwks {
        let key = VerifyingKey::from_jwk(&jwk.to_string()).map_err(|error| error.kind())?;
        rules = rules.key(key);
    }
    rules.build().map_err(|error| error.kind())
}

fn without(value: &Value, member: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(member);
    value
}

fn with(value: &Value, member: &str, other: impl Into<Value>) -> Value {
    let mut value = value.clone();
    value[member] = other.into();
    value
}
