//! Keys written out, and read again.

use super::*;

#[test]
fn generated_keys_survive_every_form() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap().with_key_id("a \"b\" ü");
        let public = key.verifying_key().unwrap();

        let jwk = key.expose_private_jwk().unwrap();
        let same = SigningKey::from_jwk(algorithm, jwk.expose()).unwrap();
        assert_eq!(same.key_id(), key.key_id());
        assert_pair(algorithm, &same, &public);
        let again = same.expose_private_jwk().unwrap();
        assert_eq!(again.expose(), jwk.expose(), "{algorithm}");
        let members: Value = serde_json::from_str(jwk.expose()).unwrap();
        assert_eq!((&members["alg"], &members["use"]), (&json!(algorithm.name()), &json!("sig")));

        if name(algorithm).is_none() {
            for error in [
                key.expose_private_pem().unwrap_err(),
                public.to_pem().unwrap_err(),
                key.thumbprint().unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::InvalidKey);
            }
            continue;
        }
        let pem = key.expose_private_pem().unwrap();
        let same = SigningKey::from_pem(algorithm, pem.expose()).unwrap();
        assert_pair(algorithm, &same, &public);
        assert_eq!(same.thumbprint().unwrap(), key.thumbprint().unwrap());
        let read = VerifyingKey::from_pem(algorithm, &public.to_pem().unwrap()).unwrap();
        assert_pair(algorithm, &key, &read);
        assert_eq!(thumbprint(&read), key.thumbprint().unwrap());
    }
}

/// Number by number what openssl wrote, leading zeros included.
#[test]
fn an_exported_jwk_is_the_imported_one() {
    for algorithm in Algorithm::ALL {
        let Some(name) = name(algorithm) else {
            continue;
        };
        let imported = key(name)["jwk"].clone();
        let key = SigningKey::from_jwk(algorithm, &imported.to_string()).unwrap();
        let exported = key.expose_private_jwk().unwrap();
        let exported: Value = serde_json::from_str(exported.expose()).unwrap();
        let mut compared = 0;
        for member in ["kty", "crv", "n", "e", "x", "y", "d", "p", "q", "dp", "dq", "qi"] {
            assert_eq!(exported.get(member), imported.get(member), "{algorithm} {member}");
            compared += usize::from(imported.get(member).is_some());
        }
        assert!(compared >= 4, "{algorithm}");
        let pem = key.verifying_key().unwrap().to_pem().unwrap();
        assert_eq!(pem, super::key(name)["spki"].as_str().unwrap());
    }
}

#[test]
fn private_text_is_not_printed() {
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let jwk = key.expose_private_jwk().unwrap();
    let private: Value = serde_json::from_str(jwk.expose()).unwrap();
    let printed = format!("{key:?} {jwk:?} {:?}", key.expose_private_pem().unwrap());
    assert!(!printed.contains(private["d"].as_str().unwrap()), "{printed}");
    assert!(!printed.contains("PRIVATE"), "{printed}");
}
