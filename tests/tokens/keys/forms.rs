//! What is loaded from one form goes with what is loaded from another.

use super::*;

#[test]
fn every_private_form_signs_for_every_public_form() {
    let mut pairs = 0;
    for algorithm in Algorithm::ALL {
        let Some(name) = name(algorithm) else {
            continue;
        };
        let (key, mut private, mut public) = (key(name), Vec::new(), Vec::new());
        for form in ["pkcs8", "traditional", "pkcs8_without_public"] {
            if let Some(pem) = key[form].as_str() {
                private.push(SigningKey::from_pem(algorithm, pem).unwrap());
                private.push(SigningKey::from_der(algorithm, &der(pem)).unwrap());
            }
        }
        if let Some(pem) = key["with_parameters"].as_str() {
            private.push(SigningKey::from_pem(algorithm, pem).unwrap());
        }
        let jwk = key["jwk"].to_string();
        private.push(SigningKey::from_jwk(algorithm, &jwk).unwrap());

        for form in ["spki", "pkcs1_public", "spki_compressed"] {
            if let Some(pem) = key[form].as_str() {
                public.push(VerifyingKey::from_pem(algorithm, pem).unwrap());
                public.push(VerifyingKey::from_der(algorithm, &der(pem)).unwrap());
            }
        }
        public.push(VerifyingKey::from_jwk(&jwk).unwrap());
        let read = Jwk::from_json(&jwk).unwrap();
        public.push(VerifyingKey::from_public_jwk(&read).unwrap());
        public.extend(private.iter().map(|key| key.verifying_key().unwrap()));

        for verifying in &public {
            assert_eq!(thumbprint(verifying), read.thumbprint().unwrap());
        }
        for signing in &private {
            for verifying in &public {
                assert_pair(algorithm, signing, verifying);
                pairs += 1;
            }
        }
    }
    println!("{pairs} pairs of forms");
    assert!(pairs > 400, "{pairs}");
}

#[test]
fn secrets_and_oct_keys_are_the_same() {
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let pinned = oct(SECRET, json!({"alg": algorithm.name(), "kid": "k1"}));
        let signing = [
            SigningKey::from_secret(algorithm, SECRET).unwrap(),
            SigningKey::from_jwk(algorithm, &oct(SECRET, json!({}))).unwrap(),
            SigningKey::from_jwk(algorithm, &pinned).unwrap(),
        ];
        let verifying = [
            VerifyingKey::from_secret(algorithm, SECRET).unwrap(),
            VerifyingKey::from_jwk(&oct(SECRET, json!({}))).unwrap(),
            VerifyingKey::from_jwk(&pinned).unwrap(),
            signing[0].verifying_key().unwrap(),
        ];
        for signing in &signing {
            for verifying in &verifying {
                assert_pair(algorithm, signing, verifying);
                assert!(verifying.to_jwk().is_none());
            }
        }
        assert_eq!(signing[2].key_id(), Some("k1"));
        assert_eq!(verifying[2].key_id(), Some("k1"));
        assert_eq!(signing[2].verifying_key().unwrap().key_id(), Some("k1"));
    }
}

#[test]
fn a_secret_without_alg_serves_the_hashes_that_it_is_long_enough_for() {
    for (length, expected) in [
        (32, &[Algorithm::HS256][..]),
        (48, &[Algorithm::HS256, Algorithm::HS384]),
        (64, &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]),
    ] {
        let key = VerifyingKey::from_jwk(&oct(&SECRET[..length], json!({}))).unwrap();
        assert_eq!(key.algorithms().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn generated_keys_go_out_as_jwk_and_come_in_again() {
    for algorithm in Algorithm::ALL {
        let signing = SigningKey::generate(algorithm).unwrap().with_key_id("k1");
        let verifying = signing.verifying_key().unwrap();
        assert_pair(algorithm, &signing, &verifying);
        assert_eq!(signing.algorithm(), algorithm);
        assert_eq!(verifying.key_id(), Some("k1"));
        assert_eq!(verifying.algorithms().collect::<Vec<_>>(), [algorithm]);

        let Some(jwk) = verifying.to_jwk() else {
            assert_eq!(name(algorithm), None);
            continue;
        };
        let members: Value = serde_json::from_str(&jwk.to_json()).unwrap();
        assert_eq!(members["alg"], algorithm.name());
        assert_eq!(members["use"], "sig");
        assert_eq!(members["kid"], "k1");
        assert_eq!(Jwk::from_json(&jwk.to_json()).unwrap(), *jwk);

        let again = VerifyingKey::from_jwk(&jwk.to_json()).unwrap();
        assert_pair(algorithm, &signing, &again);
        assert_eq!(again.key_id(), Some("k1"));
        let set = KeySet::from(verifying.clone()).to_json();
        let again = KeySet::from_json(&set).unwrap();
        assert_pair(algorithm, &signing, again.iter().next().unwrap());
    }
}

#[test]
fn a_jwk_without_alg_serves_every_algorithm_of_its_type_and_no_other() {
    for algorithm in Algorithm::ALL {
        let Some(mine) = name(algorithm) else {
            continue;
        };
        let key = VerifyingKey::from_jwk(&jwk(mine, json!({}))).unwrap();
        let expected: Vec<_> =
            Algorithm::ALL.into_iter().filter(|other| name(*other) == Some(mine)).collect();
        assert_eq!(key.algorithms().collect::<Vec<_>>(), expected);
        // It goes out as it came in: without alg, unless its type leaves only one.
        let out: Value = serde_json::from_str(&key.to_jwk().unwrap().to_json()).unwrap();
        assert_eq!(out["alg"].is_null(), expected.len() > 1);

        let pinned = jwk(mine, json!({"alg": algorithm.name(), "use": "sig"}));
        let key = VerifyingKey::from_jwk(&pinned).unwrap();
        assert_eq!(key.algorithms().collect::<Vec<_>>(), [algorithm]);
    }
}

#[test]
fn writing_a_jwk_never_yields_private_members() {
    for name in ["rsa", "p256", "p384", "p521", "ed25519"] {
        let private = jwk(name, json!({"key_ops": ["verify"], "oth": [{"r": "AQ"}]}));
        let read: [Jwk; 2] =
            [Jwk::from_json(&private).unwrap(), serde_json::from_str(&private).unwrap()];
        let set = KeySet::from(VerifyingKey::from_jwk(&private).unwrap());
        for text in [read[0].to_json(), read[1].to_json(), set.to_json()] {
            for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(!text.contains(&format!("\"{member}\":")), "{member} of {name}");
            }
        }
    }
    // What is not understood cannot be split into public and private: it is not read at all.
    for unknown in [
        oct(SECRET, json!({})),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "priv": "AA"}).to_string(),
        json!({"kty": "OKP", "crv": "Ed448", "x": "AA", "d": "AA"}).to_string(),
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "d": "AA"}).to_string(),
    ] {
        assert!(Jwk::from_json(&unknown).is_err(), "{unknown}");
        assert!(serde_json::from_str::<Jwk>(&unknown).is_err(), "{unknown}");
    }
}

#[test]
fn thumbprints_tell_keys_apart_by_their_numbers_alone() {
    let print = |members: Value| Jwk::from_json(&jwk("p384", members)).unwrap().thumbprint();
    let plain = print(json!({})).unwrap();
    let dressed = json!({"kid": "k", "alg": "ES384", "use": "sig", "x5t": "AA", "more": 1});
    assert_eq!(print(dressed).unwrap(), plain);
    refused(print(json!({"x": base64url(&[1; 49])})), "wrong length");
    assert!(print(json!({"x": key("p384")["jwk"]["y"]})).unwrap() != plain);
}
