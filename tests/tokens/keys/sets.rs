//! The choice among the keys of a set.

use super::*;

fn signing(algorithm: Algorithm, kid: Option<&str>) -> SigningKey {
    let key = match name(algorithm) {
        Some(name) => SigningKey::from_jwk(algorithm, &jwk(name, json!({}))).unwrap(),
        None => SigningKey::from_secret(algorithm, SECRET).unwrap(),
    };
    match kid {
        Some(kid) => key.with_key_id(kid),
        None => key,
    }
}

fn set(keys: &[&SigningKey]) -> KeySet {
    keys.iter().map(|key| key.verifying_key().unwrap()).collect()
}

/// Whether a token of `key` finds its key in the set.
#[track_caller]
fn verdict(key: &SigningKey, set: &KeySet) -> Option<ErrorKind> {
    let token = Jws::sign(key, MESSAGE).unwrap();
    let result = Jws::verify(&token, set, &Algorithm::ALL);
    result.err().map(|error| error.kind())
}

#[test]
fn a_kid_chooses_its_key() {
    let (a, b) = (
        SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("a"),
        SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("b"),
    );
    let both = set(&[&a, &b]);
    assert_eq!(verdict(&a, &both), None);
    assert_eq!(verdict(&b, &both), None);
    assert_eq!(verdict(&a.clone().with_key_id("b"), &both), Some(ErrorKind::BadSignature));
    for kid in ["c", "A", "", "a "] {
        let stranger = a.clone().with_key_id(kid);
        assert_eq!(verdict(&stranger, &both), Some(ErrorKind::UnknownKey), "{kid}");
    }
}

#[test]
fn keys_of_one_kid_are_told_apart_by_algorithm() {
    let keys: Vec<_> = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA]
        .into_iter()
        .map(|algorithm| signing(algorithm, Some("same")))
        .collect();
    let all = set(&keys.iter().collect::<Vec<_>>());
    for key in &keys {
        assert_eq!(verdict(key, &all), None, "{}", key.algorithm());
    }
    let other = signing(Algorithm::ES384, Some("same"));
    assert_eq!(verdict(&other, &all), Some(ErrorKind::UnknownKey));
}

#[test]
fn two_keys_that_fit_are_refused_and_never_tried_in_turn() {
    let generate = || SigningKey::generate(Algorithm::EdDSA).unwrap();
    for kid in [None, Some("same")] {
        let named = |key: SigningKey| match kid {
            Some(kid) => key.with_key_id(kid),
            None => key,
        };
        let (a, b) = (named(generate()), named(generate()));
        assert_eq!(verdict(&a, &set(&[&a, &b])), Some(ErrorKind::UnknownKey));
        assert_eq!(verdict(&b, &set(&[&a, &b])), Some(ErrorKind::UnknownKey));
        assert_eq!(verdict(&a, &set(&[&a])), None);
    }
}

#[test]
fn a_token_without_kid_needs_the_only_key_of_its_algorithm() {
    let bare = signing(Algorithm::ES256, None);
    let named = signing(Algorithm::ES256, Some("a"));
    let other = signing(Algorithm::ES512, Some("b"));
    assert_eq!(verdict(&bare, &set(&[&named, &other])), None);
    let second = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("c");
    assert_eq!(verdict(&bare, &set(&[&named, &second])), Some(ErrorKind::UnknownKey));
}

#[test]
fn a_key_without_kid_serves_any_kid_that_no_key_has() {
    let nameless = signing(Algorithm::ES256, None);
    let token = signing(Algorithm::ES256, Some("a"));
    assert_eq!(verdict(&token, &set(&[&nameless])), None);
    let named = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("a");
    assert_eq!(verdict(&token, &set(&[&nameless, &named])), Some(ErrorKind::BadSignature));
}

#[test]
fn an_empty_set_knows_no_key() {
    let key = signing(Algorithm::HS256, None);
    assert_eq!(verdict(&key, &KeySet::default()), Some(ErrorKind::UnknownKey));
    assert!(KeySet::default().is_empty());
    assert_eq!(KeySet::default().to_json(), r#"{"keys":[]}"#);
    // Secrets are left out of what is written.
    assert_eq!(set(&[&key]).to_json(), r#"{"keys":[]}"#);
}

#[test]
fn a_set_skips_what_it_cannot_use_and_keeps_the_rest() {
    let entry = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let public = |name: &str, members: Value| {
        let mut entry = entry(jwk(name, members));
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            entry.as_object_mut().unwrap().remove(private);
        }
        entry
    };
    let broken = [
        json!(null),
        json!("x"),
        json!({}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
        public("secp256k1", json!({})),
        public("rsa1024", json!({})),
        public("rsa", json!({"e": "AQ"})),
        public("p256", json!({"use": "enc"})),
        public("p256", json!({"key_ops": ["sign"]})),
        public("p256", json!({"alg": "ECDH-ES"})),
        public("p256", json!({"x": "AA"})),
        entry(jwk("p256", json!({}))),
        entry(oct(SECRET, json!({}))),
    ];
    let good = public("p521", json!({"kid": "good", "x5c": ["AA"], "more": {"a": 1}}));
    for broken in &broken {
        let text = json!({"keys": [broken, good, broken]}).to_string();
        let set = KeySet::from_json(&text).unwrap();
        assert_eq!(set.len(), 1, "{broken}");
        assert_eq!(verdict(&signing(Algorithm::ES512, Some("good")), &set), None);
        let only = json!({"keys": [broken]}).to_string();
        refused(KeySet::from_json(&only), "no key of the JWK set can be used");
    }
    for (text, advice) in [
        (String::new(), "not JSON"),
        ("<html>".into(), "not JSON"),
        ("[]".into(), "no array 'keys'"),
        (json!({"keys": {}}).to_string(), "no array 'keys'"),
        (good.to_string(), "no array 'keys'"),
        (json!({"keys": []}).to_string(), "no key of the JWK set"),
        (json!({"keys": vec![good.clone(); 101]}).to_string(), "holds 101 keys: at most 100"),
    ] {
        refused(KeySet::from_json(&text), advice);
    }
}
