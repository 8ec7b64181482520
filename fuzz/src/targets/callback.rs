//! The query of an OAuth callback.
//!
//! Oracle: a second reader of forms decides which callbacks belong to the login (RFC 6749 section
//! 4.1.2, RFC 9207).

use crate::Verdict;
use crate::common::{ISSUER, NOW, clock};
use jamguard::oauth2::{OAuth2Client, Pending, Provider};
use jamguard::{ErrorKind, oauth2::SecretIn};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub const WORDS: &[&str] = &[
    "state=the-state",
    "st%61te=the%2Dstate",
    "code=abc",
    "iss=https://issuer.example",
    "iss=https%3A%2F%2Fissuer.example",
    "error=access_denied",
    "error=server_error",
    "error_description=no",
    "error=",
    "&",
    "=",
    "+",
    "%",
    "%00",
    "%C3%A9",
];

const STATE: &str = "the-state";

static WORLD: LazyLock<(OAuth2Client, Pending)> = LazyLock::new(|| {
    let provider =
        Provider::new("own", "https://issuer.example/authorize", "https://issuer.example/token");
    let client = OAuth2Client::builder(provider.issuer(ISSUER).always_sends_iss(), "client")
        .secret_in(SecretIn::Body)
        .secret("secret")
        .redirect_url("https://app.example/callback")
        .clock(clock())
        .build()
        .unwrap();
    let pending = json!({
        "state": STATE, "verifier": "v".repeat(43), "nonce": null, "provider": "own",
        "client_id": "client", "sends_iss": true, "scopes": [], "until": NOW + 600,
    });
    (client, Pending::from_json(&pending.to_string()).unwrap())
});

pub fn run(data: &[u8]) -> Verdict {
    let Ok(query) = std::str::from_utf8(data) else {
        return Verdict::Refused;
    };
    let (client, pending) = &*WORLD;
    let request = client.callback(pending.clone(), query);
    let expected = expected(query);
    let kind = request.as_ref().err().map(jamguard::Error::kind);
    match expected {
        Ok(()) => assert!(request.is_ok(), "{query:?}: {kind:?}"),
        Err(Some(expected)) => assert_eq!(kind, Some(expected), "{query:?}"),
        Err(None) => assert!(request.is_err(), "{query:?}"),
    }
    Verdict::of(&request)
}

/// The expected refusal; `None` for an error that the provider reports.
fn expected(query: &str) -> Result<(), Option<ErrorKind>> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let counts = ["state", "code", "iss", "error", "error_description"].contains(&&*name);
        if counts && found.insert(name, value).is_some() {
            return Err(Some(ErrorKind::InvalidRequest));
        }
    }
    let is = |name: &str, value: &str| found.get(name).is_some_and(|found| found == value);
    if !is("state", STATE) || !is("iss", ISSUER) {
        return Err(Some(ErrorKind::InvalidCallback));
    }
    match found.get("error").map(|code| &**code) {
        None | Some("") => {}
        Some("access_denied") => return Err(Some(ErrorKind::AccessDenied)),
        Some(_) => return Err(None),
    }
    match found.get("code").is_some_and(|code| !code.is_empty()) {
        true => Ok(()),
        false => Err(Some(ErrorKind::InvalidRequest)),
    }
}

/// Decodes `+` and `%xx` (application/x-www-form-urlencoded); other `%` stay.
fn decoded(text: &str) -> String {
    let text = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&byte) = text.get(at) {
        let escaped = || {
            let digits = std::str::from_utf8(text.get(at + 1..at + 3)?).ok()?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            is_hex.then(|| u8::from_str_radix(digits, 16).unwrap())
        };
        match (byte, escaped()) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
