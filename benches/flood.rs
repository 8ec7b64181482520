//! Benchmarks of overload.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use std::hint::black_box;
use std::time::Instant;
use support::{Table, undisturbed};

fn main() {
    let table = Table::begin("jamguard, overload");
    costs(&table);
}

/// The time to reject one forged signature, by algorithm and key size.
fn costs(_table: &Table) {
    use Algorithm::{ES256, ES384, ES512, Ed25519, HS256, PS256, RS256, RS512};
    for algorithm in [HS256, Ed25519, ES256, ES384, ES512] {
        let key = SigningKey::generate(algorithm).unwrap().verifying_key().unwrap();
        let mut signature = SigningKey::generate(algorithm).unwrap().sign(b"message").unwrap();
        cost(&format!("{algorithm}"), &key, algorithm, &signature);
        signature.reverse();
    }
    for bits in [2048, 3072, 4096, 6144, 8192] {
        for (e, name) in [(vec![1u8, 0, 1], "65537"), (vec![0x1, 0xff, 0xff, 0xff, 0xff], "2^33-1")] {
            for algorithm in [RS256, PS256, RS512] {
                let n: Vec<u8> = (0..bits / 8).map(|at: usize| (at * 37 % 251) as u8 | 0x81).collect();
                let json = format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#,
                    URL_SAFE_NO_PAD.encode(&n), URL_SAFE_NO_PAD.encode(&e));
                let key = VerifyingKey::from_jwk(&json).unwrap();
                let signature: Vec<u8> = (0..bits / 8).map(|at: usize| (at * 91 % 249) as u8 & 0x7f).collect();
                cost(&format!("{algorithm} {bits} e={name}"), &key, algorithm, &signature);
            }
        }
    }
}

fn cost(what: &str, key: &VerifyingKey, algorithm: Algorithm, signature: &[u8]) {
    let message = [b'm'; 600];
    let times = (0..200).map(|_| {
        let start = Instant::now();
        black_box(key.verify(algorithm, &message, signature)).unwrap_err();
        start.elapsed()
    });
    println!("{what}: {:.1} us", undisturbed(times) / 1000.0);
}
