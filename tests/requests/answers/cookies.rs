//! What an invalid credential means: the bearer's is refused, the cookie's makes anonymous.

use super::{EXPIRED, ID, INVALID, REMOVED};
use crate::support::{ANN, NOW, Request, Servers, Site, World, damaged};
use jamguard::emulator::{Endpoint, IdToken};
use jamguard::{Authenticator, CredentialSource, LoginCookies};
use std::time::Duration;

/// Tokens that can never become valid again, and the challenge to each.
fn dead(world: &World) -> [(String, &'static str); 7] {
    let good = world.token();
    [
        (world.expired_token(), EXPIRED),
        (damaged(&good), INVALID),
        (world.issue(IdToken::new(ANN).claim("iss", "https://elsewhere.example")), INVALID),
        (world.issue(IdToken::new(ANN).claim("aud", "other")), INVALID),
        (world.issue(IdToken::new(ANN).without_claim("exp")), INVALID),
        ("garbage".to_owned(), INVALID),
        ("x".repeat(20_000), INVALID),
    ]
}

#[tokio::test]
async fn an_invalid_bearer_is_refused_also_where_credentials_are_optional() {
    let world = World::new().await;
    let auth = world.auth().sources([
        CredentialSource::bearer(),
        CredentialSource::header("x-id-token"),
        CredentialSource::query("t"),
    ]);
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    for (token, challenge) in dead(&world) {
        for path in ["/hello", "/public", "/me", "/guarded", "/nowhere"] {
            for request in [
                Request::get(path).bearer(&token),
                Request::get(path).header("x-id-token", &token),
                Request::get(path).in_query("t", &token),
            ] {
                let answer = servers.ask(request).await;
                assert_eq!(answer.status, 401, "{path}");
                assert_eq!(answer.header("www-authenticate"), Some(challenge));
                assert_eq!(answer.header("set-cookie"), None);
            }
        }
    }
}

#[tokio::test]
async fn a_dead_cookie_makes_anonymous_and_is_removed() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    for (token, challenge) in dead(&world) {
        for (path, body) in [("/hello", "Hello, stranger!"), ("/public", "open")] {
            let answer = servers.ask(Request::get(path).cookie(ID, &token)).await;
            assert_eq!((answer.status, answer.text()), (200, body));
            assert_eq!(answer.all("set-cookie"), [REMOVED]);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        for path in ["/me", "/guarded", "/guarded-scope/page"] {
            let answer = servers.ask(Request::get(path).cookie(ID, &token)).await;
            assert_eq!(answer.status, 401, "{path}");
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
            assert_eq!(answer.all("set-cookie"), [REMOVED]);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    // One that lives is left alone.
    let answer = servers.ask(Request::get("/hello").cookie(ID, &world.token())).await;
    assert_eq!(answer.text(), "Hello, ann@example.com!");
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("cache-control"), None);
}

#[tokio::test]
async fn a_guard_without_the_layer_removes_it_too() {
    let world = World::new().await;
    let site = Site::new(world.auth().build().unwrap()).without_layer();
    let servers = Servers::start(site).await;
    let request = Request::get("/guarded").cookie(ID, &world.expired_token());
    let answer = servers.ask(request).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.all("set-cookie"), [REMOVED]);
}

/// Nothing is known against these tokens for good.
#[tokio::test]
async fn a_cookie_that_may_be_good_later_is_kept() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let kept = [world.unknown_key_token(), world.issue(IdToken::new(ANN).claim("nbf", NOW + 60))];
    for token in &kept {
        for (path, status) in [("/hello", 200), ("/public", 200), ("/me", 401), ("/guarded", 401)] {
            let answer = servers.ask(Request::get(path).cookie(ID, token)).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("set-cookie"), None, "{path}");
        }
    }
    // And so it is: the second becomes valid.
    world.clock.advance(Duration::from_secs(60));
    let answer = servers.ask(Request::get("/me").cookie(ID, &kept[1])).await;
    assert_eq!(answer.text(), ANN);
}

#[tokio::test]
async fn no_cookie_is_removed_because_the_issuer_is_down() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let token = world.token();
    world.emulator.fail(Endpoint::Jwks, 500);
    for path in ["/hello", "/public", "/me", "/guarded"] {
        let answer = servers.ask(Request::get(path).cookie(ID, &token)).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(answer.header("www-authenticate"), None);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    world.emulator.clear_faults();
    world.clock.advance(Duration::from_secs(1));
    let answer = servers.ask(Request::get("/me").cookie(ID, &token)).await;
    assert_eq!(answer.text(), ANN);
}

#[tokio::test]
async fn both_defaults_can_be_switched() {
    let world = World::new().await;
    let auth = world.auth().ignore_invalid_bearer().refuse_invalid_cookies();
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    for (token, challenge) in dead(&world) {
        let answer = servers.ask(Request::get("/hello").bearer(&token)).await;
        assert_eq!(answer.text(), "Hello, stranger!");
        let answer = servers.ask(Request::get("/public").cookie(ID, &token)).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
        assert_eq!(answer.all("set-cookie"), [REMOVED]);
        for path in ["/me", "/guarded"] {
            let answer = servers.ask(Request::get(path).bearer(&token)).await;
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
            let answer = servers.ask(Request::get(path).cookie(ID, &token)).await;
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
        }
    }
    // What cannot be read is no invalid token.
    for unreadable in ["two words", "tab\tin it", ""] {
        let request = Request::get("/hello").bearer(unreadable);
        assert_eq!(servers.ask(request).await.status, 400, "{unreadable:?}");
    }
    // An outage is no invalid credential.
    world.emulator.fail(Endpoint::Jwks, 500);
    world.clock.advance(Duration::from_secs(60));
    let unknown = world.unknown_key_token();
    for request in
        [Request::get("/hello").bearer(&unknown), Request::get("/hello").cookie(ID, &unknown)]
    {
        assert_eq!(servers.ask(request).await.status, 503);
    }
}

#[tokio::test]
async fn a_removal_has_the_attributes_that_the_cookie_has() {
    let world = World::new().await;
    let cases = [
        (LoginCookies::new(), ID, REMOVED),
        (
            LoginCookies::new().danger_plain_http(),
            "jam_id",
            "jam_id=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
        ),
        (
            LoginCookies::new().with_names("__Host-a", "__Host-b"),
            "__Host-a",
            "__Host-a=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
        ),
    ];
    for (cookies, name, removed) in cases {
        let auth = Authenticator::builder().jam(world.jam()).cookies(cookies).build().unwrap();
        let servers = Servers::start(Site::new(auth)).await;
        let request = Request::get("/hello").cookie(name, &world.expired_token());
        assert_eq!(servers.ask(request).await.all("set-cookie"), [removed]);
    }
}
