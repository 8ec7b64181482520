//! Login and callback handlers for axum and actix-web that end in a session.

use crate::login::site::*;
use crate::support::issuer::Answer;
use crate::support::{Request, Response};
use jamguard::store::{MemoryStore, NewRecord, Store, StoreFuture};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn is_private(answer: &Response) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn a_login_ends_in_a_session_with_the_tokens_on_the_server() {
    let world = World::new().await;
    for (name, address) in world.servers.each() {
        let (mut browser, begun) = world.begin(address).await;
        is_private(&begun.answer);
        let place = begun.answer.header("location").unwrap();
        assert!(place.starts_with(&world.idp.server.url("/authorize?")), "{name}: {place}");
        for (name, value) in [
            ("client_id", "web"),
            ("redirect_uri", "https://app.example/callback"),
            ("response_type", "code"),
            ("scope", "openid email"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(begun.value(name), Some(value));
        }
        for name in ["state", "nonce", "code_challenge"] {
            assert_eq!(begun.value(name).unwrap().len(), 43, "{name}");
        }
        let text = browser.cookies[BROWSER].clone();
        let attributes = "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600";
        let cookie = format!("{BROWSER}={text}; {attributes}");
        assert_eq!(begun.answer.header("set-cookie"), Some(&*cookie));

        let answer = browser.callback(&begun.query(&world.idp)).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/welcome")), "{name}");
        is_private(&answer);
        assert!(answer.body.is_empty());
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("{SESSION}=")), "{cookie}");
        // Nothing of the provider's reached the browser.
        for secret in ["access-1", "refresh-1", CODE] {
            assert!(!answer.comparable().contains(secret));
        }
        assert_eq!(browser.user().await, "Some(\"company:1102\") 0");
        let claims: Value = browser.get("/me").await.json();
        assert_eq!(claims["email"], "ann@example.com");
        assert_eq!(claims["iss"], world.idp.server.url(""));
        assert_eq!(browser.get("/tokens").await.text(), "access-1");
    }
}

/// Anybody can claim an address that nobody checked.
#[tokio::test]
async fn an_address_counts_where_the_provider_verified_it() {
    let world = World::new().await;
    for (verified, shown) in [
        (Value::Bool(true), true),
        (Value::Bool(false), false),
        (Value::Null, false),
        (Value::String("true".into()), true),
        (Value::String("false".into()), false),
        (Value::from(1), false),
    ] {
        let (mut browser, begun) = world.begin(world.servers.axum).await;
        let mut claims = world.idp.claims(begun.value("nonce"));
        claims["email_verified"] = verified.clone();
        world.idp.gives(Some(&claims));
        assert_eq!(browser.callback(&begun.query(&world.idp)).await.status, 303);
        let claims: Value = browser.get("/me").await.json();
        assert_eq!(claims.get("email").is_some(), shown, "{verified}");
    }
}

#[tokio::test]
async fn a_guests_data_stays_and_the_id_changes() {
    let world = World::new().await;
    for (_, address) in world.servers.each() {
        let mut browser = Browser::new(address);
        browser.get("/count").await;
        let guest = browser.cookies[SESSION].clone();
        let begun = browser.begin("").await;
        world.idp.gives(Some(&world.idp.claims(begun.value("nonce"))));
        browser.callback(&begun.query(&world.idp)).await;
        assert_ne!(browser.cookies[SESSION], guest);
        assert_eq!(browser.user().await, "Some(\"company:1102\") 1");
        // The old id is nobody's.
        browser.cookies.insert(SESSION.to_owned(), guest);
        assert_eq!(browser.user().await, "None 0");
    }
}

/// Another user's session does not live on unseen, nor become the new user's.
#[tokio::test]
async fn another_users_session_ends() {
    let world = World::new().await;
    for (_, address) in world.servers.each() {
        let mut browser = world.logged_in(address).await;
        browser.get("/count").await;
        let mut before = browser.clone();
        let begun = browser.begin("").await;
        let mut claims = world.idp.claims(begun.value("nonce"));
        claims["sub"] = "1103".into();
        world.idp.gives(Some(&claims));
        browser.callback(&begun.query(&world.idp)).await;
        assert_eq!(browser.user().await, "Some(\"company:1103\") 0");
        assert_eq!(before.user().await, "None 0");
    }
}

#[tokio::test]
async fn a_browser_returns_to_where_it_was() {
    let world = World::new().await;
    for (_, address) in world.servers.each() {
        let mut browser = Browser::new(address);
        for (wanted, expected) in
            [("?return_to=%2Forders%3Fa%3D1%26b%3D2", "/orders?a=1&b=2"), ("?other=x", "/welcome")]
        {
            let begun = browser.begin(wanted).await;
            world.idp.gives(Some(&world.idp.claims(begun.value("nonce"))));
            let answer = browser.callback(&begun.query(&world.idp)).await;
            assert_eq!(answer.header("location"), Some(expected));
        }
        // What is remembered of a login is small, whatever a request says.
        let long = format!("/{}", "a".repeat(2047));
        browser.begin(&format!("?return_to={long}")).await;
        for elsewhere in [
            "//evil.example",
            "/%5Cevil.example",
            "https://evil.example",
            "orders",
            "",
            "/a%0D%0Ab",
            "/a&return_to=/b",
            &format!("/{}", "a".repeat(2048)),
        ] {
            let answer = browser.get(&format!("/login?return_to={elsewhere}")).await;
            assert_eq!(answer.status, 400, "{elsewhere}");
            assert_eq!(answer.header("location"), None);
        }
    }
}

/// A store that counts what is put into it.
#[derive(Default)]
struct Counting {
    sound: MemoryStore,
    inserted: AtomicUsize,
}

impl Store for Counting {
    passes_on!(sound: get replace remove owned remove_owned purge);

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        self.inserted.fetch_add(1, Ordering::SeqCst);
        self.sound.insert(key, record)
    }
}

/// Previews and monitors look at links with `HEAD`: that begins no login, and ends none.
#[tokio::test]
async fn head_begins_no_login() {
    let store = Arc::new(Counting::default());
    let world = World::over(store.clone()).await;
    // actix-web's `web::get()` does not pass it on.
    let expected = |name: &str| if name == "axum" { 405 } else { 404 };
    for (name, address) in world.servers.each() {
        let mut browser = Browser::new(address);
        let answer = browser.ask(Request::new("HEAD", "/login")).await;
        assert_eq!(answer.status, expected(name), "{name}");
        assert_eq!(answer.header("location"), None, "{name}");
        assert!(browser.cookies.is_empty(), "{name}");
        assert_eq!(store.inserted.load(Ordering::SeqCst), 0, "{name}");
        if name == "axum" {
            assert_eq!(answer.header("allow"), Some("GET"));
            is_private(&answer);
        }
    }
    for (name, address) in world.servers.each() {
        let (mut browser, begun) = world.begin(address).await;
        let (query, asked) = (begun.query(&world.idp), world.idp.asked());
        let head = Request::new("HEAD", &format!("/callback?{query}"));
        assert_eq!(browser.ask(head).await.status, expected(name), "{name}");
        assert_eq!(world.idp.asked(), asked, "{name}");
        assert_eq!(browser.callback(&query).await.status, 303, "{name}");
    }
}

/// Two pages of one browser log in side by side.
#[tokio::test]
async fn logins_side_by_side() {
    let world = World::new().await;
    let mut browser = Browser::new(world.servers.axum);
    let first = browser.begin("").await;
    let text = browser.cookies[BROWSER].clone();
    let second = browser.begin("").await;
    assert_eq!(browser.cookies[BROWSER], text);
    assert_ne!(first.state(), second.state());
    for begun in [second, first] {
        world.idp.gives(Some(&world.idp.claims(begun.value("nonce"))));
        assert_eq!(browser.callback(&begun.query(&world.idp)).await.status, 303);
    }
    // A cookie that is none of ours is replaced.
    for text in ["x", &"!".repeat(43), &"a".repeat(44)] {
        browser.cookies.insert(BROWSER.to_owned(), text.to_owned());
        browser.begin("").await;
        assert_eq!(browser.cookies[BROWSER].len(), 43);
        assert_ne!(browser.cookies[BROWSER], text);
    }
}

/// A login that began in one process ends in another, over a `Store`.
#[tokio::test]
async fn a_login_goes_on_in_another_process() {
    let store = Arc::new(MemoryStore::new());
    let here = World::over(store.clone()).await;
    let auth = authenticator(&here.idp, store);
    let login = jamguard::OAuth2Login::builder(&auth, here.client.clone());
    let login = es256(login, &here.client).build().unwrap();
    let there = serve(&auth, &login, &here.client).await;
    let (mut browser, begun) = here.begin(here.servers.axum).await;
    browser.address = there.actix;
    assert_eq!(browser.callback(&begun.query(&here.idp)).await.status, 303);
    assert_eq!(browser.user().await, "Some(\"company:1102\") 0");
    browser.address = here.servers.axum;
    assert_eq!(browser.user().await, "Some(\"company:1102\") 0");
    let again = browser.callback(&begun.query(&here.idp)).await;
    assert_eq!(again.status, 400);
}

#[tokio::test]
async fn logging_out() {
    let world = World::new().await;
    for (_, address) in world.servers.each() {
        let mut browser = world.logged_in(address).await;
        let old = browser.clone();
        // Another site's page cannot.
        let forged = Request::post("/logout", "").header("sec-fetch-site", "cross-site");
        assert_eq!(browser.ask(forged).await.status, 403);
        assert_ne!(browser.user().await, "None 0");
        let answer = browser.ask(Request::post("/logout", "")).await;
        assert_eq!(answer.status, 204);
        assert!(!browser.cookies.contains_key(SESSION));
        assert_eq!(old.clone().user().await, "None 0");
        let html = Request::post("/logout", "").header("accept", "text/html");
        let answer = browser.ask(html).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/welcome")));
        // On all devices.
        let (mut one, mut other) = (world.logged_in(address).await, world.logged_in(address).await);
        assert_eq!(one.ask(Request::post("/logout-everywhere", "")).await.status, 204);
        assert_eq!(other.user().await, "None 0");
        assert_eq!(other.ask(Request::post("/logout-everywhere", "")).await.status, 401);
    }
}

/// A provider that is away when a login begins.
#[tokio::test]
async fn a_provider_that_cannot_be_discovered_is_503() {
    let world = World::new().await;
    let place = "/.well-known/openid-configuration";
    world.idp.server.set(place, Answer::status(500));
    let answer = world.servers.ask(Request::get("/login")).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
}
