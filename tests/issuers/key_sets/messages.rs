//! What errors and the log say of key sets: where they come from, and what differs.

use crate::support::issuer::*;
use jamguard::Verifier;
use jamguard::jose::Algorithm;
use jamguard::jwks::RemoteKeySet;
use jamguard::testing::{ManualClock, mint};
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// What this process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn of_this_process() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
            log
        })
        .clone()
    }

    /// The warnings about what is at a URL.
    fn warnings(&self, url: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        let lines = text.lines().filter(|line| line.contains("WARN") && line.contains(url));
        lines.map(str::to_owned).collect()
    }
}

async fn reason(verifier: &Verifier, token: &str) -> String {
    verifier.verify(token).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_failed_fetch_names_the_url_without_its_query() {
    let server = Server::start().await;
    let url = server.url("/nowhere?key=the-secret#part");
    let keys = RemoteKeySet::builder(url).build().unwrap();
    let error = keys.load().await.unwrap_err().to_string();
    let place = server.url("/nowhere");
    assert_eq!(error, format!("a key set could not be fetched: {place}: the issuer answered 404"));
    for answer in
        [Answer::ok("<html>"), Answer::ok(b"\xff"), Answer::CutOff(Vec::new()), Answer::Hang]
    {
        server.set("/keys", answer);
        let keys = RemoteKeySet::builder(server.url("/keys")).timeout(Duration::from_millis(300));
        let error = keys.build().unwrap().load().await.unwrap_err().to_string();
        assert!(error.contains(&server.url("/keys: ")), "{error}");
    }
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_shown_with_its_url_and_the_difference() {
    let server = Server::start().await;
    let issuer = server.url("");
    let document = server.url("/.well-known/openid-configuration");
    let slash = format!("{issuer}/");
    let localhost = issuer.replace("127.0.0.1", "localhost");
    for (named, hint) in [
        (&*slash, "; they differ by a trailing slash"),
        (&localhost, "; they differ by `localhost` against `127.0.0.1`"),
        ("https://elsewhere.example", ""),
    ] {
        let text = json!({"issuer": named, "jwks_uri": server.url("/keys")}).to_string();
        server.set("/.well-known/openid-configuration", Answer::ok(text));
        let keys = RemoteKeySet::discover(&issuer).build().unwrap();
        let error = keys.load().await.unwrap_err().to_string();
        let expected = format!(
            "{document}: the discovery document names another issuer: expected `{issuer}`, \
             received `{named}`{hint}"
        );
        assert!(error.ends_with(&expected), "{error}");
    }
    let text = json!({"issuer": issuer}).to_string();
    server.set("/.well-known/openid-configuration", Answer::ok(text));
    let keys = RemoteKeySet::discover(&issuer).build().unwrap();
    let error = keys.load().await.unwrap_err().to_string();
    assert!(
        error.ends_with(&format!("{document}: the discovery document has no jwks_uri")),
        "{error}"
    );
}

/// A verifier alone says in its error what does not fit; unverified text is bounded.
#[tokio::test]
async fn claims_that_do_not_fit_are_shown_beside_the_expected_ones() {
    let key = key("k1");
    let verifier = Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .issuer("http://localhost:8080/auth")
        .audience("orders")
        .audience("billing")
        .token_type("at+jwt")
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let issue = |typ: &str, iss: &str, aud: serde_json::Value| {
        let claims = json!({"iss": iss, "aud": aud, "exp": NOW + 60});
        let token = mint(&key, &claims).unwrap();
        let header = json!({"alg": "ES256", "typ": typ});
        sign(&key, &header, token.split('.').nth(1).unwrap())
    };
    let issuer = "http://localhost:8080/auth";
    for (token, text) in [
        (
            issue("at+jwt", "http://127.0.0.1:8080/auth/", json!("orders")),
            "the token's 'iss' is wrong: expected `http://localhost:8080/auth`, received \
             `http://127.0.0.1:8080/auth/`; they differ by `localhost` against `127.0.0.1` and a \
             trailing slash",
        ),
        (
            issue("at+jwt", issuer, json!(["Orders", "more"])),
            "the token's 'aud' is wrong: expected `orders` or `billing`, received `Orders`, `more`; \
             they differ by letter case",
        ),
        (
            issue("JWT", issuer, json!("orders")),
            "the token's typ is wrong: expected `at+jwt`, received `JWT`",
        ),
    ] {
        assert_eq!(reason(&verifier, &token).await, text);
    }
    let long = issue("at+jwt", &format!("\u{202e}{}", "x".repeat(5_000)), json!("orders"));
    let text = reason(&verifier, &long).await;
    assert!(text.len() < 400 && !text.contains('\u{202e}'), "{text}");
}

/// Signs a header of its own over an encoded payload.
fn sign(key: &jamguard::jose::SigningKey, header: &serde_json::Value, payload: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let input = format!("{}.{payload}", BASE64.encode(header.to_string()));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", BASE64.encode(signature))
}

#[tokio::test]
async fn texts_that_are_no_jws_are_called_what_they_are() {
    let world = World::new().await;
    for (token, text) in [
        ("2YotnFZFEjr1zCsicMWpAA", "the token is not a JWT"),
        ("2YotnFZFEjr1zCsicMWpAA", "Opaque tokens need introspection"),
        ("eyJh.a.b.c.d", "an encrypted token (JWE)"),
        ("a.b", "a compact JWS has three parts"),
    ] {
        let reason = reason(&world.verifier, token).await;
        assert!(reason.contains(text), "{reason}");
    }
    let rsa = "eyJhbGciOiJSUzI1NiJ9.e30.AA";
    assert_eq!(
        reason(&world.verifier, rsa).await,
        "the token's alg is not allowed: expected `ES256`, received `RS256`"
    );
}

#[tokio::test]
async fn a_second_change_of_keys_within_the_cooldown_is_logged_once_as_such() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let place = world.server.url("/keys");
    assert_eq!(world.verify(&world.key).await, Ok(()));
    let (second, third) = (key("k2"), key("k3"));
    world.server.set("/keys", Answer::ok(set_of(&[&second])));
    assert_eq!(world.verify(&second).await, Ok(()));
    world.server.set("/keys", Answer::ok(set_of(&[&third])));
    world.clock.advance(Duration::from_secs(12));
    assert_eq!(log.warnings(&place), [""; 0]);
    for _ in 0..3 {
        let error = reason(&world.verifier, &token(&third)).await;
        assert_eq!(
            error,
            "no key has the token's kid: expected `k2`, received `k3`; the key set was fetched 12 s \
             ago, and an unknown key causes the next fetch in 18 s at the earliest (.cooldown(…))"
        );
    }
    let lines = log.warnings(&place);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let warning = "within the cooldown of a change of keys";
    assert!(lines[0].contains(warning) && lines[0].contains("fetched 12 s ago"), "{lines:?}");
    world.clock.advance(Duration::from_secs(18));
    assert_eq!(world.verify(&third).await, Ok(()));
}

/// Invented keys, whose fetches bring what was known, warn of nothing.
#[tokio::test]
async fn invented_keys_do_not_fill_the_log() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let place = world.server.url("/keys");
    for n in 0..100 {
        world.verify(&key(&format!("invented-{n}"))).await.unwrap_err();
    }
    assert_eq!(log.warnings(&place), [""; 0]);
}
