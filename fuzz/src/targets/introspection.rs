//! The answer of an introspection endpoint, over HTTP on loopback.
//!
//! Oracle: a second reader applies RFC 7662 section 2.2 and decides which answers make a token
//! acceptable.

use crate::common::{AUDIENCE, ISSUER, NOW, block_on, clock};
use crate::{Verdict, strict};
use axum::Router;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::routing::post;
use jamguard::{ErrorKind, Introspection, Verifier};
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::Duration;

pub const WORDS: &[&str] = &[
    "\"active\":true",
    "\"active\":false",
    "\"active\":\"true\"",
    "\"token_type\":\"Bearer\"",
    "\"token_type\":\"refresh_token\"",
    "\"token_use\":\"access\"",
    "\"typ\":\"Refresh\"",
    "\"iss\":\"https://issuer.example\"",
    "\"aud\":\"api\"",
    "\"aud\":[\"api\"]",
    "\"exp\":1767226200",
    "\"exp\":1767225539",
    "\"nbf\":1767225661",
    "\"sub\":\"ann\"",
    "\"cnf\":{}",
    "\"error\":\"invalid_client\"",
    "null",
    "\\u0061ctive",
];

/// What the endpoint answers.
static ANSWER: Mutex<(u16, Vec<u8>)> = Mutex::new((200, Vec::new()));

/// The endpoint's URL.
static SERVER: LazyLock<String> = LazyLock::new(|| {
    let (started, url) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let answer = || async {
                let (status, body) = ANSWER.lock().unwrap().clone();
                let status = StatusCode::from_u16(status).unwrap();
                (status, [(CONTENT_TYPE, "application/json")], body)
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let place = format!("http://{}/introspect", listener.local_addr().unwrap());
            started.send(place).unwrap();
            axum::serve(listener, Router::new().route("/introspect", post(answer))).await.unwrap();
        });
    });
    url.recv().unwrap()
});

thread_local! {
    /// Of each thread, because its connections belong to the thread's runtime.
    static VERIFIER: Verifier = {
        let introspection = Introspection::builder(&*SERVER)
            .client_secret_basic("api", "s3cret")
            .active_ttl(Duration::ZERO)
            .inactive_ttl(Duration::ZERO)
            .clock(clock())
            .build()
            .unwrap();
        Verifier::builder()
            .introspection(introspection)
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .clock(clock())
            .build()
            .unwrap()
    };
}

/// Targets may run in several threads, and there is one endpoint.
static TURN: Mutex<()> = Mutex::new(());
static TOKENS: AtomicU64 = AtomicU64::new(0);

pub fn run(data: &[u8]) -> Verdict {
    let _turn = TURN.lock();
    *ANSWER.lock().unwrap() = (200, data.to_vec());
    let token = format!("opaque-token-{}", TOKENS.fetch_add(1, Ordering::Relaxed));
    let verified = VERIFIER.with(|verifier| block_on(verifier.verify(&token)));
    let answer = strict::object(data);
    let expected = answer.as_ref().is_some_and(acceptable);
    let shown = || format!("{:?}: {verified:?}", String::from_utf8_lossy(data));
    assert_eq!(verified.is_ok(), expected, "{}", shown());
    match &verified {
        Ok(verified) => {
            let subject = answer.as_ref().and_then(|answer| answer.get("sub")?.as_str());
            assert_eq!(verified.subject(), subject);
            assert_eq!(verified.expose_token(), token);
        }
        Err(error) => {
            let active = answer.as_ref().and_then(|answer| answer.get("active"));
            let says_nothing = !active.is_some_and(Value::is_boolean);
            // An answer that says nothing about the token is an outage, and no refusal.
            let is_outage =
                matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::UnexpectedBody);
            assert!(!says_nothing || is_outage, "{}", shown());
            if active == Some(&Value::Bool(false)) {
                assert_eq!(error.kind(), ErrorKind::Inactive, "{}", shown());
            }
        }
    }
    Verdict::of(&verified)
}

fn acceptable(answer: &Map<String, Value>) -> bool {
    let kind = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_ascii_lowercase);
    let kinds: Vec<String> =
        ["token_type", "token_use", "typ"].into_iter().filter_map(kind).collect();
    let access = ["bearer", "dpop", "access_token", "access", "at+jwt"];
    let date = |name: &str| match answer.get(name) {
        None => Some(None),
        Some(value) => {
            let seconds = value.as_f64()?;
            let whole = if name == "exp" { seconds.floor() } else { seconds.ceil() };
            (0.0..=253_402_300_799.0).contains(&whole).then_some(Some(whole as u64))
        }
    };
    let (Some(exp), Some(nbf), Some(iat)) = (date("exp"), date("nbf"), date("iat")) else {
        return false;
    };
    let for_us = match answer.get("aud") {
        Some(Value::String(audience)) => audience == AUDIENCE,
        Some(Value::Array(audiences)) => {
            audiences.iter().all(Value::is_string) && audiences.iter().any(|one| one == AUDIENCE)
        }
        _ => false,
    };
    let is_text = |name: &str| answer.get(name).is_none_or(Value::is_string);
    answer.get("active") == Some(&Value::Bool(true))
        && !kinds.is_empty()
        && kinds.iter().all(|kind| access.contains(&&**kind))
        && for_us
        // Without `iss` it is that of the endpoint's issuer.
        && answer.get("iss").is_none_or(|iss| iss == ISSUER)
        && is_text("sub")
        && is_text("jti")
        // The RFC's `exp` is optional; the verifier's rule for JWTs holds here too.
        && exp.is_some_and(|exp| NOW < exp + 60)
        && nbf.is_none_or(|nbf| nbf <= NOW + 60)
        && iat.is_none_or(|iat| iat <= NOW + 60)
        && !answer.contains_key("cnf")
}
