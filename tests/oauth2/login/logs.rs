//! The log says precisely why a login failed, and never shows what it rested on.

use crate::login::site::*;
use crate::support::issuer::Answer;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::filter::LevelFilter;

/// Everything that this process logs, at every level.
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

#[tokio::test]
async fn the_log_says_why_and_shows_nothing() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let world = World::new().await;
    let mut secrets = vec![CODE.to_owned(), "a secret of the site's".to_owned()];
    secrets.extend(["access-1", "refresh-1"].map(str::to_owned));
    for (answer, level, reason) in [
        (
            Answer::ok(r#"{"error":"invalid_client","error_description":"no such client"}"#),
            "WARN",
            "the provider refused: invalid_client (no such client)",
        ),
        (
            Answer::ok(r#"{"error":"invalid_grant","error_description":"used before"}"#),
            "DEBUG",
            "the provider refused: invalid_grant (used before)",
        ),
        (Answer::ok("<html>"), "WARN", "the provider's answer is not a JSON object"),
    ] {
        for (_, address) in world.servers.each() {
            let (mut browser, begun) = world.begin(address).await;
            secrets.push(browser.cookies[BROWSER].clone());
            world.idp.answers(answer.clone());
            browser.callback(&begun.query(&world.idp)).await;
            let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
            let line = text.lines().rfind(|line| line.contains(reason));
            let line = line.unwrap_or_else(|| panic!("no '{reason}' in the log"));
            assert!(line.contains(level) && line.contains("jamguard"), "{line}");
        }
    }
    // A rejection is one line, from each of the two servers.
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    let rejected = text.lines().filter(|line| line.contains("(used before)"));
    assert_eq!(rejected.count(), 2, "{text}");
    // Signed by an algorithm that the site does not allow: the set-up is wrong, not the user.
    let shared =
        SigningKey::from_secret(Algorithm::HS256, b"a secret that is long enough, at least");
    for (_, address) in world.servers.each() {
        let (mut browser, begun) = world.begin(address).await;
        let token =
            mint(shared.as_ref().unwrap(), &world.idp.claims(begun.value("nonce"))).unwrap();
        secrets.push(token.clone());
        let tokens = json!({"access_token": "access-1", "token_type": "Bearer", "id_token": token});
        world.idp.answers(Answer::ok(tokens.to_string()));
        let before = log.0.lock().unwrap().len();
        assert_eq!(browser.callback(&begun.query(&world.idp)).await.status, 401);
        let text = String::from_utf8_lossy(&log.0.lock().unwrap()[before..]).into_owned();
        let reason = "the token's alg is not allowed: expected `ES256`, received `HS256`";
        let mut lines = text.lines().filter(|line| line.contains(reason));
        assert!(lines.any(|line| line.contains("WARN")), "{text}");
    }
    let mut browser = world.logged_in(world.servers.axum).await;
    secrets.push(browser.cookies[SESSION].clone());
    let forged = browser.callback("code=a&state=b").await;
    assert_eq!(forged.status, 400);
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(text.contains("no login is pending with this state"));
    for secret in secrets {
        let line = text.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
}
