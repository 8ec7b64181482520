//! PEM, DER and secrets that are refused, and what the message advises.

use super::*;

#[test]
fn private_keys_that_do_not_fit_are_refused() {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, HS256, PS256, RS256};
    let keys = vectors();
    let pem = |algorithm, name: &str, form: &str| {
        let text = keys[name][form].as_str().unwrap();
        let result = SigningKey::from_pem(algorithm, text);
        if let Ok(block) = pem::parse_many(text)
            && let [block] = &block[..]
            && !matches!(form, "spki" | "pkcs1_public")
        {
            assert!(SigningKey::from_der(algorithm, block.contents()).is_err());
        }
        result
    };
    // Wrong curve or type of key.
    refused(pem(ES256, "p384", "pkcs8"), "ES256 needs an unencrypted private key of type P-256");
    refused(pem(ES384, "p256", "traditional"), "type P-384");
    refused(pem(ES512, "p256", "pkcs8_without_public"), "type P-521");
    refused(pem(ES512, "p384", "with_parameters"), "type P-521");
    refused(pem(ES256, "secp256k1", "pkcs8"), "type P-256");
    refused(pem(ES256, "rsa", "pkcs8"), "PKCS#8 or SEC1");
    refused(pem(RS256, "p256", "pkcs8"), "type RSA in PKCS#8 or PKCS#1");
    refused(pem(EdDSA, "p256", "pkcs8"), "type Ed25519");
    refused(pem(Ed25519, "rsa", "pkcs8"), "type Ed25519");
    // Wrong label.
    refused(pem(RS256, "rsa", "spki"), "PRIVATE KEY or RSA PRIVATE KEY");
    refused(pem(RS256, "p256", "traditional"), "holds EC PRIVATE KEY; expected");
    refused(pem(EdDSA, "p256", "traditional"), "expected PRIVATE KEY");
    refused(pem(ES256, "rsa", "traditional"), "PRIVATE KEY or EC PRIVATE KEY");
    refused(pem(ES256, "p256", "encrypted"), "decrypt the key first");
    // Weak.
    refused(pem(RS256, "rsa1024", "pkcs8"), "2048 to 8192 bits");
    refused(pem(PS256, "rsa1024", "traditional"), "2048 to 8192 bits");
    let e = jwk("rsa", json!({"e": "AQ", "d": "AQ", "dp": "AQ", "dq": "AQ"}));
    refused(SigningKey::from_jwk(RS256, &e), "do not fit");
    refused(SigningKey::from_jwk(RS256, &jwk("rsa1024", json!({}))), "do not fit");
    // A secret is none of these.
    refused(pem(HS256, "rsa", "pkcs8"), "use from_secret");
    refused(SigningKey::from_der(HS256, SECRET), "use from_secret");
    // Not PEM, not DER, cut, prolonged.
    for text in ["", "x", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nAA"] {
        refused(SigningKey::from_pem(ES256, text), "from BEGIN to END");
    }
    let two = [keys["p256"]["pkcs8"].as_str().unwrap(); 2].concat();
    refused(SigningKey::from_pem(ES256, &two), "give one key");
    for algorithm in Algorithm::ALL {
        let Some(name) = name(algorithm) else {
            continue;
        };
        for form in ["pkcs8", "traditional"] {
            if let Some(text) = keys[name][form].as_str() {
                let der = der(text);
                let longer = [&der[..], &[0]].concat();
                for der in [&[][..], &der[..der.len() - 1], &longer] {
                    let result = SigningKey::from_der(algorithm, der);
                    refused(result, "needs an unencrypted private key");
                }
            }
        }
    }
}

#[test]
fn public_keys_that_do_not_fit_are_refused() {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, HS256, PS512, RS256};
    let keys = vectors();
    let pem = |algorithm, name: &str, form: &str| {
        VerifyingKey::from_pem(algorithm, keys[name][form].as_str().unwrap())
    };
    refused(pem(ES256, "p384", "spki"), "ES256 needs a public key of type P-256");
    refused(pem(ES384, "p521", "spki"), "type P-384");
    refused(pem(ES512, "p256", "spki"), "type P-521 in SPKI");
    refused(pem(ES256, "secp256k1", "spki"), "type P-256");
    refused(pem(ES256, "ed25519", "spki"), "type P-256");
    refused(pem(Ed25519, "p256", "spki"), "type Ed25519");
    refused(pem(RS256, "p256", "spki"), "type RSA in SPKI or PKCS#1");
    refused(pem(ES256, "rsa", "spki"), "type P-256");
    // Wrong label.
    refused(pem(ES256, "p256", "pkcs8"), "holds PRIVATE KEY; expected PUBLIC KEY");
    refused(pem(EdDSA, "rsa", "pkcs1_public"), "expected PUBLIC KEY");
    refused(pem(RS256, "rsa", "traditional"), "PUBLIC KEY or RSA PUBLIC KEY");
    // Weak.
    refused(pem(RS256, "rsa1024", "spki"), "1024 bits; 2048 to 8192");
    refused(pem(PS512, "rsa1024", "pkcs1_public"), "1024 bits; 2048 to 8192");
    refused(VerifyingKey::from_jwk(&jwk("rsa1024", json!({}))), "1024 bits");
    // A secret is none of these.
    refused(pem(HS256, "rsa", "spki"), "use from_secret");
    refused(VerifyingKey::from_der(HS256, SECRET), "use from_secret");
    refused(VerifyingKey::from_pem(ES256, ""), "from BEGIN to END");
    for algorithm in Algorithm::ALL {
        let Some(name) = name(algorithm) else {
            continue;
        };
        for form in ["spki", "pkcs1_public"] {
            if let Some(text) = keys[name][form].as_str() {
                let der = der(text);
                let longer = [&der[..], &[0]].concat();
                for der in [&[][..], &der[..der.len() - 1], &longer] {
                    refused(VerifyingKey::from_der(algorithm, der), "needs a public key");
                }
            }
        }
    }
    // Raw points are not DER, whatever their first byte.
    refused(VerifyingKey::from_der(EdDSA, &[0x30; 32]), "SPKI");
    let spki = der(keys["p256"]["spki"].as_str().unwrap());
    refused(VerifyingKey::from_der(ES256, &spki[spki.len() - 65..]), "SPKI");
}

#[test]
fn secrets_that_cannot_be_one_are_refused() {
    use Algorithm::{ES512, HS256, HS384, HS512, RS256};
    let keys = vectors();
    let both = |algorithm, secret: &[u8], advice: &str| {
        refused(SigningKey::from_secret(algorithm, secret), advice);
        refused(VerifyingKey::from_secret(algorithm, secret), advice);
    };
    both(HS256, b"", "0 bytes; HS256 needs at least 32");
    both(HS256, &SECRET[..31], "31 bytes");
    both(HS384, &SECRET[..47], "HS384 needs at least 48");
    both(HS512, &SECRET[..63], "HS512 needs at least 64");
    both(RS256, SECRET, "HS256, HS384 or HS512, not RS256");
    both(ES512, SECRET, "not ES512");
    for (name, form) in [("rsa", "spki"), ("p256", "pkcs8"), ("ed25519", "spki")] {
        let pem = keys[name][form].as_str().unwrap();
        for pem in [pem, pem.trim_end(), &format!("\n {pem}")] {
            both(HS256, pem.as_bytes(), "from_pem");
        }
    }
}

/// Keys and certificates with bytes changed, cut off and put in: read or refused, never a panic, and
/// nothing behind the bytes is looked at.
#[test]
fn damaged_der_is_read_or_refused() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let algorithms = [
        Algorithm::RS256,
        Algorithm::PS256,
        Algorithm::ES256,
        Algorithm::ES512,
        Algorithm::Ed25519,
    ];
    let (mut read, mut refused) = (0, 0);
    for name in ["rsa", "p256", "p521", "ed25519", "pss_sha256"] {
        let key = key(name);
        let forms = ["certificate", "pkcs8", "spki", "pkcs1_public"];
        for sound in forms.iter().filter_map(|form| key[*form].as_str()).map(der) {
            for _ in 0..1_500 {
                let mut bytes = sound.clone();
                for _ in 0..=random(3) {
                    // The head has most of the structure.
                    let most = [bytes.len(), bytes.len().min(40)][random(2)];
                    let at = random(most.max(1));
                    match random(5) {
                        0 => bytes.truncate(at),
                        1 => bytes.insert(at, random(256) as u8),
                        2 if at < bytes.len() => drop(bytes.remove(at)),
                        // Lengths, and how many bytes they have.
                        3 if at < bytes.len() => bytes[at] = 0x80 + random(128) as u8,
                        _ if at < bytes.len() => bytes[at] = random(256) as u8,
                        _ => {}
                    }
                }
                // Exactly as long as it is: reading beyond the end would be noticed.
                let bytes = bytes.into_boxed_slice();
                for algorithm in algorithms {
                    let public = VerifyingKey::from_der(algorithm, &bytes).is_ok();
                    let private = SigningKey::from_der(algorithm, &bytes).is_ok();
                    match public || private {
                        true => read += 1,
                        false => refused += 1,
                    }
                }
                let _ = VerifyingKey::from_secret(Algorithm::HS256, &bytes);
            }
        }
    }
    println!("damaged keys: {read} read, {refused} refused");
    assert!(read > 0 && refused > read);
}
