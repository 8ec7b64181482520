//! The time to reject a forged signature, which decides what goes to the verification pool.

use super::support::{Bar, Table, undisturbed};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use std::hint::black_box;
use std::time::Instant;

/// Checks above about 100 µs always leave the thread that serves requests.
pub(crate) fn costs(table: &Table) {
    use Algorithm::{ES256, ES384, ES512, Ed25519, HS256, PS256, RS256};
    for algorithm in [HS256, Ed25519, ES256, ES384, ES512] {
        let [own, other] = [(), ()].map(|()| SigningKey::generate(algorithm).unwrap());
        let forged = other.sign(b"message").unwrap();
        cost(table, algorithm.name(), &own.verifying_key().unwrap(), algorithm, &forged);
    }
    for bits in [2048, 3072, 4096, 8192] {
        for (exponent, name) in [(&[1, 0, 1][..], ""), (&[1, 255, 255, 255, 255], ", e of 33 bits")]
        {
            for algorithm in [RS256, PS256] {
                let what = format!("{algorithm}, {bits} bits{name}");
                let forged = vec![0x55; bits / 8];
                cost(table, &what, &rsa_key(bits, exponent), algorithm, &forged);
            }
        }
    }
}

/// Returns a key without factors, which rejects every signature.
fn rsa_key(bits: usize, exponent: &[u8]) -> VerifyingKey {
    let modulus: Vec<u8> = (0..bits / 8).map(|at| (at * 37 % 251) as u8 | 0x81).collect();
    let [n, e] = [&modulus, exponent].map(|number| URL_SAFE_NO_PAD.encode(number));
    VerifyingKey::from_jwk(&format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#)).unwrap()
}

fn cost(table: &Table, what: &str, key: &VerifyingKey, algorithm: Algorithm, forged: &[u8]) {
    let message = [b'm'; 600];
    let times = (0..300).map(|_| {
        let start = Instant::now();
        black_box(key.verify(algorithm, &message, forged)).unwrap_err();
        start.elapsed()
    });
    let micros = undisturbed(times) / 1000.0;
    let what = format!("a forged signature: {what}");
    table.row("12", &what, (String::new(), String::new()), (micros, "us"), Bar::Stated);
}
