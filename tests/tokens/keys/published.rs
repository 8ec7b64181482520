//! Key sets as providers publish them: certificates, `x5t`, SPIFFE bundles, and the keys that a
//! token's header fits.

use super::*;
use jamguard::Verifier;
use jamguard::testing::{mint, mint_with_header};

/// A public JWK of the vectors, with these members.
fn public(name: &str, members: Value) -> Value {
    let mut entry: Value = serde_json::from_str(&jwk(name, members)).unwrap();
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        entry.as_object_mut().unwrap().remove(private);
    }
    entry
}

fn certificate(name: &str) -> String {
    key(name)["certificate"].as_str().unwrap().to_owned()
}

/// The certificate as a JWK's `x5c` has it: base64 of DER.
fn chain(name: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    json!([STANDARD.encode(der(&certificate(name)))])
}

fn signing(algorithm: Algorithm, name: &str) -> SigningKey {
    SigningKey::from_pem(algorithm, key(name)["pkcs8"].as_str().unwrap()).unwrap()
}

/// A token with these members in its header.
fn token(key: &SigningKey, members: Value) -> String {
    let mut header = json!({"alg": key.algorithm().name()});
    for (member, value) in members.as_object().unwrap() {
        header[member] = value.clone();
    }
    mint_with_header(key, &header, MESSAGE).unwrap()
}

fn set(keys: Value) -> KeySet {
    KeySet::from_json(&json!({ "keys": keys }).to_string()).unwrap()
}

#[track_caller]
fn verdict(token: &str, set: &KeySet) -> Result<(), ErrorKind> {
    Jws::verify(token, set, &Algorithm::ALL).map(drop).map_err(|error| error.kind())
}

/// Google's older endpoints: key ids with certificates, or with public keys.
#[test]
fn a_map_of_key_ids_and_pem_is_a_key_set() {
    let spki = key("p384")["spki"].clone();
    let map = json!({"a": certificate("rsa"), "b": certificate("p256"), "c": spki});
    let set = KeySet::from_json(&map.to_string()).unwrap();
    assert_eq!(set.len(), 3);
    for (algorithm, name, kid) in [
        (Algorithm::RS256, "rsa", "a"),
        (Algorithm::PS512, "rsa", "a"),
        (Algorithm::ES256, "p256", "b"),
        (Algorithm::ES384, "p384", "c"),
    ] {
        let key = signing(algorithm, name);
        assert_eq!(verdict(&token(&key, json!({"kid": kid})), &set), Ok(()), "{algorithm}");
        let other = token(&key, json!({"kid": "d"}));
        assert_eq!(verdict(&other, &set), Err(ErrorKind::UnknownKey), "{algorithm}");
    }
    // One key that cannot be used does not spoil the others.
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let map = json!({"a": certificate("rsa"), "b": broken, "c": key("rsa1024")["spki"]});
    assert_eq!(KeySet::from_json(&map.to_string()).unwrap().len(), 1);
    let private = json!({"a": key("p256")["pkcs8"]});
    refused(KeySet::from_json(&private.to_string()), "openssl pkey -pubout");
    for no_map in [json!({"a": certificate("rsa"), "b": 1}), json!({"a": "text"}), json!({})] {
        refused(KeySet::from_json(&no_map.to_string()), "no array 'keys'");
    }
}

#[test]
fn a_jwk_may_hold_its_key_in_a_certificate_alone() {
    for (algorithm, name, members) in [
        (Algorithm::RS256, "rsa", json!({"kty": "RSA"})),
        (Algorithm::RS256, "rsa", json!({"kty": "RSA", "alg": "RS256", "use": "sig", "n": null})),
        (Algorithm::ES512, "p521", json!({"kty": "EC"})),
        (Algorithm::EdDSA, "ed25519", json!({"kty": "OKP", "crv": "Ed25519"})),
    ] {
        let mut entry = members;
        (entry["kid"], entry["x5c"]) = (json!("a"), chain(name));
        let token = token(&signing(algorithm, name), json!({"kid": "a"}));
        assert_eq!(verdict(&token, &set(json!([entry]))), Ok(()), "{entry}");
    }
    // Its other members still apply.
    for (members, advice) in [
        (json!({"kty": "RSA", "use": "enc"}), "use is not sig"),
        (json!({"kty": "RSA", "alg": "ES256"}), "alg does not belong"),
        (json!({"kty": "RSA", "key_ops": ["sign"]}), "do not include verify"),
        (json!({"kty": "EC"}), "unknown or incomplete JWK"),
        (json!({"kty": "RSA", "d": "AQ"}), "private"),
    ] {
        let mut entry = members;
        entry["x5c"] = chain("rsa");
        refused(KeySet::from_json(&json!({"keys": [entry]}).to_string()), advice);
    }
}

/// A key whose certificate limits it to one hash stays limited.
#[test]
fn a_certified_key_keeps_its_restrictions() {
    let keys = set(json!([{"kty": "RSA", "kid": "a", "x5c": chain("pss_sha256")}]));
    let algorithms: Vec<_> = keys.iter().flat_map(VerifyingKey::algorithms).collect();
    assert_eq!(algorithms, [Algorithm::PS256]);
    let token = token(&signing(Algorithm::PS256, "pss_sha256"), json!({"kid": "a"}));
    assert_eq!(verdict(&token, &keys), Ok(()));
    let entry = json!({"kty": "RSA", "alg": "RS256", "x5c": chain("pss_sha256")});
    refused(KeySet::from_json(&json!({"keys": [entry]}).to_string()), "not for the JWK's alg");
}

/// RFC 7517 section 4.7.
#[test]
fn a_certificate_of_another_key_is_refused() {
    let entry = public("p256", json!({"kid": "a", "x5c": chain("p256")}));
    assert_eq!(set(json!([entry])).len(), 1);
    let entry = public("p256", json!({"kid": "a", "x5c": chain("rsa")}));
    refused(KeySet::from_json(&json!({"keys": [entry]}).to_string()), "section 4.7");
    // The numbers are the key; what is not readable beside them changes nothing.
    for chain in [json!([]), json!(["AA"]), json!(["AAAA"]), json!([" "])] {
        assert_eq!(set(json!([public("p256", json!({"x5c": chain}))])).len(), 1);
    }
}

#[test]
fn a_spiffe_bundle_gives_the_keys_of_its_jwt_svids() {
    let bundle = json!([
        public("rsa", json!({"use": "x509-svid", "x5c": chain("rsa")})),
        public("p256", json!({"use": "jwt-svid", "kid": "a"})),
    ]);
    let keys = set(bundle);
    assert_eq!(keys.len(), 1);
    let good = token(&signing(Algorithm::ES256, "p256"), json!({"kid": "a"}));
    assert_eq!(verdict(&good, &keys), Ok(()));
    let authority = token(&signing(Algorithm::RS256, "rsa"), json!({}));
    assert_eq!(verdict(&authority, &keys), Err(ErrorKind::UnknownKey));
}

#[test]
fn x5t_names_a_key_where_kid_is_missing() {
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let beside = |members: Value| {
        let mut entry: Value =
            serde_json::from_str(&other.verifying_key().unwrap().to_jwk().unwrap().to_json())
                .unwrap();
        for (member, value) in members.as_object().unwrap() {
            entry[member] = value.clone();
        }
        entry
    };
    let key = signing(Algorithm::ES256, "p256");
    // Keys with x5t alone: named by the token's x5t, or by a kid that repeats it (AD FS).
    let keys = set(json!([public("p256", json!({"x5t": "T1"})), beside(json!({"x5t": "T2"}))]));
    for (header, answer) in [
        (json!({"x5t": "T1"}), Ok(())),
        (json!({"kid": "T1"}), Ok(())),
        (json!({"kid": "T1", "x5t": "T2"}), Ok(())),
        (json!({"x5t": "T2"}), Err(ErrorKind::BadSignature)),
        (json!({"kid": "T2"}), Err(ErrorKind::BadSignature)),
        (json!({"x5t": "T3"}), Err(ErrorKind::UnknownKey)),
        (json!({}), Err(ErrorKind::UnknownKey)),
    ] {
        assert_eq!(verdict(&token(&key, header.clone()), &keys), answer, "{header}");
    }
    // Keys with both (Entra): the token's x5t decides where it has no kid.
    let keys = set(json!([
        public("p256", json!({"kid": "a", "x5t": "T1"})),
        beside(json!({"kid": "b", "x5t": "T2"})),
    ]));
    assert_eq!(verdict(&token(&key, json!({"x5t": "T1"})), &keys), Ok(()));
    assert_eq!(verdict(&token(&key, json!({"kid": "a", "x5t": "T2"})), &keys), Ok(()));
    let unknown = token(&key, json!({"kid": "T1"}));
    assert_eq!(verdict(&unknown, &keys), Err(ErrorKind::UnknownKey));
    // Keys without x5t serve as before.
    let keys = set(json!([public("p256", json!({"kid": "a"}))]));
    assert_eq!(verdict(&token(&key, json!({"x5t": "T1"})), &keys), Ok(()));
    // It is a name, not a type: another value is ignored as before.
    assert_eq!(verdict(&token(&key, json!({"x5t": 1})), &keys), Ok(()));
}

#[tokio::test]
async fn several_keys_are_tried_only_on_request_and_at_most_four() {
    let keys: Vec<SigningKey> =
        (0..5).map(|_| SigningKey::generate(Algorithm::ES256).unwrap()).collect();
    let verifier = |count: usize, several: bool| {
        let mut verifier = Verifier::builder().algorithms([Algorithm::ES256]).any_audience();
        for key in &keys[..count] {
            verifier = verifier.key(key.verifying_key().unwrap());
        }
        if several {
            verifier = verifier.try_several_keys();
        }
        verifier.build().unwrap()
    };
    let verify = async |verifier: &Verifier, key: &SigningKey| {
        let token = mint(key, &json!({"exp": 4_000_000_000_u64})).unwrap();
        verifier.verify(&token).await.map(drop).map_err(|error| error.kind())
    };
    let foreign = SigningKey::generate(Algorithm::ES256).unwrap();
    for key in &keys[..2] {
        assert_eq!(verify(&verifier(2, false), key).await, Err(ErrorKind::UnknownKey));
    }
    let four = verifier(4, true);
    for key in &keys[..4] {
        assert_eq!(verify(&four, key).await, Ok(()));
    }
    assert_eq!(verify(&four, &foreign).await, Err(ErrorKind::BadSignature));
    let five = verifier(5, true);
    assert_eq!(verify(&five, &keys[3]).await, Ok(()));
    assert_eq!(verify(&five, &keys[4]).await, Err(ErrorKind::BadSignature));
}
