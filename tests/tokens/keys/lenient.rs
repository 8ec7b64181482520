//! Forms that real issuers and tools write beside the plain ones: read where the meaning is certain,
//! refused with the way out where it is not.

use super::*;

const CURVES: [(Algorithm, usize); 3] =
    [(Algorithm::ES256, 32), (Algorithm::ES384, 48), (Algorithm::ES512, 66)];

fn bytes(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = value.as_str().unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    engine.decode(text).unwrap()
}

/// A private JWK whose x, y and d all begin with a zero byte.
fn with_leading_zeros(algorithm: Algorithm) -> Value {
    let mut numbers: Value = json!({});
    for member in ["x", "y", "d"] {
        numbers[member] = loop {
            let key = SigningKey::generate(algorithm).unwrap();
            let jwk: Value =
                serde_json::from_str(key.expose_private_jwk().unwrap().expose()).unwrap();
            if bytes(&jwk[member])[0] == 0 {
                break jwk;
            }
        };
    }
    numbers
}

fn without_zeros(number: &Value) -> Value {
    let bytes = bytes(number);
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    json!(base64url(&bytes[zeros..]))
}

fn with_zeros(number: &Value, zeros: usize) -> Value {
    json!(base64url(&[&vec![0; zeros][..], &bytes(number)].concat()))
}

fn public(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        jwk.as_object_mut().unwrap().remove(private);
    }
    jwk
}

#[test]
fn coordinates_are_read_by_value() {
    for (algorithm, length) in CURVES {
        for (member, jwk) in with_leading_zeros(algorithm).as_object().unwrap() {
            let plain = VerifyingKey::from_jwk(&jwk.to_string()).unwrap();
            let signing = SigningKey::from_jwk(algorithm, &jwk.to_string()).unwrap();
            let short = without_zeros(&jwk[member]);
            assert!(bytes(&short).len() < length);
            for number in [short, with_zeros(&jwk[member], 1), with_zeros(&jwk[member], 9)] {
                let mut written = jwk.clone();
                written[member] = number;
                let text = written.to_string();
                let read = VerifyingKey::from_jwk(&text).unwrap();
                assert_pair(algorithm, &signing, &read);
                assert_pair(algorithm, &SigningKey::from_jwk(algorithm, &text).unwrap(), &plain);
                // Both are the same key to others, and it goes out with whole coordinates.
                assert_eq!(thumbprint(&read), thumbprint(&plain));
                assert_eq!(
                    Jwk::from_json(&text).unwrap(),
                    Jwk::from_json(&jwk.to_string()).unwrap()
                );
                assert_eq!(read.to_jwk().unwrap().to_json(), plain.to_jwk().unwrap().to_json());
                let set = KeySet::from_json(&json!({"keys": [public(&written)]}).to_string());
                assert_pair(algorithm, &signing, set.unwrap().iter().next().unwrap());
            }
        }
    }
    let name = |name| format!("the JWK's coordinate {name} has the wrong length");
    for (member, number) in [("x", vec![1; 33]), ("y", vec![1; 66]), ("x", Vec::new())] {
        let jwk = jwk("p256", json!({member: base64url(&number)}));
        refused(VerifyingKey::from_jwk(&jwk), &name(member));
    }
    // An Ed25519 key is no number: it has all its bytes.
    let key = key("ed25519")["jwk"].clone();
    let jwk = jwk("ed25519", json!({"x": with_zeros(&key["x"], 1)}));
    refused(VerifyingKey::from_jwk(&jwk), "32 bytes");
}

#[test]
fn rsa_numbers_are_read_by_value() {
    let plain = jwk("rsa", json!({}));
    let (rsa, read) = (key("rsa")["jwk"].clone(), Jwk::from_json(&plain).unwrap());
    let signing = SigningKey::from_jwk(Algorithm::PS256, &plain).unwrap();
    for member in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        for zeros in [1, 3] {
            let padded = jwk("rsa", json!({member: with_zeros(&rsa[member], zeros)}));
            let verifying = VerifyingKey::from_jwk(&padded).unwrap();
            let signature = signing.sign(MESSAGE).unwrap();
            verifying.verify(Algorithm::PS256, MESSAGE, &signature).unwrap();
            assert_eq!(thumbprint(&verifying), read.thumbprint().unwrap(), "{member}");
            assert_eq!(Jwk::from_json(&padded).unwrap(), read, "{member}");
            let again = SigningKey::from_jwk(Algorithm::PS256, &padded).unwrap();
            assert_eq!(again.thumbprint().unwrap(), read.thumbprint().unwrap(), "{member}");
        }
    }
    // Zeros make no key longer than it is.
    let short = key("rsa1024")["jwk"]["n"].clone();
    let padded = jwk("rsa1024", json!({"n": with_zeros(&short, 128)}));
    refused(VerifyingKey::from_jwk(&padded), "1024 bits");
    for e in ["AA", "AAE", "AAI"] {
        let jwk = jwk("rsa", json!({"e": e}));
        refused(VerifyingKey::from_jwk(&jwk), "odd, at least 3, at most 33 bits");
    }
}

#[test]
fn null_members_count_as_absent() {
    let members = ["use", "alg", "kid", "x5c", "x5t", "x5u", "x5t#S256", "oth", "k", "p", "more"];
    let mut dressed = public(&key("p256")["jwk"]);
    for member in members {
        dressed[member] = Value::Null;
    }
    dressed["d"] = Value::Null;
    let plain = public(&key("p256")["jwk"]).to_string();
    let read = Jwk::from_json(&dressed.to_string()).unwrap();
    assert_eq!(read, Jwk::from_json(&plain).unwrap());
    VerifyingKey::from_jwk(&dressed.to_string()).unwrap();
    // A private member without content is none.
    for empty in [json!(null), json!(""), json!([])] {
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            dressed[member] = empty.clone();
        }
        let set = json!({"keys": [dressed]}).to_string();
        assert_eq!(KeySet::from_json(&set).unwrap().len(), 1, "{empty}");
    }
    for (member, value) in [("d", json!("AQ")), ("oth", json!([{"r": "AQ"}])), ("k", json!(5))] {
        let mut private = dressed.clone();
        private[member] = value;
        let set = json!({"keys": [private]}).to_string();
        refused(KeySet::from_json(&set), "must not hold private");
    }
}

/// A list of operations restricts its key: what it says must be plain.
#[test]
fn operations_that_are_null_or_named_twice_are_refused() {
    for (operations, advice) in [
        (json!(null), "key_ops is null: it must be a list, or absent"),
        (json!(["verify", "verify"]), "name an operation twice"),
        (json!(["verify", "sign", "verify"]), "name an operation twice"),
    ] {
        let text = jwk("p256", json!({"key_ops": operations}));
        refused(VerifyingKey::from_jwk(&text), advice);
        let mut entry = public(&key("p256")["jwk"]);
        entry["key_ops"] = operations;
        refused(KeySet::from_json(&json!({"keys": [entry]}).to_string()), advice);
    }
}

#[test]
fn a_key_that_is_listed_twice_counts_once() {
    let entry = |members: Value| {
        let mut entry = public(&key("p256")["jwk"]);
        for (member, value) in members.as_object().unwrap() {
            entry[member] = value.clone();
        }
        entry
    };
    let (named, bare) = (entry(json!({"kid": "a"})), entry(json!({})));
    let signing = SigningKey::from_jwk(Algorithm::ES256, &jwk("p256", json!({}))).unwrap();
    for (list, length) in [
        (json!([named, named]), 1),
        (json!([bare, bare, bare]), 1),
        (json!([named, entry(json!({"kid": "a", "alg": "ES256", "use": "sig"}))]), 1),
        // The same key under two names, and under none.
        (json!([named, entry(json!({"kid": "b"}))]), 2),
        (json!([named, bare]), 2),
        (json!([named, entry(json!({"kid": "a", "x": with_zeros(&named["x"], 1)}))]), 1),
    ] {
        let set = KeySet::from_json(&json!({"keys": list}).to_string()).unwrap();
        assert_eq!(set.len(), length, "{list}");
        for kid in [None, Some("a")] {
            let key = match kid {
                Some(kid) => signing.clone().with_key_id(kid),
                None => signing.clone(),
            };
            let token = Jws::sign(&key, MESSAGE).unwrap();
            Jws::verify(&token, &set, &[Algorithm::ES256]).unwrap();
        }
    }
    let key = signing.verifying_key().unwrap();
    let mut set: KeySet = [key.clone(), key.clone()].into_iter().collect();
    set.push(key);
    assert_eq!(set.len(), 1);
}

/// As while a secret is given a new name.
#[test]
fn a_secret_under_two_names_serves_both() {
    let secret = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let key = secret.verifying_key().unwrap();
    let names = ["old", "new", "new"].map(|name| key.clone().with_key_id(name));
    let set: KeySet = names.into_iter().collect();
    assert_eq!(set.len(), 2);
    for name in [Some("old"), Some("new"), None] {
        let signing = match name {
            Some(name) => secret.clone().with_key_id(name),
            None => secret.clone(),
        };
        let token = Jws::sign(&signing, MESSAGE).unwrap();
        Jws::verify(&token, &set, &[Algorithm::HS256]).unwrap();
    }
}

#[test]
fn pem_with_written_line_ends_is_read() {
    for (algorithm, name) in [(Algorithm::RS256, "rsa"), (Algorithm::ES512, "p521")] {
        let key = key(name);
        let text = |form: &str| key[form].as_str().unwrap().to_owned();
        for end in [r"\n", r"\r\n"] {
            let (private, public) = (text("pkcs8"), text("spki"));
            for quote in ["", "\""] {
                let write = |pem: &str| format!("{quote}{}{quote}", pem.replace('\n', end));
                let signing = SigningKey::from_pem(algorithm, &write(&private)).unwrap();
                let verifying = VerifyingKey::from_pem(algorithm, &write(&public)).unwrap();
                assert_pair(algorithm, &signing, &verifying);
            }
        }
    }
    refused(SigningKey::from_pem(Algorithm::ES256, r"\n"), "from BEGIN to END");
}

#[test]
fn certificates_give_their_public_key() {
    for (algorithm, name) in [
        (Algorithm::RS256, "rsa"),
        (Algorithm::PS512, "rsa"),
        (Algorithm::ES256, "p256"),
        (Algorithm::ES384, "p384"),
        (Algorithm::ES512, "p521"),
        (Algorithm::EdDSA, "ed25519"),
        (Algorithm::PS256, "pss_sha256"),
    ] {
        let key = key(name);
        let certificate = key["certificate"].as_str().unwrap();
        let signing = SigningKey::from_pem(algorithm, key["pkcs8"].as_str().unwrap()).unwrap();
        let read = VerifyingKey::from_pem(algorithm, certificate).unwrap();
        assert_pair(algorithm, &signing, &read);
        assert_pair(
            algorithm,
            &signing,
            &VerifyingKey::from_der(algorithm, &der(certificate)).unwrap(),
        );
        let bytes = der(certificate);
        for cut in [1, bytes.len() / 2, bytes.len() - 40, bytes.len() - 1] {
            assert!(VerifyingKey::from_der(algorithm, &bytes[..cut]).is_err(), "{cut}");
        }
        refused(SigningKey::from_pem(algorithm, certificate), "holds a public key only");
        let chain = [certificate, certificate].concat();
        refused(VerifyingKey::from_pem(algorithm, &chain), "give one key");
    }
    let p256 = key("p256")["certificate"].as_str().unwrap().to_owned();
    refused(VerifyingKey::from_pem(Algorithm::RS256, &p256), "type RSA");
    refused(VerifyingKey::from_pem(Algorithm::ES384, &p256), "type P-384");
}

#[test]
fn pss_keys_serve_what_their_parameters_allow() {
    use Algorithm::{PS256, PS384, PS512};
    let all = [PS256, PS384, PS512];
    for (name, allowed) in [
        ("pss", &all[..]),
        ("pss_sha256", &[PS256]),
        ("pss_sha384", &[PS384]),
        ("pss_sha512", &[PS512]),
        ("pss_sha1", &[]),
        ("pss_two_hashes", &[]),
        ("pss_long_salt", &[]),
    ] {
        let key = key(name);
        let (private, public) = (key["pkcs8"].as_str().unwrap(), key["spki"].as_str().unwrap());
        for algorithm in Algorithm::ALL.into_iter().filter(|a| super::name(*a) == Some("rsa")) {
            let signing = SigningKey::from_pem(algorithm, private);
            let verifying = VerifyingKey::from_pem(algorithm, public);
            if allowed.contains(&algorithm) {
                assert_pair(algorithm, &signing.unwrap(), &verifying.unwrap());
                continue;
            }
            let advice = match allowed {
                [] => "RSASSA-PSS parameters fit none of PS256, PS384 and PS512".to_owned(),
                [only] => format!("RSASSA-PSS, which allows {only} but not {algorithm}"),
                _ => format!("RSASSA-PSS, which allows PS256, PS384, PS512 but not {algorithm}"),
            };
            refused(signing, &advice);
            refused(verifying, &advice);
        }
    }
    // What such a key is written as can be read again.
    let key = SigningKey::from_pem(PS256, key("pss_sha256")["pkcs8"].as_str().unwrap()).unwrap();
    let pem = SigningKey::from_pem(PS256, key.expose_private_pem().unwrap().expose()).unwrap();
    let jwk = SigningKey::from_jwk(PS256, key.expose_private_jwk().unwrap().expose()).unwrap();
    assert_pair(PS256, &pem, &key.verifying_key().unwrap());
    assert_pair(PS256, &jwk, &key.verifying_key().unwrap());
}

#[test]
fn keys_of_other_tools_are_refused_with_the_way_out() {
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC4pK2dePGgctIAsh0H/tmUrLzx2Vc4Ltc8TN9nfuChG";
    refused(
        VerifyingKey::from_pem(Algorithm::EdDSA, ssh),
        "OpenSSH public key, which ssh-keygen -e -m PKCS8",
    );
    let ssh = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    refused(SigningKey::from_pem(Algorithm::EdDSA, ssh), "ssh-keygen -p -m PKCS8");
    for (algorithm, name, form) in [
        (Algorithm::ES256, "p256", "pkcs8"),
        (Algorithm::ES256, "p256", "traditional"),
        (Algorithm::RS256, "rsa", "traditional"),
    ] {
        let private = key(name)[form].as_str().unwrap().to_owned();
        refused(
            VerifyingKey::from_pem(algorithm, &private),
            "extract the public key by openssl pkey -pubout",
        );
    }
    let single = public(&key("p256")["jwk"]).to_string();
    refused(KeySet::from_json(&single), "for a single JWK use VerifyingKey::from_jwk");
}

#[test]
fn a_set_without_usable_keys_says_why_for_each() {
    let entry = |members: Value| {
        let mut entry = public(&key("p256")["jwk"]);
        for (member, value) in members.as_object().unwrap() {
            entry[member] = value.clone();
        }
        entry
    };
    let set = json!({"keys": [
        entry(json!({"kid": "enc", "use": "enc"})),
        entry(json!({"kid": "mine", "d": "AQ"})),
        entry(json!({"alg": "ES512"})),
        entry(json!({"kid": "a\u{202e}b\n", "crv": "secp256k1"})),
    ]});
    let error = KeySet::from_json(&set.to_string()).unwrap_err();
    for reason in [
        "no key of the JWK set can be used",
        "key \"enc\": the JWK's use is not sig",
        "key \"mine\": a published set must not hold private",
        "key 3 of the list: the JWK's alg does not belong to its key type: it can be ES256",
        r#"key "a\u{202e}b\n": unknown or incomplete JWK"#,
    ] {
        assert!(error.message().contains(reason), "{error}");
    }
    let many = vec![entry(json!({"use": "enc"})); 25];
    let error = KeySet::from_json(&json!({"keys": many}).to_string()).unwrap_err();
    assert!(error.message().ends_with("and 15 more"), "{error}");
    assert!(error.message().contains("key 10 of") && !error.message().contains("key 11 of"));
    refused(KeySet::from_json(r#"{"keys":[]}"#), "no key of the JWK set can be used: it is empty");
}
