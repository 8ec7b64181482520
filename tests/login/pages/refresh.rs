//! Silent refresh: an expired ID-token cookie is renewed from the refresh-token cookie.

use super::{ID, ID_REMOVED, REFRESH, REFRESH_REMOVED, kept, start, with_silent_refresh};
use crate::support::{ANN, BOB, Request, Servers, Site, World, send};
use jamguard::emulator::Endpoint;
use jamguard::{Dpop, ErrorKind, Revocation, Verified};
use std::time::Duration;
use tokio::task::JoinSet;

fn with(path: &str, id_token: &str, refresh_token: &str) -> Request {
    Request::get(path).cookie(ID, id_token).cookie(REFRESH, refresh_token)
}

/// The token of the ID cookie that an answer sets, and nothing else.
fn renewed(answer: &crate::support::Response) -> String {
    let cookies = answer.all("set-cookie");
    assert_eq!(cookies.len(), 1);
    let token = cookies[0].split(['=', ';']).nth(1).unwrap().to_owned();
    assert_eq!(cookies[0], kept(ID, &token));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    token
}

#[tokio::test]
async fn an_expired_cookie_is_renewed() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let old = world.token();
    world.clock.advance(Duration::from_secs(3600));
    // Before any key was fetched, and afterwards.
    for path in ["/me", "/guarded-scope/me", "/me"] {
        let answer = servers.ask(with(path, &old, &world.refresh_token())).await;
        assert_eq!(answer.text(), ANN);
        let new = renewed(&answer);
        let answer = servers.ask(Request::get("/me").cookie(ID, &new)).await;
        assert_eq!(answer.text(), ANN);
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn a_renewed_cookie_is_refused_where_dpop_is_required() {
    let world = World::new().await;
    let dpop = Dpop::builder().public_url("https://api.example").required().build().unwrap();
    let servers = start(&world, |auth| auth.dpop(dpop).silent_refresh(world.client())).await;
    let answer = servers.ask(Request::get("/me").cookie(ID, &world.token())).await;
    assert_eq!(answer.status, 401);
    let request = with("/me", &world.expired_token(), &world.refresh_token());
    // Before any key was fetched, and afterwards.
    for _ in 0..2 {
        let answer = servers.ask(request.clone()).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, Some(ID_REMOVED)));
    }
}

/// Refresh tokens can be invented: without a genuine expired ID token none reaches JAM.
#[tokio::test]
async fn a_refresh_token_alone_causes_no_request() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let refresh_token = world.refresh_token();
    for request in [
        Request::get("/me").cookie(REFRESH, &refresh_token),
        with("/me", "garbage", &refresh_token),
        with("/me", &crate::support::damaged(&world.expired_token()), &refresh_token),
    ] {
        assert_eq!(servers.ask(request).await.status, 401);
    }
    assert_eq!(world.emulator.requests(Endpoint::Refresh), 0);
}

#[tokio::test]
async fn one_refresh_however_many_requests_come() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let request = with("/me", &world.expired_token(), &world.refresh_token());
    world.emulator.delay(Endpoint::Refresh, Duration::from_millis(300));
    let mut requests = JoinSet::new();
    for at in 0..100 {
        let (_, address) = servers.each()[at % 2];
        let request = request.clone();
        requests.spawn(async move { send(address, &request).await });
    }
    let mut tokens = Vec::new();
    for answer in requests.join_all().await {
        assert_eq!((answer.status, answer.text()), (200, ANN));
        tokens.push(renewed(&answer));
    }
    assert_eq!(tokens.len(), 100);
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "all got the same token");
    assert_eq!(world.emulator.requests(Endpoint::Refresh), 1);
    println!("silent refresh: 100 concurrent requests, 1 refresh at JAM");

    // Another user's is another refresh.
    let request = with("/me", &world.expired_token(), &world.refresh_token());
    servers.ask(request).await;
    assert_eq!(world.emulator.requests(Endpoint::Refresh), 2);
}

/// The client goes away before JAM answered; who comes next gets the same answer.
#[tokio::test]
async fn a_refresh_survives_the_request_that_caused_it() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    world.emulator.delay(Endpoint::Refresh, Duration::from_millis(300));
    for (at, (_, address)) in servers.each().into_iter().enumerate() {
        let request = with("/me", &world.expired_token(), &world.refresh_token());
        let gone = crate::support::open(address, &request.bytes()).await;
        let arrived = at as u64 + 1;
        let refreshing = async || world.emulator.requests(Endpoint::Refresh) >= arrived;
        crate::support::wait::until("the refresh", refreshing).await;
        drop(gone);
        assert_eq!(send(address, &request).await.text(), ANN);
        assert_eq!(world.emulator.requests(Endpoint::Refresh), arrived);
    }
}

/// One expired ID token, and as many invented refresh tokens as you like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invented_refresh_tokens_are_a_bounded_number_of_calls() {
    const CROWD: usize = 1_000;
    const PARALLEL: u64 = 64;
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let expired = world.expired_token();
    // The keys are there.
    servers.ask(Request::get("/me").cookie(ID, &expired)).await;
    world.emulator.delay(Endpoint::Refresh, Duration::from_secs(60));
    let begun = std::time::Instant::now();
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let request = with("/public", &expired, &format!("invented-{number}"));
        let address = servers.axum;
        crowd.spawn(async move { send(address, &request).await });
    }
    // Not known to be refused, so no cookie goes.
    while let Some(answer) = crowd.join_next().await {
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.header("set-cookie")), (503, None));
    }
    // None is answered by JAM: each holds its place for half of its deadline of ten seconds.
    let took = begun.elapsed();
    let rounds = took.as_secs() / 5 + 1;
    let calls = world.emulator.requests(Endpoint::Refresh);
    assert!(
        (PARALLEL..=rounds * PARALLEL).contains(&calls) && calls < CROWD as u64 / 2,
        "{calls} calls in {took:?}"
    );
    println!("silent refresh: {CROWD} invented tokens at once, {calls} calls in {took:?}");
}

#[tokio::test]
async fn a_refused_refresh_removes_both_cookies() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let ended = world.refresh_token();
    world.client().delete_refresh_token(&world.token(), &ended).await.unwrap();
    let expired = world.expired_token();
    for (path, status) in [("/me", 401), ("/guarded", 401), ("/hello", 200), ("/public", 200)] {
        let answer = servers.ask(with(path, &expired, &ended)).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.all("set-cookie"), [ID_REMOVED, REFRESH_REMOVED]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn while_jam_is_down_the_cookies_are_kept() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let (expired, refresh_token) = (world.expired_token(), world.refresh_token());
    for status in [500, 503, 429] {
        world.emulator.fail(Endpoint::Refresh, status);
        for path in ["/me", "/guarded", "/hello", "/public"] {
            let answer = servers.ask(with(path, &expired, &refresh_token)).await;
            assert_eq!(answer.status, 503, "{path}");
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    world.emulator.clear_faults();
    let answer = servers.ask(with("/me", &expired, &refresh_token)).await;
    assert_eq!(answer.text(), ANN);
}

#[tokio::test]
async fn it_is_off_by_default() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let request = with("/me", &world.expired_token(), &world.refresh_token());
    let answer = servers.ask(request).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.all("set-cookie"), [ID_REMOVED]);
    let alone = Request::get("/me").cookie(REFRESH, &world.refresh_token());
    assert_eq!(servers.ask(alone).await.status, 401);
    assert_eq!(world.emulator.requests(Endpoint::Refresh), 0);
}

/// Only the login's own cookie is renewed, and only when it is expired.
#[tokio::test]
async fn nothing_else_is_refreshed() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let (expired, refresh_token) = (world.expired_token(), world.refresh_token());
    let bearer = Request::get("/me").bearer(&expired).cookie(REFRESH, &refresh_token);
    let answer = servers.ask(bearer).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("set-cookie"), None);
    let both = with("/me", &expired, &refresh_token).bearer(&expired);
    assert_eq!(servers.ask(both).await.status, 401);
    for id_token in
        [crate::support::damaged(&world.token()), world.unknown_key_token(), "garbage".into()]
    {
        let answer = servers.ask(with("/me", &id_token, &refresh_token)).await;
        assert_eq!(answer.status, 401);
    }
    let answer = servers.ask(with("/me", &world.token(), &refresh_token)).await;
    assert_eq!(answer.text(), ANN);
    // Which of two? A public page opens all the same.
    let two = |path| with(path, &expired, "a").cookie(REFRESH, "b");
    assert_eq!(servers.ask(two("/hello")).await.text(), "Hello, stranger!");
    assert_eq!(servers.ask(two("/guarded")).await.status, 401);
    assert_eq!(world.emulator.requests(Endpoint::Refresh), 0);

    let error = jamguard::Authenticator::builder()
        .jam(world.jam())
        .silent_refresh(world.client())
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

struct AllRevoked;

impl Revocation for AllRevoked {
    fn is_revoked(&self, _: &Verified) -> bool {
        true
    }
}

/// A token that was taken back is not renewed once it is expired as well.
#[tokio::test]
async fn a_revoked_token_is_not_renewed() {
    let world = World::new().await;
    let auth = jamguard::Authenticator::builder()
        .jam(world.jam().revocation(AllRevoked))
        .cookies(jamguard::LoginCookies::new())
        .silent_refresh(world.client())
        .build()
        .unwrap();
    let servers = Servers::start(Site::new(auth)).await;
    let request = with("/me", &world.expired_token(), &world.refresh_token());
    let answer = servers.ask(request).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.all("set-cookie"), [ID_REMOVED]);
    assert_eq!(world.emulator.requests(Endpoint::Refresh), 0);
}

/// A refresh token that somebody planted beside an old login does not log in as its owner.
#[tokio::test]
async fn the_renewed_token_must_be_of_the_same_user() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    let bobs = world.app.refresh_token(BOB).unwrap();
    let expired = world.expired_token();
    for (path, status) in [("/me", 401), ("/guarded", 401), ("/hello", 200)] {
        let answer = servers.ask(with(path, &expired, bobs.expose())).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text().contains(BOB), "{path}");
        assert_eq!(answer.all("set-cookie"), [ID_REMOVED, REFRESH_REMOVED]);
    }
    let answer = servers.ask(with("/me", &expired, &world.refresh_token())).await;
    assert_eq!(answer.text(), ANN);
}
