//! Which algorithm is executed, with which key.

use crate::structure::{jwk_verifier, with, without};
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey, VerifyingKey};
use jamguard::testing::{mint, mint_with_header};
use serde_json::{Value, json};

#[test]
fn line_01_alg_none() {
    for algorithm in [Algorithm::ES512, Algorithm::HS256] {
        let target = Target::new(algorithm);
        let names = [
            "none",
            "None",
            "NONE",
            "nOnE",
            " none",
            "none ",
            "\tnone",
            "none\n",
            "no ne",
            "none\0",
            "\u{feff}none",
            "ｎｏｎｅ",
            "",
            "null",
        ];
        for name in names {
            let signed = target.with_header("alg", name.into());
            let what = format!("{algorithm}: {name:?}");
            target.refuses(&signed, UnsupportedAlgorithm, &what);
            let unsigned = with_signature(&signed, "");
            target.refuses(&unsigned, UnsupportedAlgorithm, &what);
            // No last dot either.
            target.refuses(unsigned.trim_end_matches('.'), Malformed, &what);
        }
        for alg in [Value::Null, json!(0), json!(false), json!(["none"]), json!({})] {
            let signed = target.with_header("alg", alg.clone());
            target.refuses(&signed, Malformed, &alg.to_string());
            target.refuses(&with_signature(&signed, ""), Malformed, &alg.to_string());
        }
        let headless = target.under(&json!({"typ": "JWT"}));
        target.refuses(&headless, Malformed, "no alg");
        // A sound header over no signature.
        target.refuses(&with_signature(&target.sound, ""), BadSignature, "unsigned");
    }
}

/// What a careless verifier might take for the shared secret.
fn public_forms(key: &SigningKey) -> Vec<(&'static str, Vec<u8>)> {
    let jwk = jwk(key);
    let der = spki(key);
    let text = pem("PUBLIC KEY", &der);
    let mut forms = vec![
        ("PEM", text.clone().into_bytes()),
        ("PEM with LF", text.replace("\r\n", "\n").into_bytes()),
        ("PEM without last newline", text.trim_end().into()),
        ("PEM with LF, without last newline", text.replace("\r\n", "\n").trim_end().into()),
        ("DER", der),
        ("JWK text", jwk.to_string().into_bytes()),
        ("key set text", KeySet::from(key.verifying_key().unwrap()).to_json().into_bytes()),
        ("empty", Vec::new()),
    ];
    for name in ["x", "y", "n"] {
        if let Some(number) = jwk[name].as_str() {
            forms.push(("base64url of a number", number.into()));
            forms.push(("a number", decode(number)));
        }
    }
    if let (Some(x), Some(y)) = (jwk["x"].as_str(), jwk["y"].as_str()) {
        let point = [decode(x), decode(y)].concat();
        forms.push(("raw point", [&[4][..], &point].concat()));
        forms.push(("raw point, bare", point));
    }
    forms
}

/// Signs with any secret, however unfit the crate finds it.
fn mint_hmac(algorithm: Algorithm, secret: &[u8]) -> String {
    let hash = match algorithm {
        Algorithm::HS256 => aws_lc_rs::hmac::HMAC_SHA256,
        Algorithm::HS384 => aws_lc_rs::hmac::HMAC_SHA384,
        _ => aws_lc_rs::hmac::HMAC_SHA512,
    };
    let header = json!({"alg": algorithm.name(), "typ": "JWT"}).to_string();
    let input = format!("{}.{}", encode(header), encode(claims().to_string()));
    let key = aws_lc_rs::hmac::Key::new(hash, secret);
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", encode(tag))
}

#[test]
fn line_02_hmac_keyed_with_the_public_key() {
    const SECRET: &[u8] = b"the real secret: sixty-four bytes, enough for every one of them!";
    const HMAC: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    use Algorithm::*;
    for algorithm in [ES256, ES384, ES512, RS256, EdDSA] {
        let key = SigningKey::generate(algorithm).unwrap();
        let alone = Target::with_key(key.clone());
        let beside_secrets = Target::with_rules(key.clone(), |mut rules| {
            for hmac in HMAC {
                rules = rules.key(VerifyingKey::from_secret(hmac, SECRET).unwrap());
            }
            rules.algorithms([algorithm, HS256, HS384, HS512])
        });
        for hmac in HMAC {
            for (form, secret) in public_forms(&key) {
                let forged = mint_hmac(hmac, &secret);
                let what = format!("{hmac} with the {form} of {algorithm}");
                alone.refuses(&forged, UnsupportedAlgorithm, &what);
                beside_secrets.refuses(&forged, BadSignature, &what);
            }
            beside_secrets.accepts(&mint_hmac(hmac, SECRET), "the real secret");
            // And the other way round: a MAC under the public key's algorithm.
            let mac = signature(&mint_hmac(hmac, SECRET));
            alone.refuses(&with_signature(&alone.sound, mac), BadSignature, "MAC as signature");
        }
    }
}

#[test]
fn line_02_keys_are_typed() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let (der, text) = (spki(&key), pem("PUBLIC KEY", &spki(&key)));
    VerifyingKey::from_pem(Algorithm::ES256, &text).unwrap();
    VerifyingKey::from_der(Algorithm::ES256, &der).unwrap();
    let kind = |made: Result<VerifyingKey, jamguard::Error>| made.unwrap_err().kind();
    for hmac in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in [&*text, text.trim_end(), &format!("\n {text}"), ""] {
            assert_eq!(kind(VerifyingKey::from_secret(hmac, secret.as_bytes())), InvalidKey);
            assert!(SigningKey::from_secret(hmac, secret.as_bytes()).is_err());
        }
        assert_eq!(kind(VerifyingKey::from_pem(hmac, &text)), InvalidKey);
        assert_eq!(kind(VerifyingKey::from_der(hmac, &der)), InvalidKey);
        assert!(SigningKey::from_pem(hmac, &text).is_err());
        assert!(SigningKey::from_der(hmac, &der).is_err());
    }
    assert_eq!(kind(VerifyingKey::from_secret(Algorithm::ES256, &[7; 64])), InvalidKey);
    // A bare point is no DER, a private key or a certificate no public key.
    let jwk = jwk(&key);
    let point =
        [&[4][..], &decode(jwk["x"].as_str().unwrap()), &decode(jwk["y"].as_str().unwrap())];
    assert_eq!(kind(VerifyingKey::from_der(Algorithm::ES256, &point.concat())), InvalidKey);
    // Nor are 32 bytes that begin as DER does.
    let bare = [&[0x30, 30][..], &[1; 30]].concat();
    assert_eq!(kind(VerifyingKey::from_der(Algorithm::EdDSA, &bare)), InvalidKey);
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE", "RSA PUBLIC KEY", "public key"] {
        assert_eq!(kind(VerifyingKey::from_pem(Algorithm::ES256, &pem(label, &der))), InvalidKey);
    }
    assert_eq!(
        kind(VerifyingKey::from_pem(Algorithm::ES256, &format!("{text}{text}"))),
        InvalidKey
    );
}

#[test]
fn line_03_jwk_without_alg() {
    use Algorithm::*;
    let rsa = SigningKey::generate(RS256).unwrap();
    let open = without(&jwk(&rsa), "alg");
    assert_eq!(open.get("alg"), None);
    let sound = mint(&rsa, &claims()).unwrap();

    // The policy decides, not the header.
    let verifier = jwk_verifier(&[&open], &[RS256]).unwrap();
    for alg in ["RS384", "RS512", "PS256", "PS384", "PS512", "ES512", "HS256", "rs256", "RSA"] {
        let token = mint_with_header(&rsa, &json!({"alg": alg}), claims().to_string().as_bytes());
        refuses(&verifier, &token.unwrap(), UnsupportedAlgorithm, alg);
        accepts(&verifier, &sound, "sound");
    }
    // What is executed is what the header names: the same signature under any other name fails.
    let rsa_all = [RS256, RS384, RS512, PS256, PS384, PS512];
    let verifier = jwk_verifier(&[&open], &rsa_all).unwrap();
    for alg in rsa_all.iter().skip(1) {
        let header = json!({"alg": alg.name()});
        let token = mint_with_header(&rsa, &header, claims().to_string().as_bytes()).unwrap();
        refuses(&verifier, &token, BadSignature, alg.name());
        accepts(&verifier, &sound, "sound");
    }
    // An algorithm of the policy that the key's type does not allow.
    let p256 = SigningKey::generate(ES256).unwrap();
    let p521 = SigningKey::generate(ES512).unwrap().with_key_id("p521");
    let open = with(&without(&jwk(&p256), "alg"), "kid", "p256");
    let verifier = jwk_verifier(&[&open, &jwk(&p521)], &[ES256, ES512]).unwrap();
    let under =
        |header: Value| mint_with_header(&p256, &header, claims().to_string().as_bytes()).unwrap();
    refuses(&verifier, &under(json!({"alg": "ES512", "kid": "p256"})), UnknownKey, "ES512, P-256");
    refuses(&verifier, &under(json!({"alg": "ES512"})), BadSignature, "ES512 by P-256");
    refuses(&verifier, &under(json!({"alg": "ES256", "kid": "p521"})), UnknownKey, "ES256, P-521");
    accepts(&verifier, &under(json!({"alg": "ES256", "kid": "p256"})), "sound");
    accepts(&verifier, &under(json!({"alg": "ES256"})), "sound without kid");
    assert_eq!(jwk_verifier(&[&open], &[ES512]).unwrap_err(), Configuration);

    // A JWK with alg is pinned to it, even where the policy and the key's type allow more.
    let pinned = with(&jwk(&rsa), "kid", "rs256");
    let other = SigningKey::generate(RS512).unwrap().with_key_id("rs512");
    let verifier = jwk_verifier(&[&pinned, &jwk(&other)], &[RS256, RS512]).unwrap();
    let header = json!({"alg": "RS512", "kid": "rs256"});
    let token = mint_with_header(&other, &header, claims().to_string().as_bytes()).unwrap();
    refuses(&verifier, &token, UnknownKey, "RS512 by a key of RS256");
    accepts(&verifier, &sound, "sound, no kid");
    accepts(&verifier, &mint(&other, &claims()).unwrap(), "the other key");
    assert_eq!(jwk_verifier(&[&pinned], &[RS512]).unwrap_err(), Configuration);
    // An alg that the key's type does not allow.
    for alg in ["ES256", "HS256", "none", "RSA-OAEP", "rs256", ""] {
        let crossed = with(&pinned, "alg", alg);
        assert_eq!(jwk_verifier(&[&crossed], &[RS256]).unwrap_err(), InvalidKey, "{alg}");
    }
    for purpose in [json!({"use": "enc"}), json!({"key_ops": ["sign"]}), json!({"key_ops": []})] {
        let mut other = pinned.clone();
        other.as_object_mut().unwrap().extend(purpose.as_object().unwrap().clone());
        assert_eq!(jwk_verifier(&[&other], &[RS256]).unwrap_err(), InvalidKey, "{purpose}");
    }
}

#[test]
fn line_03_an_ambiguous_key_is_not_tried_in_turn() {
    let keys = [(); 2].map(|()| SigningKey::generate(Algorithm::ES256).unwrap());
    let named = |name: &str| keys[0].clone().with_key_id(name);
    let build =
        |a: &SigningKey, b: &SigningKey| rules(a).key(b.verifying_key().unwrap()).build().unwrap();
    let unnamed = mint(&keys[0], &claims()).unwrap();
    refuses(&build(&keys[0], &keys[1]), &unnamed, UnknownKey, "two nameless keys");
    let same = build(&named("a"), &keys[1].clone().with_key_id("a"));
    refuses(&same, &mint(&named("a"), &claims()).unwrap(), UnknownKey, "two keys of one name");
    let two = build(&named("a"), &keys[1].clone().with_key_id("b"));
    refuses(&two, &unnamed, UnknownKey, "no kid, two keys");
    refuses(&two, &mint(&named("b"), &claims()).unwrap(), BadSignature, "the other's name");
    accepts(&two, &mint(&named("a"), &claims()).unwrap(), "the right name");
    // A name wins over a key without one.
    let mixed = build(&named("a"), &keys[1]);
    accepts(&mixed, &mint(&named("a"), &claims()).unwrap(), "the named key");
    refuses(&mixed, &mint(&named("c"), &claims()).unwrap(), BadSignature, "the nameless key");
    accepts(&mixed, &mint(&keys[1].clone().with_key_id("c"), &claims()).unwrap(), "nameless");
}

/// As many verifications as keys that are tried, and only for tokens that name none.
#[test]
fn several_keys_are_tried_for_a_token_without_kid_where_asked_for() {
    let keys = [(); 6].map(|()| SigningKey::generate(Algorithm::ES256).unwrap());
    let build = |keys: &[SigningKey]| {
        let (first, more) = keys.split_first().unwrap();
        let all =
            more.iter().fold(rules(first), |rules, key| rules.key(key.verifying_key().unwrap()));
        all.try_several_keys().build().unwrap()
    };
    let named = |at: usize, name: &str| keys[at].clone().with_key_id(name);
    let unnamed = |at: usize| mint(&keys[at], &claims()).unwrap();
    let five = [named(0, "a"), named(1, "b"), keys[2].clone(), named(3, "d"), named(4, "e")];
    let verifier = build(&five);
    for at in 0..4 {
        accepts(&verifier, &unnamed(at), "one of the first four");
    }
    refuses(&verifier, &unnamed(4), BadSignature, "the fifth key");
    refuses(&verifier, &unnamed(5), BadSignature, "none of the keys");
    let text = reason(&verifier, &unnamed(5));
    assert!(text.contains("none of the 4 tried keys of 5"), "{text}");
    // A key listed twice counts once, and keys of other algorithms do not count.
    let twice = build(&[named(0, "a"), named(0, "b"), named(1, "c"), named(2, "d"), named(3, "e")]);
    accepts(&twice, &unnamed(3), "the fourth key");
    // A kid decides alone: the key it names, or else a key without one.
    let signed = |at: usize, name: &str| mint(&named(at, name), &claims()).unwrap();
    accepts(&verifier, &signed(1, "b"), "the named key");
    refuses(&verifier, &signed(0, "b"), BadSignature, "another key's name");
    let all_named = build(&[named(0, "a"), named(1, "b")]);
    refuses(&all_named, &signed(0, "c"), UnknownKey, "an unknown name");
    let nameless = build(&[keys[0].clone(), keys[1].clone()]);
    refuses(&nameless, &signed(0, "c"), UnknownKey, "a name, and several keys without one");
    accepts(&nameless, &unnamed(1), "no name");
    let same = build(&[named(0, "a"), named(1, "a")]);
    refuses(&same, &signed(0, "a"), UnknownKey, "two keys of one name");
}

#[test]
fn line_03_a_jws_has_a_policy_too() {
    use Algorithm::*;
    let key = SigningKey::generate(RS256).unwrap();
    let open = without(&jwk(&key), "alg").to_string();
    let keys = KeySet::from(VerifyingKey::from_jwk(&open).unwrap());
    let kind = |token: &str, policy: &[Algorithm]| {
        Jws::verify(token, &keys, policy).map_err(|error| error.kind())
    };
    let sound = Jws::sign(&key, b"any bytes").unwrap();
    assert_eq!(kind(&sound, &[RS256]).unwrap().payload(), b"any bytes");
    assert_eq!(kind(&sound, &[]).unwrap_err(), UnsupportedAlgorithm);
    assert_eq!(kind(&sound, &[RS512, PS256]).unwrap_err(), UnsupportedAlgorithm);
    let renamed = mint_with_header(&key, &json!({"alg": "PS256"}), b"any bytes").unwrap();
    assert_eq!(kind(&renamed, &[RS256]).unwrap_err(), UnsupportedAlgorithm);
    assert_eq!(kind(&renamed, &[RS256, PS256]).unwrap_err(), BadSignature);
    let unsigned = mint_with_header(&key, &json!({"alg": "none"}), b"any bytes").unwrap();
    assert_eq!(kind(&unsigned, &Algorithm::ALL).unwrap_err(), UnsupportedAlgorithm);
    let other = Jws::sign(&SigningKey::generate(RS256).unwrap(), b"any bytes").unwrap();
    assert_eq!(kind(&other, &[RS256]).unwrap_err(), BadSignature);
    assert_eq!(kind(&with_signature(&sound, ""), &[RS256]).unwrap_err(), BadSignature);
}
