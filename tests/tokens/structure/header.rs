//! Header members that ask for something.

use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey};
use jamguard::testing::mint_with_header;
use serde_json::{Value, json};
use std::net::TcpListener;

#[test]
fn line_04_embedded_keys() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys.json", listener.local_addr().unwrap());

    let target =
        Target::with_key(SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1"));
    let attacker = SigningKey::generate(Algorithm::ES256).unwrap();
    let certificate =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, spki(&attacker));
    for kid in [Some("k1"), None, Some("theirs"), Some(&*url)] {
        for (name, value) in [
            ("jwk", jwk(&attacker)),
            ("jku", json!(url)),
            ("x5u", json!(url)),
            ("x5c", json!([certificate])),
            ("x5t", json!("AAAA")),
            ("x5t#S256", json!("AAAA")),
            ("jwk", json!("not a key")),
            ("jku", json!(["http://", 1])),
        ] {
            let mut header = json!({"alg": "ES256", name: value});
            if let Some(kid) = kid {
                header["kid"] = kid.into();
            }
            let payload = claims().to_string();
            let what = header.to_string();
            let forged = mint_with_header(&attacker, &header, payload.as_bytes()).unwrap();
            let kind = match kid {
                Some("k1") | None => BadSignature,
                _ => UnknownKey,
            };
            target.refuses(&forged, kind, &what);
            // Ignored where the signature is right.
            if kind == BadSignature {
                target.accepts(&target.under(&header), &what);
            }
        }
    }
    let visitor = listener.accept().map_err(|error| error.kind());
    assert!(matches!(visitor, Err(std::io::ErrorKind::WouldBlock)), "something was fetched");
}

#[test]
fn line_05_hostile_kid() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    let target = Target::with_key(key);
    let unknown = [
        "../../../dev/null",
        "/dev/null",
        "..\\..\\windows\\win.ini",
        "file:///etc/passwd",
        "http://127.0.0.1:9/k1",
        "' OR 1=1 --",
        "x' UNION SELECT 'secret",
        "k1; cat /etc/passwd",
        "${jndi:ldap://x}",
        "",
        " k1",
        "k1 ",
        "K1",
        "k",
        "k11",
        "k1/",
        "%6b1",
        "ｋ1",
        "\u{feff}k1",
    ];
    for kid in unknown {
        target.refuses(&target.with_header("kid", kid.into()), UnknownKey, kid);
    }
    target.refuses(&target.with_header("kid", "k".repeat(256).into()), UnknownKey, "256 bytes");
    for kid in ["k1\0", "\0", "k1\0.pem", "k1\n", "\r\nSet-Cookie: a=b", "k1\u{7f}", "\u{85}k1"] {
        target.refuses(&target.with_header("kid", kid.into()), Malformed, &format!("{kid:?}"));
    }
    target.refuses(&target.with_header("kid", "k".repeat(257).into()), Malformed, "257 bytes");
    target.refuses(&target.with_header("kid", "k".repeat(8 * 1024).into()), TooLarge, "8 KiB");
    for kid in
        [json!(1), json!(1.5), Value::Null, json!(["k1"]), json!([]), json!({"k1": 1}), json!(true)]
    {
        target.refuses(&target.with_header("kid", kid.clone()), Malformed, &kid.to_string());
    }
    // A key without a name is found whatever the kid says; the signature still decides.
    let nameless = Target::new(Algorithm::ES256);
    for kid in unknown {
        let forged = target.with_header("kid", kid.into());
        nameless.refuses(&forged, BadSignature, kid);
        nameless.accepts(&nameless.with_header("kid", kid.into()), kid);
    }
    // Where the rules want a name, a token without one is refused.
    let strict = Target::with_rules(target.key.clone(), |rules| rules.require_key_id());
    strict.refuses(&strict.under(&json!({"alg": "ES256"})), MissingClaim, "no kid");
    target.accepts(&target.under(&json!({"alg": "ES256"})), "no kid, one key");
}

#[test]
fn line_06_header_extensions() {
    let target = Target::new(Algorithm::ES512);
    let key = KeySet::from(target.key.verifying_key().unwrap());
    let refuse = |header: &Value, payload: &str| {
        let input = format!("{}.{payload}", encode(header.to_string()));
        let signature = encode(target.key.sign(input.as_bytes()).unwrap());
        let token = format!("{input}.{signature}");
        target.refuses(&token, Malformed, &header.to_string());
        let jws = Jws::verify(&token, &key, &[Algorithm::ES512]);
        assert_eq!(jws.unwrap_err().kind(), Malformed, "{header}");
    };
    let payload = encode(claims().to_string());
    for header in [
        json!({"alg": "ES512", "crit": ["unheard-of"], "unheard-of": 1}),
        json!({"alg": "ES512", "crit": []}),
        json!({"alg": "ES512", "crit": "exp"}),
        json!({"alg": "ES512", "crit": "unheard-of", "unheard-of": 1}),
        json!({"alg": "ES512", "crit": ["alg"]}),
        json!({"alg": "ES512", "crit": ["typ"], "typ": "JWT"}),
        json!({"alg": "ES512", "crit": ["absent"]}),
        json!({"alg": "ES512", "crit": ["exp"], "exp": NOW + 600}),
        json!({"alg": "ES512", "crit": ["b64"], "b64": true}),
        json!({"alg": "ES512", "crit": ["b64"], "b64": false}),
        json!({"alg": "ES512", "crit": ["b64"]}),
        json!({"alg": "ES512", "crit": null}),
        json!({"alg": "ES512", "crit": 1}),
        json!({"alg": "ES512", "crit": {}}),
        json!({"alg": "ES512", "crit": [1]}),
        json!({"alg": "ES512", "b64": false}),
        json!({"alg": "ES512", "b64": true}),
        json!({"alg": "ES512", "b64": "false"}),
        json!({"alg": "ES512", "zip": "DEF"}),
        json!({"alg": "ES512", "zip": null}),
        json!({"alg": "ES512", "cty": "JWT"}),
        json!({"alg": "ES512", "cty": "jwt"}),
        json!({"alg": "ES512", "cty": "application/jwt"}),
    ] {
        refuse(&header, &payload);
    }
    // The payload as it is, as RFC 7797 has it.
    for header in [
        json!({"alg": "ES512", "b64": false}),
        json!({"alg": "ES512", "b64": false, "crit": ["b64"]}),
    ] {
        refuse(&header, &claims().to_string().replace('.', ""));
    }
    target.accepts(&target.with_header("unheard-of", json!({"a": [1]})), "any other member");
    target.accepts(&target.with_header("cty", "json".into()), "another content type");
}
