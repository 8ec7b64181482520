//! JWKs that are refused, and what the message advises.

use super::*;

#[test]
fn jwks_that_are_not_for_this_are_refused() {
    use Algorithm::{ES256, ES384, HS256, HS512, RS256, RS512};
    let verifying = |name: &str, members: Value| VerifyingKey::from_jwk(&jwk(name, members));
    let signing = |algorithm, name: &str, members: Value| {
        SigningKey::from_jwk(algorithm, &jwk(name, members))
    };
    // use, key_ops, alg.
    for purpose in ["enc", "SIG", ""] {
        refused(verifying("p256", json!({"use": purpose})), "use is not sig");
        refused(signing(ES256, "p256", json!({"use": purpose})), "use is not sig");
        let secret = oct(SECRET, json!({"use": purpose}));
        refused(VerifyingKey::from_jwk(&secret), "use is not sig");
        refused(SigningKey::from_jwk(HS256, &secret), "use is not sig");
    }
    for operations in [json!([]), json!(["encrypt"]), json!(["VERIFY"])] {
        let members = json!({"key_ops": operations});
        refused(verifying("rsa", members.clone()), "key_ops do not include verify");
        refused(signing(RS256, "rsa", members.clone()), "key_ops do not include sign");
        refused(VerifyingKey::from_jwk(&oct(SECRET, members.clone())), "include verify");
        refused(SigningKey::from_jwk(HS256, &oct(SECRET, members)), "include sign");
    }
    refused(verifying("rsa", json!({"key_ops": ["sign"]})), "include verify");
    refused(signing(RS256, "rsa", json!({"key_ops": ["verify"]})), "include sign");
    signing(RS256, "rsa", json!({"key_ops": ["sign"]})).unwrap();
    verifying("rsa", json!({"key_ops": ["verify", "other"]})).unwrap();
    for alg in ["ES384", "HS256", "none", "es256", "ECDH-ES", ""] {
        refused(verifying("p256", json!({"alg": alg})), "it can be ES256");
        refused(signing(ES256, "p256", json!({"alg": alg})), "it can be ES256");
    }
    refused(VerifyingKey::from_jwk(&oct(SECRET, json!({"alg": "ES256"}))), "HS512");
    refused(signing(RS256, "rsa", json!({"alg": "PS256"})), "not for RS256 but for PS256");
    refused(signing(RS256, "p256", json!({})), "not for RS256 but for ES256");
    refused(signing(HS256, "rsa", json!({})), "not for HS256 but for RS256, RS384");
    refused(SigningKey::from_jwk(RS512, &oct(SECRET, json!({}))), "but for HS256");
    // Members of the wrong JSON type.
    for member in ["alg", "use", "kid", "key_ops", "kty", "crv", "x", "y"] {
        for value in [json!(5), json!({}), json!([[]])] {
            let members = json!({member: value});
            assert!(verifying("p256", members.clone()).is_err(), "{member} {value}");
            if !matches!(member, "crv" | "x" | "y") {
                let jwk = oct(SECRET, members);
                assert!(VerifyingKey::from_jwk(&jwk).is_err(), "{member} {value}");
                assert!(SigningKey::from_jwk(HS512, &jwk).is_err(), "{member} {value}");
            }
        }
    }
    // Not a JWK at all.
    let twice = r#"{"kty":"oct","kty":"oct","k":"AA"}"#;
    for text in ["", "{}", "[]", "null", "\"x\"", "{\"kty\":\"RSA\"}", "{} {}", twice] {
        refused(VerifyingKey::from_jwk(text), "JWK");
        refused(SigningKey::from_jwk(ES384, text), "JWK");
        refused(Jwk::from_json(text), "JWK");
    }
    // Secrets.
    for (k, advice) in [
        (json!(base64url(&SECRET[..16])), "needs at least 32"),
        (json!(""), "needs at least 32"),
        (json!(format!("{}=", base64url(SECRET))), "strict base64url"),
        (json!(base64url(key("rsa")["spki"].as_str().unwrap().as_bytes())), "from_pem"),
    ] {
        refused(VerifyingKey::from_jwk(&oct(SECRET, json!({"k": k}))), advice);
        refused(SigningKey::from_jwk(HS256, &oct(SECRET, json!({"k": k}))), advice);
    }
    let short = oct(&SECRET[..48], json!({"alg": "HS512"}));
    refused(VerifyingKey::from_jwk(&short), "HS512 needs at least 64");
    refused(SigningKey::from_jwk(HS512, &short), "HS512 needs at least 64");
}

#[test]
fn jwks_whose_numbers_are_wrong_are_refused() {
    use Algorithm::{ES256, EdDSA, RS256};
    let public = |name: &str, members: Value, advice: &str| {
        refused(VerifyingKey::from_jwk(&jwk(name, members)), advice);
    };
    // RSA exponents 1, 0, even, over 33 bits, empty.
    for e in ["AQ", "AA", "AAAB", "AQAA", "BAAAAAE", ""] {
        public("rsa", json!({"e": e}), "odd, at least 3, at most 33 bits");
    }
    for n in ["", "AA", "AAAA"] {
        public("rsa", json!({"n": n}), "the RSA modulus is empty");
    }
    public("rsa", json!({"n": "AAEAAQ"}), "17 bits");
    public("rsa", json!({"n": base64url(&[255; 1025])}), "8200 bits");
    public(
        "rsa",
        json!({"n": format!("{}=", key("rsa")["jwk"]["n"].as_str().unwrap())}),
        "base64url",
    );
    // Points.
    let y = key("p256")["jwk"]["y"].clone();
    public("p256", json!({"x": y, "y": y}), "not on the curve");
    public("p256", json!({"x": base64url(&[0; 32]), "y": base64url(&[0; 32])}), "not on the curve");
    public("p256", json!({"x": base64url(&[255; 32])}), "not on the curve");
    for length in [0, 33, 66, 67] {
        public("p256", json!({"x": base64url(&vec![1; length])}), "wrong length");
    }
    // A shorter number is one without its leading zeros, and no point's.
    for (name, length) in [("p256", 31), ("p256", 1), ("p521", 65)] {
        public(name, json!({"y": base64url(&vec![1; length])}), "not on the curve");
    }
    public("p521", json!({"y": base64url(&[1; 67])}), "wrong length");
    public("p256", json!({"crv": "P-384"}), "not on the curve");
    public("p384", json!({"crv": "P-256"}), "wrong length");
    public("p256", json!({"crv": "Ed25519"}), "crv does not belong to kty EC");
    public("p256", json!({"crv": "secp256k1"}), "P-256, P-384 or P-521");
    public("secp256k1", json!({}), "P-256, P-384 or P-521");
    public("ed25519", json!({"crv": "P-256"}), "crv does not belong to kty OKP");
    public("ed25519", json!({"crv": "X25519"}), "crv Ed25519");
    public("ed25519", json!({"x": base64url(&[1; 31])}), "32 bytes");
    // Ed25519 keys are only checked when used: one that is no point verifies nothing.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let no_point = jwk("ed25519", json!({"x": base64url(&no_point)}));
    let useless = VerifyingKey::from_jwk(&no_point).unwrap();
    assert!(useless.verify(EdDSA, MESSAGE, &[0; 64]).is_err());

    // Private numbers that are absent, broken, or another key's.
    let private = |algorithm, name: &str, members: Value, advice: &str| {
        refused(SigningKey::from_jwk(algorithm, &jwk(name, members)), advice);
    };
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        let lacks = format!("lacks a well-formed '{member}'");
        for value in [json!(null), json!("="), json!(5)] {
            private(RS256, "rsa", json!({member: value}), &lacks);
        }
    }
    for d in [json!("AQ"), json!(""), json!(base64url(&[255; 32]))] {
        private(ES256, "p256", json!({"d": d}), "do not fit");
        private(EdDSA, "ed25519", json!({"d": d}), "do not fit");
    }
    private(RS256, "rsa", json!({"d": "AQ"}), "do not fit");
    private(RS256, "rsa", json!({"p": key("rsa")["jwk"]["q"]}), "do not fit");
    let public_only = Jwk::from_json(&jwk("p256", json!({}))).unwrap().to_json();
    refused(SigningKey::from_jwk(ES256, &public_only), "lacks a well-formed 'd'");
}
