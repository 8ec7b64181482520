//! Signature values and keys that no honest signer makes.

use crate::structure::{jwk_verifier, with, without};
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, KeySet, SigningKey, VerifyingKey};
use jamguard::testing::{mint, mint_with_header};
use serde_json::json;

/// A DER SEQUENCE of two INTEGERs.
fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap();
        let mut digits = number[start..].to_vec();
        if digits[0] >= 0x80 {
            digits.insert(0, 0);
        }
        [&[2, digits.len() as u8][..], &digits].concat()
    };
    let both = [integer(r), integer(s)].concat();
    match both.len() {
        length @ 0..=127 => [&[0x30, length as u8][..], &both].concat(),
        length => [&[0x30, 0x81, length as u8][..], &both].concat(),
    }
}

#[test]
fn line_07_ecdsa_signature_values() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512] {
        let target = Target::with_rules(SigningKey::generate(algorithm).unwrap(), |rules| {
            rules.max_token_len(64 * 1024)
        });
        let n = order(algorithm);
        let sound = signature(&target.sound);
        let length = n.len();
        assert_eq!(sound.len(), 2 * length);
        let (r, s) = sound.split_at(length);
        let (zero, ones) = (vec![0; length], vec![0xff; length]);
        let one = [&zero[1..], &[1]].concat();
        let n_minus_1 = minus(&n, &one);
        let n_plus_1 = plus(&n, &one);
        let refuse = |signature: Vec<u8>, what: &str| {
            let token = with_signature(&target.sound, signature);
            target.refuses(&token, BadSignature, &format!("{algorithm}: {what}"));
        };
        for (a, b, what) in [
            (&*zero, &*zero, "r = s = 0"),
            (&zero, s, "r = 0"),
            (r, &zero, "s = 0"),
            (&zero, &one, "r = 0, s = 1"),
            (&one, &zero, "r = 1, s = 0"),
            (&n, &n, "r = s = n"),
            (&n, s, "r = n"),
            (r, &n, "s = n"),
            (&zero, &n, "r = 0, s = n"),
            (&n, &zero, "r = n, s = 0"),
            (&n_plus_1, &one, "r = n + 1"),
            (&n_minus_1, &n_minus_1, "r = s = n - 1"),
            (&ones, &ones, "all ones"),
            (&one, &one, "r = s = 1"),
            (s, r, "exchanged"),
        ] {
            refuse([a, b].concat(), what);
        }
        // The same residues by another name: n more, in a byte more where needed.
        let wide = |a: &[u8], b: &[u8]| {
            let length = a.len().max(b.len());
            let padded = |x: &[u8]| [&vec![0; length - x.len()][..], x].concat();
            [padded(a), padded(b)].concat()
        };
        let (r_n, s_n) = (plus(r, &n), plus(s, &n));
        refuse(wide(&r_n, s), "r + n");
        refuse(wide(r, &s_n), "s + n");
        refuse(wide(&r_n, &s_n), "r + n, s + n");
        refuse([r, &s_n[s_n.len() - length..]].concat(), "s + n, cut");
        refuse([&r_n[r_n.len() - length..], s].concat(), "r + n, cut");

        refuse(der_signature(r, s), "DER");
        refuse(Vec::new(), "empty");
        for length in [1, 32, 64, 96, 130, 131, 132, 133, 134, 264] {
            if length != sound.len() {
                let mut other = sound.clone();
                other.resize(length, 0);
                refuse(other.clone(), &format!("{length} bytes"));
                other.rotate_right(length.saturating_sub(sound.len()));
                refuse(other, &format!("{length} bytes, zeros first"));
            }
        }
        refuse([&sound[..], &sound[..]].concat(), "twice");
        let huge = with_signature(&target.sound, vec![1; 16 * 1024]);
        target.refuses(&huge, Malformed, "16 KiB");
        let usual = Target::with_key(target.key.clone());
        usual.refuses(&huge, TooLarge, "16 KiB under the usual limit");
    }
}

#[test]
fn line_07_an_eddsa_signature_has_one_form() {
    let target = Target::new(Algorithm::EdDSA);
    // S + L, little-endian (RFC 8032 section 5.1.7: S must be under L).
    let order = "edd3f55c1a631258d69cf7a2def9de14000000000000000000000000000000\
                 10";
    let mut order: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap()).collect();
    order.reverse();
    let mut forged = signature(&target.sound);
    let mut s = forged[32..].to_vec();
    s.reverse();
    let mut sum = plus(&s, &order);
    sum.reverse();
    forged[32..].copy_from_slice(&sum);
    target.refuses(&with_signature(&target.sound, forged), BadSignature, "S + L");
}

#[test]
fn line_07_keys_of_another_curve() {
    let p256 = SigningKey::generate(Algorithm::ES256).unwrap();
    let p521 = SigningKey::generate(Algorithm::ES512).unwrap();
    let (jwk, der) = (jwk(&p256), spki(&p256));
    let text = pem("PUBLIC KEY", &der);
    let kind = |made: Result<VerifyingKey, jamguard::Error>| made.unwrap_err().kind();
    for algorithm in [Algorithm::ES512, Algorithm::ES384, Algorithm::RS256, Algorithm::EdDSA] {
        assert_eq!(kind(VerifyingKey::from_pem(algorithm, &text)), InvalidKey);
        assert_eq!(kind(VerifyingKey::from_der(algorithm, &der)), InvalidKey);
        let crossed = with(&jwk, "alg", algorithm.name());
        assert_eq!(kind(VerifyingKey::from_jwk(&crossed.to_string())), InvalidKey);
    }
    let renamed = with(&without(&jwk, "alg"), "crv", "P-521");
    assert_eq!(kind(VerifyingKey::from_jwk(&renamed.to_string())), InvalidKey);
    for crv in ["P-256 ", "p-256", "secp256k1", "Ed25519", "X25519", ""] {
        let other = with(&without(&jwk, "alg"), "crv", crv);
        assert_eq!(kind(VerifyingKey::from_jwk(&other.to_string())), InvalidKey, "{crv}");
    }
    let only_es512 = jwk_verifier(&[&without(&jwk, "alg")], &[Algorithm::ES512]);
    assert_eq!(only_es512.unwrap_err(), Configuration);

    let target = Target::with_rules(p521, |rules| {
        let key = VerifyingKey::from_jwk(&without(&jwk, "alg").to_string()).unwrap();
        rules.key(key).algorithms([Algorithm::ES512, Algorithm::ES256])
    });
    let payload = claims().to_string();
    let forged = mint_with_header(&p256, &json!({"alg": "ES512"}), payload.as_bytes()).unwrap();
    target.refuses(&forged, BadSignature, "signed by P-256 under ES512");
    target.accepts(&mint(&p256, &claims()).unwrap(), "signed by P-256 under ES256");
}

#[test]
fn line_07_points_off_the_curve() {
    use Algorithm::*;
    let kind = |made: Result<VerifyingKey, jamguard::Error>| made.unwrap_err().kind();
    for algorithm in [ES256, ES384, ES512] {
        let key = SigningKey::generate(algorithm).unwrap();
        let (good, der) = (jwk(&key), spki(&key));
        VerifyingKey::from_jwk(&good.to_string()).unwrap();
        let (x, y) = (decode(good["x"].as_str().unwrap()), decode(good["y"].as_str().unwrap()));
        let length = x.len();
        let mut moved = y.clone();
        moved[length - 1] ^= 1;
        let points = [
            (x.clone(), moved, "moved"),
            (y.clone(), x.clone(), "exchanged"),
            (vec![0; length], vec![0; length], "infinity"),
            (vec![0xff; length], y.clone(), "x over p"),
            (x.clone(), vec![0xff; length], "y over p"),
        ];
        for (x, y, what) in points {
            let off = with(&with(&good, "x", encode(&x)), "y", encode(&y));
            assert_eq!(kind(VerifyingKey::from_jwk(&off.to_string())), InvalidKey, "{what}");
            let mut off_der = der.clone();
            let at = der.len() - 2 * length;
            off_der[at..].copy_from_slice(&[x, y].concat());
            assert_eq!(kind(VerifyingKey::from_der(algorithm, &off_der)), InvalidKey, "{what}");
            let text = pem("PUBLIC KEY", &off_der);
            assert_eq!(kind(VerifyingKey::from_pem(algorithm, &text)), InvalidKey, "{what}");
            // In a set it is left out; the good key serves.
            let set = json!({"keys": [off, good]}).to_string();
            assert_eq!(KeySet::from_json(&set).unwrap().len(), 1);
            let set = json!({"keys": [off]}).to_string();
            assert_eq!(KeySet::from_json(&set).unwrap_err().kind(), InvalidKey);
        }
        // The right point, cut at another place.
        for (x, y) in [
            (&x[..length - 1], [&x[length - 1..], &y].concat()),
            (&[&x[..], &y[..1]].concat(), y[1..].to_vec()),
        ] {
            let moved = with(&with(&good, "x", encode(x)), "y", encode(y));
            assert_eq!(kind(VerifyingKey::from_jwk(&moved.to_string())), InvalidKey);
        }
        for (member, value) in [
            // A number's first byte that is not zero.
            (
                "x",
                encode(
                    x.iter().skip_while(|byte| **byte == 0).skip(1).copied().collect::<Vec<_>>(),
                ),
            ),
            ("x", encode([&[1], &x[..]].concat())),
            ("y", String::new()),
            ("y", encode(&y) + "="),
            ("x", format!("{} ", encode(&x))),
        ] {
            let off = with(&good, member, value.clone());
            assert_eq!(kind(VerifyingKey::from_jwk(&off.to_string())), InvalidKey, "{value:?}");
        }
    }
    let ed_key = SigningKey::generate(EdDSA).unwrap();
    let ed = jwk(&ed_key);
    // y = 2 belongs to no point of the curve.
    let off = with(&ed, "x", encode([&[2][..], &[0; 31]].concat()));
    let short = with(&ed, "x", encode([9; 31]));
    let long = with(&ed, "x", encode([9; 33]));
    let der = with(&ed, "x", encode(spki(&ed_key)));
    let curve = with(&without(&ed, "alg"), "crv", "P-256");
    for other in [short, long, der, curve] {
        assert_eq!(kind(VerifyingKey::from_jwk(&other.to_string())), InvalidKey);
    }
    // Such a key may be readable, but nothing verifies with it.
    if let Ok(key) = VerifyingKey::from_jwk(&off.to_string()) {
        assert_eq!(key.verify(EdDSA, b"m", &[0; 64]).unwrap_err().kind(), BadSignature);
    }
}

/// An RSAPublicKey (RFC 8017 appendix A.1.1).
fn rsa_der(n: &[u8], e: &[u8]) -> Vec<u8> {
    let tlv = |tag: u8, body: &[u8]| {
        let length = body.len();
        let head = match length {
            0..=127 => vec![tag, length as u8],
            128..=255 => vec![tag, 0x81, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [&head[..], body].concat()
    };
    let integer = |number: &[u8]| match number.first() {
        Some(0x80..) => tlv(2, &[&[0], number].concat()),
        _ => tlv(2, number),
    };
    tlv(0x30, &[integer(n), integer(e)].concat())
}

#[test]
fn line_07_weak_rsa_keys() {
    let good = jwk(&SigningKey::generate(Algorithm::RS256).unwrap());
    let n = decode(good["n"].as_str().unwrap());
    let e = vec![1, 0, 1];
    let load = |n: &[u8], e: &[u8]| {
        let jwk = with(&with(&good, "n", encode(n)), "e", encode(e)).to_string();
        let der = rsa_der(n, e);
        [
            VerifyingKey::from_jwk(&jwk).map_err(|error| error.kind()),
            VerifyingKey::from_der(Algorithm::RS256, &der).map_err(|error| error.kind()),
            VerifyingKey::from_pem(Algorithm::PS256, &pem("RSA PUBLIC KEY", &der))
                .map_err(|error| error.kind()),
        ]
    };
    assert!(load(&n, &e).iter().all(Result::is_ok));
    assert!(load(&n, &[3]).iter().all(Result::is_ok));
    let mut n_2047 = n.clone();
    n_2047[0] = 0x7f;
    let weak: [(&[u8], &[u8], &str); 11] = [
        (&n[..64], &e, "512 bits"),
        (&n[..128], &e, "1024 bits"),
        (&n_2047, &e, "2047 bits"),
        (&n[..255], &e, "2040 bits"),
        (&[], &e, "no modulus"),
        (&n, &[1], "e = 1"),
        (&n, &[], "no e"),
        (&n, &[0], "e = 0"),
        (&n, &[2], "e = 2"),
        (&n, &[1, 0, 0], "e even"),
        (&n, &[1, 0, 0, 0, 0, 1], "e over 33 bits"),
    ];
    for (n, e, what) in weak {
        for answer in load(n, e) {
            assert_eq!(answer.unwrap_err(), InvalidKey, "{what}");
        }
    }
    let huge = vec![0xff; 8200 / 8];
    assert!(load(&huge, &e).iter().all(|answer| matches!(answer, Err(InvalidKey))));
    // Numbers count by value: leading zeros make no key longer.
    for (n, e) in [([&[0], &n[..]].concat(), e.clone()), (n.clone(), [&[0], &e[..]].concat())] {
        let jwk = with(&with(&good, "n", encode(n)), "e", encode(e)).to_string();
        assert!(VerifyingKey::from_jwk(&jwk).is_ok(), "zeros first");
    }
    let padded = [&[0; 128], &n[..128]].concat();
    let jwk = with(&good, "n", encode(padded)).to_string();
    assert_eq!(
        VerifyingKey::from_jwk(&jwk).unwrap_err().kind(),
        InvalidKey,
        "1024 bits behind zeros"
    );
}

#[test]
fn line_07_rsa_signatures() {
    for algorithm in [Algorithm::RS256, Algorithm::PS512] {
        let target = Target::new(algorithm);
        let sound = signature(&target.sound);
        let n = decode(jwk(&target.key)["n"].as_str().unwrap());
        let zeros = vec![0; n.len()];
        let one = [&zeros[1..], &[1]].concat();
        let sum = plus(&sound, &n);
        for (forged, what) in [
            (&zeros[..], "0"),
            (&one, "1"),
            (&n, "n"),
            (&minus(&n, &one), "n - 1"),
            (&minus(&n, &sound), "n - s"),
            (&sum, "s + n"),
            (&sound[1..], "a byte less"),
            (&[&[0], &sound[..]].concat(), "a zero before"),
            (&[&sound[..], &[0]].concat(), "a zero behind"),
            (&[], "empty"),
        ] {
            let token = with_signature(&target.sound, forged);
            target.refuses(&token, BadSignature, &format!("{algorithm}: {what}"));
        }
        let token = with_signature(&target.sound, vec![1; 1025]);
        target.refuses(&token, BadSignature, "over 1024 bytes");
        let token = with_signature(&target.sound, vec![1; 2000]);
        target.refuses(&token, Malformed, "2000 bytes");
    }
}

#[test]
fn line_07_short_hmac_secrets() {
    for (algorithm, least) in
        [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
    {
        let load = |length: usize| {
            let secret = vec![7; length];
            let jwk = json!({"kty": "oct", "k": encode(&secret), "alg": algorithm.name()});
            [
                VerifyingKey::from_secret(algorithm, &secret).map_err(|error| error.kind()),
                VerifyingKey::from_jwk(&jwk.to_string()).map_err(|error| error.kind()),
            ]
        };
        assert!(load(least).iter().all(Result::is_ok));
        for length in [0, 1, least / 2, least - 1] {
            for answer in load(length) {
                assert_eq!(answer.unwrap_err(), InvalidKey, "{algorithm}, {length} bytes");
            }
            assert!(SigningKey::from_secret(algorithm, &vec![7; length]).is_err());
        }
        let target = Target::new(algorithm);
        let sound = signature(&target.sound);
        for length in [0, 1, 16, least - 1] {
            target.refuses(&with_signature(&target.sound, &sound[..length]), BadSignature, "cut");
        }
        let longer = [&sound[..], &[0]].concat();
        target.refuses(&with_signature(&target.sound, longer), BadSignature, "longer");
    }
}
