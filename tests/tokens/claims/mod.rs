//! Attacks on a token's claims. Every token here is signed as it should be.

mod dates;
mod families;
mod kinds;
mod lists;
mod other_types;
mod parties;
mod profile;

use crate::support::tokens::{Target, claims_without};
use jamguard::jose::Algorithm;
use serde_json::{Value, json};

fn target() -> Target {
    Target::new(Algorithm::ES256)
}

/// The sound claims with one given as JSON text, which need not fit a [`Value`].
fn payload(name: &str, value: &str) -> String {
    let rest = claims_without(name).to_string();
    format!("{},\"{name}\":{value}}}", rest.strip_suffix('}').unwrap())
}

/// Values of every JSON type but the string.
fn not_strings(sound: &str) -> Vec<Value> {
    vec![
        json!([sound]),
        json!([]),
        json!({"value": sound}),
        json!({}),
        json!(0),
        json!(42),
        json!(1.5),
        Value::Null,
        json!(true),
        json!(false),
    ]
}
