//! Attack 23: what an issuer, or a server in its place, may respond.

use crate::support::issuer::*;
use jamguard::ErrorKind::{Timeout, Unavailable};
use jamguard::jwks::RemoteKeySet;
use jamguard::{Error, ErrorKind};
use std::error::Error as _;
use std::time::{Duration, Instant};

/// One kilobyte of gzip that says 100 MB of spaces; what counts is that nobody unpacks it.
fn gzip_bomb() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend(std::iter::repeat_n([0xed, 0xc1, 0x01, 0x0d, 0, 0, 0, 0xc2], 128).flatten());
    bytes
}

fn hostile(good: &str) -> Vec<(&'static str, Answer)> {
    let ok = |body: &str| Answer::ok(body);
    vec![
        ("100 MB", Answer::Huge),
        ("no end", Answer::Endless),
        ("1 MiB and more, of good JSON", Answer::ok(format!("{}{good}", " ".repeat(1 << 20)))),
        ("gzip bomb", Answer::ok(gzip_bomb()).with("content-encoding", "gzip")),
        (
            "good JSON that calls itself gzip, cut",
            Answer::ok(&good.as_bytes()[..20]).with("content-encoding", "gzip"),
        ),
        ("HTML", ok("<!doctype html><title>Log in</title>")),
        ("truncated JSON", ok(&good[..good.len() - 2])),
        ("a broken connection", Answer::CutOff(good.into())),
        ("two documents", ok(&format!("{good}{good}"))),
        ("an empty body", ok("")),
        ("an empty set", ok(r#"{"keys":[]}"#)),
        ("no set", ok("{}")),
        ("keys that are no array", ok(r#"{"keys":{}}"#)),
        ("an array", ok("[]")),
        ("a string", ok(r#""keys""#)),
        ("deep nesting", ok(&"[".repeat(100_000))),
        ("no UTF-8", Answer::ok(b"\xff\xfe{\0".to_vec())),
        ("204", Answer::status(204)),
        ("304", Answer::status(304)),
        ("400", Answer::status(400)),
        ("401", Answer::status(401)),
        ("404", Answer::status(404)),
        ("429", Answer::status(429).with("retry-after", "86400")),
        ("500", Answer::status(500)),
        ("503", Answer::status(503)),
        ("good JSON under 500", with_status(500, good)),
        ("good JSON under 203", with_status(203, good)),
        ("one byte per second", Answer::Drip(good.into())),
        ("never an answer", Answer::Hang),
    ]
}

fn with_status(status: u16, body: &str) -> Answer {
    Answer::Whole { status, headers: Vec::new(), body: body.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn line_23_hostile_answers_are_failed_fetches() {
    let (quick, second) = (Duration::from_millis(400), Duration::from_secs(1));
    let example = set_of(&[&key("k1")]);
    for (what, answer) in hostile(&example) {
        let world = World::with(|keys| keys.timeout(quick)).await;
        let good = Answer::ok(set_of(&[&world.key]));
        // Cold: nothing can be said about the token.
        world.server.set("/keys", answer.clone());
        let begun = Instant::now();
        let sound = token(&world.key);
        let error = world.verifier.verify(&sound).await.unwrap_err();
        assert_eq!(error.kind(), Unavailable, "{what}: {error}");
        assert!(error.retry_after().is_some(), "{what}");
        assert!(begun.elapsed() < 20 * quick, "{what}");
        // The same verifier serves once the server behaves.
        world.server.set("/keys", good.clone());
        world.clock.advance(second);
        assert_eq!(verify(&world.verifier, &sound).await, Ok(()), "{what}");
        // Warm: the old keys go on serving, and nobody waits.
        world.server.set("/keys", answer);
        world.clock.advance(9 * MINUTE);
        let hits = world.server.hits();
        assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
        until("a refresh", || world.server.hits() > hits).await;
        assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
        let unknown = world.verify(&key("k2")).await;
        assert_eq!(unknown, Err(Unavailable), "{what}");
        assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
        assert!(
            world.server.bytes() < 50 << 20,
            "{what}: {} bytes were taken",
            world.server.bytes()
        );
    }
}

/// Attack 23: a redirect may name an attacker's server.
#[tokio::test]
async fn line_23_a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::new().await;
        let other = Server::start().await;
        other.set("/keys", Answer::ok(set_of(&[&world.key])));
        // Elsewhere on the same server, too.
        world.server.set("/moved", Answer::ok(set_of(&[&world.key])));
        for target in [other.url("/keys"), "/moved".to_owned()] {
            let redirect = Answer::status(status).with("location", target);
            world.server.set("/keys", redirect);
            world.clock.advance(Duration::from_secs(1));
            assert_eq!(world.verify(&world.key).await, Err(Unavailable));
        }
        assert_eq!(other.hits(), 0, "{status}");
        assert_eq!(world.server.seen(), ["GET /keys HTTP/1.1"; 2]);
        let direct = RemoteKeySet::builder(other.url("/keys")).clock(world.clock.clone());
        let direct = verifier(&direct.build().unwrap(), &world.clock);
        assert_eq!(verify(&direct, &token(&world.key)).await, Ok(()));
    }
}

#[tokio::test]
async fn a_body_of_a_megabyte_serves() {
    let world = World::new().await;
    let set = set_of(&[&world.key]);
    let body = format!("{}{set}", " ".repeat((1 << 20) - set.len()));
    assert_eq!(body.len(), 1 << 20);
    world.server.set("/keys", Answer::ok(body));
    assert_eq!(world.verify(&world.key).await, Ok(()));
}

/// What the issuer answered is the operator's to know, by kind and cause.
#[tokio::test]
async fn the_error_says_what_went_wrong() {
    let cause = |error: &Error| {
        let source = error.source().unwrap();
        source.downcast_ref::<Error>().unwrap().kind()
    };
    for (answer, kind) in [
        (Answer::status(500), ErrorKind::UnexpectedStatus),
        (Answer::ok("<html>"), ErrorKind::InvalidKey),
        (Answer::Hang, Timeout),
        (Answer::CutOff(Vec::new()), ErrorKind::Connection),
    ] {
        let world = World::with(|keys| keys.timeout(Duration::from_millis(300))).await;
        world.server.set("/keys", answer);
        let error = world.keys.load().await.unwrap_err();
        assert_eq!(error.kind(), Unavailable);
        assert_eq!(cause(&error), kind);
    }
}
