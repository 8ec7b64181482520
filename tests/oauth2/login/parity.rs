//! The same bytes from axum and actix-web, but for what is random.

use crate::login::site::*;
use crate::support::Request;
use crate::support::issuer::Answer;

/// An answer with names in the place of random texts.
fn told(text: &str, random: &[(&str, String)]) -> String {
    random.iter().fold(text.to_owned(), |text, (name, random)| text.replace(random.as_str(), name))
}

#[tokio::test]
async fn logins_are_byte_identical() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for (_, address) in world.servers.each() {
        let (mut browser, begun) = world.begin(address).await;
        let mut random: Vec<_> = ["state", "nonce", "code_challenge"]
            .map(|name| (name, begun.value(name).unwrap().to_owned()))
            .into();
        random.push(("browser", browser.cookies[BROWSER].clone()));
        let callback = browser.callback(&begun.query(&world.idp)).await;
        random.push(("session", browser.cookies[SESSION].clone()));
        let again = browser.callback(&begun.query(&world.idp)).await;
        let logout = browser.ask(Request::post("/logout", "")).await;
        answers.push([&begun.answer, &callback, &again, &logout].map(|answer| {
            assert!(answer.status < 500);
            told(&answer.comparable(), &random)
        }));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0][1].contains("__Host-jam_session=session;"), "{}", answers[0][1]);
}

#[tokio::test]
async fn refusals_are_byte_identical() {
    let world = World::new().await;
    for query in ["", "code=a", "code=a&state=b", "state=a&state=b", "error=access_denied"] {
        let answer = world.servers.ask(Request::get(&format!("/callback?{query}"))).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for path in ["/login?return_to=x", "/callback"] {
        assert_eq!(world.servers.ask(Request::get(path)).await.status, 400);
    }
    // With a login that began, and a provider that refuses, or answers strangely.
    for (answer, status) in [
        (Answer::ok(r#"{"error":"invalid_grant"}"#), 401),
        (Answer::ok(r#"{"error":"invalid_client"}"#), 500),
        (Answer::ok("<html>"), 502),
        (Answer::status(302).with("location", "/"), 502),
        (Answer::status(503), 503),
    ] {
        let mut answers = Vec::new();
        for (_, address) in world.servers.each() {
            let (mut browser, begun) = world.begin(address).await;
            world.idp.answers(answer.clone());
            let answer = browser.callback(&begun.query(&world.idp)).await;
            assert_eq!(answer.status, status);
            assert!(!browser.cookies.contains_key(SESSION));
            answers.push(answer.comparable());
        }
        assert_eq!(answers[0], answers[1]);
    }
}
