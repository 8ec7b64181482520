//! Other forms than the one compact one.

use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint;
use serde_json::json;

#[test]
fn line_08_json_serialization() {
    let target = Target::new(Algorithm::ES256);
    let [protected, payload, signature] = parts(&target.sound);
    let part = json!({"protected": protected, "signature": signature});
    let flattened = json!({"payload": payload, "protected": protected, "signature": signature});
    let unprotected = json!({"payload": payload, "header": {"alg": "none"}, "signature": ""});
    for form in [
        flattened.clone(),
        json!({"payload": payload, "signatures": [part]}),
        json!({"payload": payload, "signatures": [part, part]}),
        json!({"payload": payload, "signatures": []}),
        unprotected,
        json!([flattened]),
        json!(target.sound),
    ] {
        target.refuses(&form.to_string(), Malformed, "JSON serialization");
        target.refuses(&encode(form.to_string()), Malformed, "the same in base64url");
    }
}

#[test]
fn line_08_polyglots() {
    let target = Target::new(Algorithm::ES256);
    let [protected, payload, signature] = parts(&target.sound);
    let evil = encode(claims_with("sub", "admin".into()).to_string());
    for polyglot in [
        // CVE-2022-39227: one half is read as JSON, the other as compact.
        format!(
            r#"{{"  {protected}.{evil}.":"","protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#
        ),
        format!(r#"{{"a":"{protected}.{evil}.{signature}"}}"#),
        format!(r#"{protected}.{evil}.{signature}{{"payload":"{payload}"}}"#),
        format!(r#"{protected}.{evil},"payload":"{payload}".{signature}"#),
        format!("{{{protected}.{evil}.{signature}}}"),
    ] {
        target.refuses(&polyglot, Malformed, &polyglot);
    }
    let mixed = format!("{protected}.{evil}.{signature}");
    target.refuses(&mixed, BadSignature, "other claims");
}

#[test]
fn line_08_encrypted_tokens() {
    let target = Target::new(Algorithm::ES256);
    let five = |header: serde_json::Value| {
        let parts = ["key", "iv iv iv iv i", "ciphertext", "tag"].map(encode);
        format!("{}.{}", encode(header.to_string()), parts.join("."))
    };
    target.refuses(&five(json!({"alg": "dir", "enc": "A256GCM"})), Malformed, "JWE");
    target.refuses(&five(json!({"alg": "ES256", "enc": "A256GCM"})), Malformed, "JWE, ES256");
    target.refuses(&five(json!({"alg": "ES256"})), Malformed, "JWE without enc");
    for alg in ["dir", "RSA-OAEP", "ECDH-ES", "A128KW", "PBES2-HS256+A128KW"] {
        let three = target.with_header("alg", alg.into());
        target.refuses(&three, UnsupportedAlgorithm, alg);
    }
    let signed = target.with_header("enc", "A256GCM".into());
    target.refuses(&signed, Malformed, "three parts and enc");
}

/// A header and claims whose base64url forms leave spare bits at the end and hold `-` or `_`.
fn texts() -> [String; 2] {
    let fitting = |json: fn(String) -> serde_json::Value| {
        (0..3)
            .map(|pad| encode(json("?>~".repeat(4) + &"a".repeat(pad)).to_string()))
            .find(|text| text.len() % 4 != 0 && text.contains(['-', '_']))
            .unwrap()
    };
    [fitting(|x| json!({"alg": "ES256", "x": x})), fitting(|x| claims_with("x", x.into()))]
}

/// The text with its last character's lowest spare bit set: the same bytes to a lax decoder.
fn non_canonical(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.find(last).unwrap();
    assert_ne!(text.len() % 4, 0, "no spare bits");
    assert_eq!(value % 4, 0, "canonical before");
    format!("{start}{}", &ALPHABET[value + 1..value + 2])
}

#[test]
fn line_09_base64_forms() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let target = Target::with_key(key.clone());
    let [header, payload] = texts();
    let sound = sign_text(&key, &header, &payload);
    target.accepts(&sound, "the texts as they are");
    let signature = parts(&sound)[2].to_owned();

    let padding = |text: &str| "=".repeat(4 - text.len() % 4);
    let variants = |text: &str| {
        let middle = text.len() / 2;
        let inside = |between: &str| format!("{}{between}{}", &text[..middle], &text[middle..]);
        let mut variants = vec![
            format!("{text}{}", padding(text)),
            format!("{text}="),
            format!("{text}=="),
            format!("{text}==="),
            format!("{text}%3D"),
            format!("%20{text}"),
            non_canonical(text),
            inside("="),
        ];
        for odd in [
            " ", "\t", "\n", "\r\n", "\0", "\u{feff}", "\u{a0}", "\u{2028}", "+", "/", "%", "~",
            "é",
        ] {
            variants.extend([format!("{text}{odd}"), format!("{odd}{text}"), inside(odd)]);
        }
        variants
    };
    // Signed as written: only the form is wrong.
    for other in variants(&header) {
        target.refuses(&sign_text(&key, &other, &payload), Malformed, &format!("{other:?}"));
    }
    for other in variants(&payload) {
        let token = sign_text(&key, &header, &other);
        target.refuses(&token, Malformed, &format!("{other:?}"));
    }
    for other in variants(&signature) {
        let token = format!("{header}.{payload}.{other}");
        target.refuses(&token, Malformed, &format!("{other:?}"));
    }
    // One character more: zero bits behind the JSON, a byte behind the signature.
    let more = [header.clone() + "A", payload.clone() + "A"];
    target.refuses(&sign_text(&key, &more[0], &payload), Malformed, "header");
    target.refuses(&sign_text(&key, &header, &more[1]), Malformed, "payload");
    target.refuses(&format!("{sound}A"), BadSignature, "signature");
}

#[test]
fn line_09_standard_alphabet() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let target = Target::with_key(key.clone());
    let [header, payload] = texts();
    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    assert_ne!(standard(&header), header);
    assert_ne!(standard(&payload), payload);
    target.accepts(&sign_text(&key, &header, &payload), "URL-safe");
    target.refuses(&sign_text(&key, &standard(&header), &payload), Malformed, "header");
    target.refuses(&sign_text(&key, &header, &standard(&payload)), Malformed, "payload");
    // Signatures are random; some soon hold one of the two characters.
    let (sound, odd) = (0..1000)
        .map(|_| sign_text(&key, &header, &payload))
        .map(|token| (token.clone(), parts(&token)[2].to_owned()))
        .find(|(_, signature)| signature.contains(['-', '_']))
        .unwrap();
    target.accepts(&sound, "URL-safe signature");
    target.refuses(&sound.replace(&odd, &standard(&odd)), Malformed, "signature");
}

#[test]
fn line_09_around_the_token() {
    let target = Target::new(Algorithm::ES256);
    let sound = &*target.sound;
    let [header, payload, signature] = parts(sound);
    for odd in [
        " ", "\t", "\n", "\r\n", "\0", "\u{feff}", "\u{a0}", "\u{200b}", "=", "+", "/", ",", ";",
        "\"",
    ] {
        target.refuses(&format!("{odd}{sound}"), Malformed, &format!("{odd:?} before"));
        target.refuses(&format!("{sound}{odd}"), Malformed, &format!("{odd:?} behind"));
        let dot = format!("{header}{odd}.{payload}.{signature}");
        target.refuses(&dot, Malformed, &format!("{odd:?} before the first dot"));
    }
    target.refuses(&format!("\"{sound}\""), Malformed, "quoted");
    target.refuses(&format!("Bearer {sound}"), Malformed, "with its scheme");
    target.refuses(&format!("{sound},{sound}"), Malformed, "two");
    for dot in ["%2E", "%2e", "．", "。", "․", "·"] {
        target.refuses(&sound.replace('.', dot), Malformed, dot);
        target.refuses(&sound.replacen('.', dot, 1), Malformed, dot);
    }
    let escaped: String = sound.bytes().map(|byte| format!("%{byte:02X}")).collect();
    target.refuses(&escaped, Malformed, "URL-encoded");
    target.refuses(&sound.to_ascii_uppercase(), Malformed, "upper case");
}

#[test]
fn line_09_segments() {
    let target = Target::new(Algorithm::ES256);
    let sound = &*target.sound;
    let [header, payload, signature] = parts(sound);
    for token in [
        "".to_owned(),
        header.to_owned(),
        format!("{header}{payload}{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}{signature}"),
        format!("{sound}."),
        format!(".{sound}"),
        format!("{sound}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{sound}.."),
        format!("{sound}.{payload}.{signature}"),
        ".".repeat(9_999),
        vec!["a"; 8_000].join("."),
        format!("{header}{}{payload}.{signature}", ".".repeat(9_997)),
        "..".to_owned(),
        format!("{header}.."),
        format!(".{payload}."),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
    ] {
        let what: String = token.chars().take(100).collect();
        target.refuses(&token, Malformed, &what);
    }
    target.refuses(&format!("{header}.{payload}."), BadSignature, "no signature");
    target.refuses(&format!("{header}.{signature}.{payload}"), Malformed, "exchanged");
    // 10,000 segments in full are also too long.
    target.refuses(&vec!["ab"; 10_000].join("."), TooLarge, "10,000 segments");
}

#[test]
fn line_10_size() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let padded = |pad: usize| mint(&key, &claims_with("pad", "p".repeat(pad).into())).unwrap();
    let shortest = padded(0).len();
    // A sound token of one of two lengths: base64 has texts of three lengths in four.
    let near = |lengths: [usize; 2]| {
        let about = (lengths[0] - shortest) * 3 / 4;
        (about.saturating_sub(4)..about + 4)
            .map(padded)
            .find(|token| lengths.contains(&token.len()))
            .unwrap()
    };

    let usual = Target::with_key(key.clone());
    let limit = 16 * 1024;
    usual.accepts(&near([limit, limit - 1]), "up to 16 KiB");
    let long = near([limit + 1, limit + 2]);
    usual.refuses(&long, TooLarge, "over 16 KiB");
    // Refused by length alone: nothing of this could be decoded.
    for odd in ["!", ".", "\0", " ", "="] {
        usual.refuses(&odd.repeat(limit), Malformed, "16 KiB of nonsense");
        usual.refuses(&odd.repeat(limit + 1), TooLarge, "a byte more");
    }
    usual.refuses(&"a".repeat(20_000_000), TooLarge, "20 MB");

    let wide = Target::with_rules(key.clone(), |rules| rules.max_token_len(limit + 2));
    wide.accepts(&long, "the limit is the application's");
    let tight = Target::with_rules(key.clone(), |rules| rules.max_token_len(512));
    tight.accepts(&near([512, 511]), "up to 512 bytes");
    tight.refuses(&near([513, 514]), TooLarge, "over 512 bytes");
    for (bytes, fits) in [(63, false), (64, true), (1 << 20, true), ((1 << 20) + 1, false)] {
        let built = rules(&key).max_token_len(bytes).build();
        assert_eq!(built.is_ok(), fits, "{bytes}");
    }
    // A header has a limit of its own, whatever the token's.
    let wide = Target::with_rules(key.clone(), |rules| rules.max_token_len(64 * 1024));
    let long = wide.with_header("x", "x".repeat(7 * 1024).into());
    wide.refuses(&long, TooLarge, "a header of 7 KiB");
    wide.accepts(&wide.with_header("x", "x".repeat(5 * 1024).into()), "a header of 5 KiB");
}
