//! What the endpoint answers: `active` decides, and everything else is an outage.

use super::{ENDPOINT, TOKEN, World, answer, answer_with, answer_without};
use crate::support::issuer::Answer;
use jamguard::ErrorKind;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_active_token_is_verified_with_the_claims_of_the_answer() {
    let world = World::new().await;
    let verified = world.verify(TOKEN).await.unwrap();
    assert_eq!(verified.subject(), Some("42"));
    assert_eq!(verified.issuer(), Some(crate::support::issuer::ISSUER));
    assert_eq!(verified.expose_token(), TOKEN);
    assert_eq!(verified.header(), None);
    let claims: Value = serde_json::from_str(verified.raw_claims()).unwrap();
    assert_eq!(claims, answer());
}

#[tokio::test]
async fn an_inactive_token_is_refused() {
    let world = World::new().await;
    for inactive in [json!({"active": false}), answer_with("active", false)] {
        world.answers(&inactive);
        let (kind, text) = world.refusal(TOKEN).await;
        assert_eq!(kind, ErrorKind::Inactive);
        assert!(text.contains("not active"), "{text}");
    }
}

/// Such an answer is against RFC 7662 section 2.2: it says nothing about the token.
#[tokio::test]
async fn only_the_json_value_true_is_active() {
    let world = World::new().await;
    let others = [json!("true"), json!(1), json!(null), json!("yes"), json!([true]), json!({})];
    for other in others {
        world.answers(&answer_with("active", other.clone()));
        let (kind, text) = world.refusal(TOKEN).await;
        assert_eq!(kind, ErrorKind::Unavailable, "{other}");
        assert!(text.contains("no boolean 'active'"), "{text}");
    }
    world.answers(&answer_without("active"));
    assert_eq!(world.refusal(TOKEN).await.0, ErrorKind::Unavailable);
    world.answers(&answer());
    world.verify(TOKEN).await.unwrap();
}

#[tokio::test]
async fn answers_that_are_no_answers_are_outages() {
    let world = World::with(
        |introspection| introspection.timeout(Duration::from_millis(600)),
        |verifier| verifier,
    )
    .await;
    let html = "<!doctype html><html><body>active: true</body></html>";
    let twice = r#"{"active":false,"active":true,"token_type":"Bearer"}"#;
    let redirect = Answer::status(302).with("location", world.server.url("/elsewhere"));
    world.server.set("/elsewhere", Answer::ok(answer().to_string()));
    let status = |status| Answer::Whole {
        status,
        headers: Vec::new(),
        body: answer().to_string().into_bytes(),
    };
    for (what, bad) in [
        ("HTML", Answer::ok(html).with("content-type", "text/html")),
        ("empty", Answer::ok("")),
        ("an array", Answer::ok(r#"[{"active":true}]"#)),
        ("a member twice", Answer::ok(twice)),
        ("no UTF-8", Answer::ok(vec![0xff, 0xfe])),
        ("cut off", Answer::CutOff(answer().to_string().into_bytes())),
        ("100 MB", Answer::Huge),
        ("endless", Answer::Endless),
        ("slow", Answer::Drip(answer().to_string().into_bytes())),
        ("silent", Answer::Hang),
        ("a redirect", redirect),
        ("201", status(201)),
        ("204", Answer::Whole { status: 204, headers: Vec::new(), body: Vec::new() }),
        ("400", status(400)),
        ("404", status(404)),
        ("500", status(500)),
        ("503", status(503)),
    ] {
        world.server.set(ENDPOINT, bad);
        let begun = Instant::now();
        let (kind, text) = world.refusal(TOKEN).await;
        assert_eq!(kind, ErrorKind::Unavailable, "{what}: {text}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{what}");
        assert!(!text.contains(TOKEN) && !text.contains("s3cret"), "{what}: {text}");
        // Once the server is well, the token is accepted.
        world.answers(&answer());
        crate::support::wait::until(what, async || world.verify(TOKEN).await.is_ok()).await;
        world.verifier.forget_token(TOKEN);
    }
    assert!(world.server.bytes() < 32 << 20, "a huge answer was read: {}", world.server.bytes());
    assert!(!world.server.seen().iter().any(|line| line.contains("/elsewhere")));
}

/// The fault is this server's, so the client gets a 500 and the log says what to check.
#[tokio::test]
async fn rejected_credentials_of_this_server_are_its_own_fault() {
    let world = World::new().await;
    let invalid_client = Answer::Whole {
        status: 400,
        headers: Vec::new(),
        body: br#"{"error":"invalid_client"}"#.to_vec(),
    };
    for bad in [Answer::status(401), Answer::status(403), invalid_client] {
        world.server.set(ENDPOINT, bad);
        let (kind, text) = world.refusal(TOKEN).await;
        assert_eq!(kind, ErrorKind::ClientRefused);
        assert!(text.contains("check the client id, its secret or key"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_introspect_its_jwts_is_named_in_the_text() {
    let world = World::new().await;
    world.server.set(
        ENDPOINT,
        Answer::Whole {
            status: 400,
            headers: Vec::new(),
            body: br#"{"error":"unsupported_token_type"}"#.to_vec(),
        },
    );
    let (kind, text) = world.refusal(TOKEN).await;
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(text.contains("400, unsupported_token_type"), "{text}");
    assert!(text.contains("verify them with keys"), "{text}");
}

/// An error of the server may repeat the token.
#[tokio::test]
async fn an_error_that_repeats_the_token_is_not_shown() {
    let world = World::new().await;
    let token = "secrettoken";
    for code in [token.to_owned(), format!("no_{token}"), "Not A Code".to_owned()] {
        let body = json!({"error": code, "error_description": token}).to_string();
        let bad = Answer::Whole { status: 400, headers: Vec::new(), body: body.into() };
        world.server.set(ENDPOINT, bad);
        let (kind, text) = world.refusal(token).await;
        assert_eq!(kind, ErrorKind::Unavailable);
        assert!(!text.contains(token) && !text.contains("Not A Code"), "{text}");
    }
}
