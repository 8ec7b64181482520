//! The session's cookie: its attributes, when it is set, and when it is removed.

use crate::http::COOKIE;
use crate::http::site::World;
use crate::support::Request;
use jamguard::{
    Authenticator, CredentialSource, ErrorKind, SessionCookie, Sessions, store::MemoryStore,
};

const MONTH: u64 = 30 * 24 * 3600;

#[tokio::test]
async fn a_session_begins_with_a_host_cookie_and_an_answer_that_is_not_stored() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        let answer = client.post("/put", "tea").await;
        let id = client.id();
        assert_eq!(id.len(), 43, "{name}");
        let expected =
            format!("{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={MONTH}");
        assert_eq!(answer.header("set-cookie"), Some(&*expected), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(answer.header("vary"), Some("authorization, cookie"), "{name}");
        assert_eq!(client.get("/cart").await.header("vary"), answer.header("vary"));

        // With another id the time that is left is not longer than it was; a login begins it anew.
        world.after(3600);
        let rotated = client.post("/rotate", "").await;
        let left = format!("Max-Age={}", MONTH - 3600);
        assert!(rotated.header("set-cookie").unwrap().ends_with(&left), "{name}");
        let login = client.post("/login", "ann").await;
        let left = format!("Max-Age={MONTH}");
        assert!(login.header("set-cookie").unwrap().ends_with(&left), "{name}");
        client.post("/logout", "").await;
    }
}

#[tokio::test]
async fn its_attributes_can_be_chosen() {
    let plain = SessionCookie::new().danger_plain_http();
    let strict = SessionCookie::new().with_name("sid").same_site_strict();
    let frames = SessionCookie::new().danger_same_site_none();
    let short = SessionCookie::new().until_the_browser_closes();
    let wide = SessionCookie::new()
        .with_name("__Secure-sid")
        .path("/")
        .domain("shop.example")
        .partitioned();
    let max_age = format!("; Max-Age={MONTH}");
    let cases = [
        (plain, "jam_session", format!("; Path=/; HttpOnly; SameSite=Lax{max_age}")),
        (strict, "sid", format!("; Path=/; Secure; HttpOnly; SameSite=Strict{max_age}")),
        (frames, COOKIE, format!("; Path=/; Secure; HttpOnly; SameSite=None{max_age}")),
        (short, COOKIE, "; Path=/; Secure; HttpOnly; SameSite=Lax".to_owned()),
        (
            wide,
            "__Secure-sid",
            format!(
                "; Path=/; Domain=shop.example; Secure; HttpOnly; SameSite=Lax; Partitioned{max_age}"
            ),
        ),
    ];
    for (cookie, cookie_name, attributes) in cases {
        assert_eq!(cookie.name(), cookie_name);
        let world =
            World::with(|sessions| sessions, |auth| auth.session_cookie(cookie), true).await;
        for (name, mut client) in world.clients() {
            let answer = client.post("/put", "tea").await;
            let cookie = answer.header("set-cookie").unwrap();
            let (pair, rest) = cookie.split_at(cookie.find(';').unwrap());
            assert_eq!(rest, attributes, "{name}");
            let (set, id) = pair.split_once('=').unwrap();
            assert_eq!(set, cookie_name, "{name}");
            let again = client.ask(Request::get("/cart").cookie(cookie_name, id)).await;
            assert_eq!(again.text(), "tea", "{name}");
            let out = client.ask(Request::post("/logout", "").cookie(cookie_name, id)).await;
            let attributes = attributes.replace(&max_age, "");
            let removal = format!("{cookie_name}={attributes}; Max-Age=0");
            assert_eq!(out.header("set-cookie"), Some(&*removal), "{name}");
        }
    }
}

#[test]
fn cookies_that_cannot_work_are_errors_at_the_start() {
    let sessions = || Sessions::builder(MemoryStore::new()).build().unwrap();
    let builder = || Authenticator::builder().sessions(sessions());
    let named = || SessionCookie::new().with_name("sid");
    let refused = [
        builder().session_cookie(SessionCookie::new().with_name("a b")).build(),
        builder().session_cookie(SessionCookie::new().with_name("")).build(),
        builder()
            .session_cookie(SessionCookie::new().danger_plain_http().with_name("__Host-id"))
            .build(),
        builder()
            .session_cookie(SessionCookie::new().danger_plain_http().danger_same_site_none())
            .build(),
        builder().session_cookie(SessionCookie::new().domain("shop.example")).build(),
        builder().session_cookie(SessionCookie::new().path("/shop")).build(),
        builder().session_cookie(named().path("shop")).build(),
        builder().session_cookie(named().path("/a; Domain=evil.example")).build(),
        builder().session_cookie(named().domain("")).build(),
        builder().session_cookie(named().domain("a.example; Path=/")).build(),
        builder().session_cookie(named().danger_plain_http().partitioned()).build(),
        builder().source(CredentialSource::cookie(COOKIE)).build(),
        Authenticator::builder().session_cookie(SessionCookie::new()).build(),
        Authenticator::builder().source(CredentialSource::session()).build(),
        Authenticator::builder().build(),
    ];
    for refused in refused {
        let error = refused.expect_err("this cannot work");
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
    assert!(builder().build().is_ok());
}

#[tokio::test]
async fn a_dead_cookie_is_removed_unless_a_session_begins() {
    let world = World::new().await;
    for (name, client) in world.clients() {
        let dead = "A".repeat(43);
        for path in ["/public", "/cart", "/hello", "/who", "/guarded"] {
            let answer = client.with(&dead).get(path).await;
            assert!(crate::http::is_removal(&answer), "{name} {path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{name} {path}");
        }
        // Nobody looked at it: it may be alive.
        let token = world.token();
        let answer = client.with(&dead).ask(Request::get("/public").bearer(&token)).await;
        assert_eq!(answer.header("set-cookie"), None, "{name}");
        let answer = client.with(&dead).ask(Request::get("/cart").bearer(&token)).await;
        assert!(crate::http::is_removal(&answer), "{name}");

        let mut client = client.with(&dead);
        let answer = client.post("/put", "tea").await;
        assert_eq!(answer.all("set-cookie").len(), 1, "{name}");
        assert_ne!(client.id(), dead, "{name}");
    }
}

/// Requests that were under way during a login come with the old id: they must not take the new one
/// away from the browser.
#[tokio::test]
async fn the_cookie_of_a_session_that_just_got_another_id_is_not_removed() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/put", "tea").await;
        let before = client.clone();
        client.post("/login", "ann").await;
        for path in ["/public", "/cart", "/guarded"] {
            let answer = before.clone().get(path).await;
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
            let status = if path == "/guarded" { 401 } else { 200 };
            assert_eq!(answer.status, status, "{name} {path}");
        }
        assert_eq!(before.clone().items().await, "", "{name}");
        // The old id is no secret any more once nobody comes with it by mistake.
        world.after(301);
        assert!(crate::http::is_removal(&before.clone().get("/public").await), "{name}");
        client.post("/logout", "").await;
    }
}

/// Nor does what they write begin a session that would stand in the new one's place.
#[tokio::test]
async fn a_request_with_an_id_from_before_a_login_begins_no_session() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/put", "tea").await;
        let before = client.clone();
        client.post("/login", "ann").await;
        for path in ["/put", "/set", "/rotate-and-put", "/logout-and-put"] {
            let answer = before.clone().post(path, "0 late").await;
            assert_eq!(answer.status, 409, "{name} {path}");
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
        }
        assert_eq!(client.items().await, "tea", "{name}");
        assert_eq!(client.get("/who").await.text(), "session ann", "{name}");
        // Who logs in gets a session all the same.
        let mut again = before.clone();
        assert_eq!(again.post("/login", "ann").await.status, 200, "{name}");
        assert_eq!(again.get("/who").await.text(), "session ann", "{name}");
        // And once the old id is forgotten, everybody does.
        world.after(301);
        let mut stranger = before.clone();
        assert_eq!(stranger.post("/put", "milk").await.text(), "milk", "{name}");
        assert_ne!(stranger.id(), before.id(), "{name}");
        client.post("/logout-everywhere", "").await;
    }
}
