//! JSON that two parsers read in two ways, or that one cannot read at all.

use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};

fn target() -> Target {
    Target::with_key(SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1"))
}

/// The sound claims with more members, given as JSON text.
fn claims_and(more: &str) -> String {
    let claims = claims().to_string();
    format!("{},{more}}}", claims.strip_suffix('}').unwrap())
}

fn header_and(more: &str) -> String {
    format!(r#"{{"alg":"ES256",{more}}}"#)
}

/// Signs a header text over the sound claims.
fn under(target: &Target, header: impl AsRef<[u8]>) -> String {
    sign_text(&target.key, &encode(header), &encode(claims().to_string()))
}

fn nested(levels: usize) -> [String; 2] {
    let arrays = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = format!("{}0{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    [arrays, objects]
}

#[test]
fn line_10_nesting() {
    let target = target();
    // The claims themselves are one level.
    for inner in nested(120) {
        target.accepts_payload(claims_and(&format!(r#""deep":{inner}"#)));
        target.accepts(&under(&target, header_and(&format!(r#""deep":{inner}"#))), "header");
    }
    for levels in [128, 129, 1000] {
        for inner in nested(levels) {
            target.refuses_payload(claims_and(&format!(r#""deep":{inner}"#)), Malformed);
            let header = header_and(&format!(r#""deep":{inner}"#));
            let kind = if encode(&header).len() > 8 * 1024 { TooLarge } else { Malformed };
            target.refuses(&under(&target, header), kind, "header");
        }
    }
    // As deep as a token of a mebibyte can be: the stack holds.
    let wide = Target::with_rules(target.key.clone(), |rules| rules.max_token_len(1 << 20));
    for open in ["[", r#"{"a":"#] {
        wide.refuses_payload(open.repeat(700_000 / open.len()), Malformed);
        wide.refuses_payload(claims_and(&format!(r#""deep":{}"#, open.repeat(100_000))), Malformed);
    }
}

#[test]
fn line_10_duplicate_members() {
    let target = target();
    let exp = NOW + 600;
    for more in [
        format!(r#""exp":{exp}"#),
        format!(r#""\u0065xp":{exp}"#),
        format!(r#""e\u0078p":{}"#, exp + 1),
        r#""sub":"admin""#.to_owned(),
        r#""s\u0075b":"admin""#.to_owned(),
        r#""a":1,"a":1"#.to_owned(),
        r#""a":1,"b":2,"\u0061":3"#.to_owned(),
        r#""é":1,"\u00e9":2"#.to_owned(),
        r#""\ud83d\ude00":1,"😀":2"#.to_owned(),
        r#""x\/y":1,"x/y":2"#.to_owned(),
        r#""deep":{"a":1,"a":2}"#.to_owned(),
        r#""deep":[[{"a":{"b":1,"\u0062":2}}]]"#.to_owned(),
        r#""aud":"other""#.to_owned(),
        r#""iss":"other""#.to_owned(),
    ] {
        target.refuses_payload(claims_and(&more), Malformed);
    }
    target.accepts_payload(claims_and(
        r#""a":1,"A":2,"deep":{"a":1,"exp":0},"list":[{"a":1},{"a":2}]"#,
    ));
    for more in [
        r#""alg":"ES256""#,
        r#""alg":"none""#,
        r#""\u0061lg":"ES256""#,
        r#""kid":"k1","kid":"k1""#,
        r#""kid":"k1","k\u0069d":"k2""#,
        r#""typ":"JWT","typ":"at+jwt""#,
        r#""x":{"a":1,"a":2}"#,
    ] {
        target.refuses(&under(&target, header_and(more)), Malformed, more);
    }
    target.accepts(&under(&target, header_and(r#""kid":"k1","x":{"kid":1}"#)), "header");
}

#[test]
fn line_10_text_that_is_not_unicode() {
    let target = target();
    // A wrong byte, a cut sequence, an overlong form, a surrogate in UTF-8, over U+10FFFF.
    for bytes in [
        &b"\xff"[..],
        b"\x80",
        b"\xc3",
        b"\xe2\x82",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xb0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x98",
    ] {
        for (before, after) in
            [(r#""x":""#, r#"""#), (r#""x"#, r#"":1"#), (r#""x":{"y":[""#, r#""]}"#)]
        {
            let text = [before.as_bytes(), bytes, after.as_bytes()].concat();
            let claims = claims().to_string();
            let claims = claims.strip_suffix('}').unwrap().as_bytes();
            target.refuses_payload([claims, b",", &text, b"}"].concat(), Malformed);
            let header = [&br#"{"alg":"ES256","#[..], &text, b"}"].concat();
            target.refuses(&under(&target, header), Malformed, "header");
        }
    }
    for escape in [
        r"\ud800",
        r"\udc00",
        r"\ud800\ud800",
        r"\udc00\ud800",
        r"\ud83dx",
        r"\ud83d\u0041",
        r"\uZZZZ",
        r"\u12",
        r"\x41",
        r"\",
    ] {
        for more in [
            format!(r#""x":"{escape}""#),
            format!(r#""{escape}":1"#),
            format!(r#""x":[["{escape}"]]"#),
        ] {
            target.refuses_payload(claims_and(&more), Malformed);
            target.refuses(&under(&target, header_and(&more)), Malformed, &more);
        }
    }
    let sound = r#""x":"\ud83d\ude00 é \u0000""#;
    target.accepts_payload(claims_and(sound));
    target.accepts(&under(&target, header_and(sound)), "header");
}

#[test]
fn line_10_not_one_json_object() {
    let target = target();
    let (claims, header) = (claims().to_string(), r#"{"alg":"ES256"}"#.to_owned());
    let spoiled = |text: &str| {
        let open = text.strip_suffix('}').unwrap();
        vec![
            format!("{text}x"),
            format!("{text}{text}"),
            format!("{text} {{}}"),
            format!("{text},"),
            format!("{text}]"),
            format!("{text}\0"),
            format!("\u{feff}{text}"),
            format!("[{text}]"),
            format!("({text})"),
            format!("{text}//"),
            format!("{text}/**/"),
            format!("{open},}}"),
            format!(r#"{open},"x":NaN}}"#),
            format!(r#"{open},"x":Infinity}}"#),
            format!(r#"{open},"x":-Infinity}}"#),
            format!(r#"{open},"x":01}}"#),
            format!(r#"{open},"x":1.}}"#),
            format!(r#"{open},"x":+1}}"#),
            format!(r#"{open},"x":0x1}}"#),
            format!(r#"{open},"x":1e400}}"#),
            format!("{open},'x':1}}"),
            format!("{open},x:1}}"),
            format!("{open},1:1}}"),
            format!(r#"{open},"x"}}"#),
            format!("{open},\"x\":\"a\nb\"}}"),
            format!("{open},\"x\":\"\0\"}}"),
            open.to_owned(),
            text[1..].to_owned(),
            text.replace('"', "'"),
            serde_json::json!(text).to_string(),
            encode(text),
            String::new(),
            " ".to_owned(),
            "null".to_owned(),
            "true".to_owned(),
            "1".to_owned(),
            "\"text\"".to_owned(),
            "[]".to_owned(),
            "[\"alg\",\"ES256\"]".to_owned(),
            "\0".to_owned(),
        ]
    };
    for payload in spoiled(&claims) {
        target.refuses_payload(payload, Malformed);
    }
    for text in spoiled(&header) {
        target.refuses(&under(&target, &text), Malformed, &text);
    }
    target.refuses_payload("{}", MissingClaim);
    target.refuses(&under(&target, "{}"), Malformed, "an empty header");
    target.accepts_payload(format!(" \r\n\t{claims}\n"));
    target.accepts(&under(&target, format!("\n {header} ")), "spaces around");
}
