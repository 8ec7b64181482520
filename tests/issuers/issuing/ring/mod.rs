//! Rotation under use, in one process and in several that share a store.

mod alone;
mod shared;

use jamguard::jose::Algorithm;
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, Issuer, KeyRing, KeyRingBuilder, KeyState, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

const NOW: u64 = 1_800_000_000;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A ring whose keys are known an hour ahead, and whose tokens live 15 minutes.
fn ring(clock: &ManualClock) -> KeyRingBuilder {
    KeyRing::builder(Algorithm::ES256).publish_ahead(HOUR).overlap(16 * MINUTE).clock(clock.clone())
}

fn issuer(ring: &KeyRing) -> Issuer {
    let issuer = Issuer::builder().key_ring(ring.clone());
    issuer.issuer("https://issuer.example").build().unwrap()
}

async fn token(issuer: &Issuer) -> String {
    let token = issuer.issue(&json!({"sub": "42"})).await.unwrap();
    token.expose().to_owned()
}

async fn verify(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    let answer = verifier.verify(token).await;
    answer.map(drop).map_err(|error| error.kind())
}

/// The name of the key that signed.
fn kid(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header);
    let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Names and states, those that sign earlier first.
async fn states(ring: &KeyRing) -> Vec<(String, KeyState)> {
    let keys = ring.keys().await.unwrap();
    let told = keys.iter().map(|key| (key.key_id().to_owned(), key.state()));
    told.collect()
}

/// The names of the published keys.
async fn published(ring: &KeyRing) -> Vec<String> {
    let keys = ring.verifying_keys().await.unwrap().to_json();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let names = keys["keys"].as_array().unwrap().iter();
    names.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
