//! Attacks 8 to 10: the token's form.

use super::{INVALID, MALFORMED, Target, compact, encode, honest, parts, refuses};
use crate::support::{Request, send};
use jamguard::jose::Algorithm;
use serde_json::json;

#[tokio::test]
async fn line_08_other_serializations() {
    let target = Target::new(Algorithm::ES256).await;
    let token = target.token(|_| {});
    let [header, payload, signature] = parts(&token);
    let flat = json!({"protected": header, "payload": payload, "signature": signature});
    let general = json!({
        "payload": payload,
        "signatures": [{"protected": header, "signature": signature}],
    });
    let evil = encode(honest().to_string().replace("42", "43"));
    // One text that a JSON parser and a parser of dots read differently (CVE-2022-39227).
    let polyglot = format!(
        r#"{{"{header}.{evil}.":"","protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#
    );
    let jwe = encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    let direct = encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    target
        .refuses_all([
            flat.to_string(),
            general.to_string(),
            polyglot,
            format!("{{\"token\":\"{token}\"}}"),
            format!("[\"{token}\"]"),
            format!("{jwe}.{payload}.{signature}.{payload}.{signature}"),
            format!("{direct}..{signature}.{payload}.{signature}"),
            format!("{jwe}.{payload}.{signature}"),
            target.under(&json!({"alg": "ES256", "enc": "A256GCM"})),
        ])
        .await;
}

#[tokio::test]
async fn line_09_base64_and_segments() {
    // Its signature has four bits to spare in the last character, and no part a whole number of
    // groups: every laxness would show.
    let target = Target::new(Algorithm::ES256).await;
    let token = target.token(|claims| claims["jti"] = "ab?>".into());
    let [header, payload, signature] = parts(&token);
    target.accepts(&token).await;

    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = signature.bytes().next_back().unwrap();
    let at = alphabet.iter().position(|c| *c == last).unwrap();
    let noncanonical = char::from(alphabet[at | 1]);
    let mut tokens = vec![
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{signature}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        format!("{header}.{payload}.{}{noncanonical}", &signature[..85]),
        format!("{header}.{payload}.+{}", &signature[1..]),
        format!("{header}.{payload}./{}", &signature[1..]),
        format!("{header}.{payload}.{signature}%3D"),
        token.replace('.', "%2E"),
        token.replace('.', "\u{2024}"),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{token}.{payload}.{signature}"),
        "..".to_owned(),
        ".".to_owned(),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}."),
        ".".repeat(9_999),
        "a.".repeat(5_000) + "a",
        "a.".repeat(10_000),
        token.to_uppercase(),
    ];
    // Base64 with the other two signs, where the honest one has ours.
    tokens.extend(
        [token.replace('-', "+"), token.replace('_', "/")]
            .into_iter()
            .filter(|other| *other != token),
    );
    let (readable, odd): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|token| token.is_ascii());
    target.refuses_all(readable).await;

    // What no header value of one word can be: an invalid request.
    let spaced = [
        format!("{header} .{payload}.{signature}"),
        format!("{header}. {payload}.{signature}"),
        format!("{token} x"),
        format!("{header}.{payload}.\t{signature}"),
        format!("\u{feff}{token}"),
        format!("{token}\u{a0}x"),
    ];
    for token in odd.iter().chain(&spaced) {
        for path in ["/me", "/hello"] {
            let answer = target.servers.ask(Request::get(path).bearer(token)).await;
            assert_eq!(answer.status, 400, "{token}");
            assert_eq!(answer.header("www-authenticate"), Some(MALFORMED));
        }
    }
    // In the query, percent-encoding can bring anything.
    for (status, text) in [
        (200, token.clone()),
        (200, token.replace('.', "%2E")),
        (400, format!("{token}%00")),
        (400, format!("%00{token}")),
        (400, format!("{header}%0A.{payload}.{signature}")),
        (400, format!("{token}%20")),
        (400, format!("+%20{token}")),
        (400, format!("%EF%BB%BF{token}")),
        (400, format!("{token}%FF")),
        (401, format!("{token}%3D")),
        (401, format!("{token}+")),
        (401, token.replace('.', "%252E")),
    ] {
        let request = Request::get(&format!("/me?token={text}"));
        assert_eq!(target.servers.ask(request).await.status, status, "{text}");
    }
    // A NUL in a header is not HTTP: the servers themselves refuse it, each in its own words.
    for (name, address) in target.servers.each() {
        let request = Request::get("/me").bearer(&format!("{token}\u{0}"));
        assert_eq!(send(address, &request).await.status, 400, "{name}");
    }
    target.accepts(&token).await;
}

#[tokio::test]
async fn line_10_size_and_json() {
    let target = Target::new(Algorithm::ES256).await;
    let good = honest().to_string();
    let inside = |member: &str| target.over(good.replacen('{', &format!("{{{member},"), 1));
    let bytes = |member: &[u8]| {
        let mut payload = b"{".to_vec();
        payload.extend_from_slice(member);
        payload.push(b',');
        payload.extend_from_slice(&good.as_bytes()[1..]);
        target.over(payload)
    };
    let nested = |depth: usize| format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth));
    let sign = |input: &[u8]| target.key.sign(input).unwrap();
    let header = |text: &str| compact(text.as_bytes(), good.as_bytes(), sign);
    target
        .refuses_all([
            inside(&format!("\"x\":\"{}\"", "x".repeat(17 * 1024))),
            "x".repeat(16 * 1024 + 1),
            "x".repeat(60 * 1024),
            inside(&nested(129)),
            inside(&nested(5_000)),
            inside(r#""sub":"other""#),
            inside(r#""\u0073ub":"other""#),
            inside(r#""x":{"a":1,"a":2}"#),
            inside(r#""exp":1"#),
            inside(r#""x":"\ud800""#),
            inside(r#""x":"\udc00\ud800""#),
            bytes(b"\"x\":\"\xff\""),
            bytes(b"\"x\":\"\xed\xa0\x80\""),
            bytes(b"\"x\":\"\xc0\xaf\""),
            bytes(b"\"x\":\"\n\""),
            bytes(b"\"x\":01"),
            bytes(b"\"x\":NaN"),
            bytes(b"/**/\"x\":1"),
            target.over(format!("{good}{{}}")),
            target.over(format!("{good},")),
            target.over(format!("{good}\0")),
            target.over(format!("\u{feff}{good}")),
            target.over(format!("[{good}]")),
            target.over("\"text\""),
            target.over("null"),
            target.over(""),
            target.over(&good[..good.len() - 1]),
            header(r#"["ES256"]"#),
            header(r#""ES256""#),
            header("null"),
            header(""),
            header(r#"{"alg":"ES256""#),
            header(r#"{"alg":"ES256"}{}"#),
            header(r#"{"alg":"none","alg":"ES256"}"#),
            header(r#"{"alg":"ES256","\u0061lg":"none"}"#),
        ])
        .await;
    // Up to the bounds all is well.
    target.accepts(&inside(&nested(100))).await;
    target.accepts(&inside(&format!("\"x\":\"{}\"", "x".repeat(11 * 1024)))).await;
    target.accepts(&target.over(format!(" \n{good}\t "))).await;
    target.accepts(&header(r#"{"alg":"ES256","unknown":[1,{"a":null}]}"#)).await;
    refuses(&target.servers, "x", 401, INVALID).await;
}
