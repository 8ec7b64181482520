//! Concurrent refreshes of the tokens that a session keeps share one request.

use crate::login::site::*;
use crate::support::gate::Gate;
use crate::support::issuer::{Answer, until};
use jamguard::store::{MemoryStore, Record, Store, StoreFuture};
use jamguard::{Error, ErrorKind, OAuth2Login};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

fn refreshed(number: u32) -> String {
    json!({
        "access_token": format!("access-{number}"), "token_type": "Bearer", "expires_in": 3600,
        "refresh_token": format!("refresh-{number}"),
    })
    .to_string()
}

const ALMOST: Duration = Duration::from_secs(3539);
const SECOND: Duration = Duration::from_secs(1);

async fn token(browser: &Browser) -> (u16, String) {
    let answer = browser.clone().get("/tokens").await;
    (answer.status, answer.text().to_owned())
}

fn is(number: u32) -> (u16, String) {
    (200, format!("access-{number}"))
}

/// A store that counts its calls, and refuses changes while `is_stuck` is set.
#[derive(Default)]
struct Counted {
    store: MemoryStore,
    is_stuck: AtomicBool,
    reads: AtomicUsize,
    changes: AtomicUsize,
    refused: AtomicUsize,
}

impl Counted {
    fn count(counter: &AtomicUsize) -> usize {
        counter.load(Ordering::SeqCst)
    }
}

impl Store for Counted {
    passes_on!(store: insert remove owned remove_owned purge);

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.store.get(key)
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            if self.is_stuck.load(Ordering::SeqCst) {
                self.refused.fetch_add(1, Ordering::SeqCst);
                return Err(Error::new(ErrorKind::Unavailable, "the store is down"));
            }
            let replaced = self.store.replace(key, version, value, ttl).await;
            self.changes.fetch_add(1, Ordering::SeqCst);
            replaced
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_of_a_session_refresh_once() {
    const REQUESTS: usize = 50;
    let store = Arc::new(Counted::default());
    let world = World::over(store.clone()).await;
    let browser = world.logged_in(world.servers.axum).await;
    world.idp.clock.advance(ALMOST);
    assert_eq!(token(&browser).await, is(1));
    assert_eq!(world.idp.asked(), 1, "the login alone");
    let gate = Gate::closed();
    world.idp.answers(Answer::Held(gate.clone(), refreshed(2).into()));
    world.idp.clock.advance(SECOND);
    let reads = Counted::count(&store.reads);
    let asked: Vec<_> = (0..REQUESTS)
        .map(|place| {
            let mut browser = browser.clone();
            browser.address = world.servers.each()[place % 2].1;
            tokio::spawn(async move { token(&browser).await })
        })
        .collect();
    until("all have read the session", || Counted::count(&store.reads) >= reads + REQUESTS).await;
    gate.until_waiting(1).await;
    gate.open();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), is(2));
    }
    println!("{REQUESTS} requests with a due token: {} refresh", world.idp.asked() - 1);
    assert_eq!(world.idp.asked(), 2);
    // The session keeps it, and the next refresh is by the new refresh token.
    world.idp.answers(Answer::ok(refreshed(3)));
    assert_eq!(token(&browser).await, is(2));
    world.idp.clock.advance(ALMOST + SECOND);
    assert_eq!(token(&browser).await, is(3));
    let sent = world.idp.last_token_request();
    assert!(sent.contains("refresh_token=refresh-2"), "{sent}");
}

/// Two processes with one store: whoever was second finds what the first one got.
#[tokio::test]
async fn another_process_finds_the_new_tokens() {
    let store = Arc::new(MemoryStore::new());
    let here = World::over(store.clone()).await;
    let client = here.idp.client();
    let auth = authenticator(&here.idp, store);
    let login = es256(OAuth2Login::builder(&auth, client.clone()), &client).build().unwrap();
    let there = serve(&auth, &login, &client).await;
    let browser = here.logged_in(here.servers.axum).await;
    here.idp.clock.advance(ALMOST + SECOND);
    here.idp.answers(Answer::ok(refreshed(2)));
    assert_eq!(token(&browser).await, is(2));
    // The old refresh token is dead now, as rotation wants it.
    here.idp.answers(Answer::ok(r#"{"error":"invalid_grant"}"#));
    let mut elsewhere = browser.clone();
    elsewhere.address = there.axum;
    assert_eq!(token(&elsewhere).await, is(2));
    assert_eq!(here.idp.asked(), 2);
}

/// A request that found the session before another process refreshed its tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_came_before_another_process_refreshed() {
    for framework in 0..2 {
        let store = Arc::new(MemoryStore::new());
        let here = World::over(store.clone()).await;
        let client = here.idp.client();
        let auth = authenticator(&here.idp, store);
        let login = es256(OAuth2Login::builder(&auth, client.clone()), &client);
        let there = serve(&auth, &login.build().unwrap(), &client).await;
        let browser = here.logged_in(here.servers.axum).await;
        here.idp.clock.advance(ALMOST + SECOND);
        here.idp.answers(Answer::ok(refreshed(2)));
        let mut early = browser.clone();
        early.address = there.each()[framework].1;
        LATE.close();
        let early = tokio::spawn(async move { early.get("/late-tokens").await });
        LATE.until_waiting(1).await;
        assert_eq!(token(&browser).await, is(2));
        here.idp.answers(Answer::ok(r#"{"error":"invalid_grant"}"#));
        LATE.open();
        let early = early.await.unwrap();
        assert_eq!((early.status, early.text().to_owned()), is(2));
    }
}

/// The client is gone before the provider answers: rotation has used the old refresh token up, and the
/// session must not be left with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_given_up_loses_no_refresh_token() {
    for framework in 0..2 {
        let store = Arc::new(Counted::default());
        let here = World::over(store.clone()).await;
        let client = here.idp.client();
        let auth = authenticator(&here.idp, store.clone());
        let login = es256(OAuth2Login::builder(&auth, client.clone()), &client);
        // Another process shares nothing but the store.
        let there = serve(&auth, &login.build().unwrap(), &client).await;
        let browser = here.logged_in(here.servers.each()[framework].1).await;
        here.idp.clock.advance(ALMOST + SECOND);
        let gate = Gate::closed();
        here.idp.answers(Answer::Held(gate.clone(), refreshed(2).into()));
        let mut leaving = browser.clone();
        let given_up = tokio::spawn(async move { leaving.get("/watched-tokens").await });
        gate.until_waiting(1).await;
        UNDER_WAY.until_waiting(1).await;
        given_up.abort();
        assert!(given_up.await.is_err_and(|error| error.is_cancelled()));
        // actix-web runs the handler to its end.
        if framework == 0 {
            UNDER_WAY.until_waiting(0).await;
        }
        let changes = Counted::count(&store.changes);
        gate.open();
        until("the tokens are saved", || Counted::count(&store.changes) > changes).await;
        here.idp.answers(Answer::ok(r#"{"error":"invalid_grant"}"#));
        let mut elsewhere = browser.clone();
        elsewhere.address = there.axum;
        assert_eq!(token(&elsewhere).await, is(2));
        assert_eq!(here.idp.asked(), 2);
    }
}

/// The store is down just when the new tokens came, and the provider takes the old ones no more.
#[tokio::test]
async fn new_tokens_outlast_an_outage_of_the_store() {
    let store = Arc::new(Counted::default());
    let here = World::over(store.clone()).await;
    let client = here.idp.client();
    let auth = authenticator(&here.idp, store.clone());
    let login = es256(OAuth2Login::builder(&auth, client.clone()), &client);
    let there = serve(&auth, &login.build().unwrap(), &client).await;
    let browser = here.logged_in(here.servers.axum).await;
    here.idp.clock.advance(ALMOST + SECOND);
    here.idp.answers(Answer::ok(refreshed(2)));
    store.is_stuck.store(true, Ordering::SeqCst);
    assert_eq!(token(&browser).await, is(2));
    here.idp.answers(Answer::ok(r#"{"error":"invalid_grant"}"#));
    let refused = Counted::count(&store.refused);
    until("it was tried again", || Counted::count(&store.refused) > refused).await;
    let changes = Counted::count(&store.changes);
    store.is_stuck.store(false, Ordering::SeqCst);
    until("the tokens are saved", || Counted::count(&store.changes) > changes).await;
    let mut elsewhere = browser.clone();
    elsewhere.address = there.axum;
    assert_eq!(token(&elsewhere).await, is(2));
    assert_eq!(here.idp.asked(), 2);
}

/// Two processes refresh at once, and the provider refuses the second before the first has its answer.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_is_faster_and_not_done_yet() {
    for framework in 0..2 {
        let store = Arc::new(MemoryStore::new());
        let here = World::over(store.clone()).await;
        let client = here.idp.client();
        let auth = authenticator(&here.idp, store);
        let login = es256(OAuth2Login::builder(&auth, client.clone()), &client);
        let there = serve(&auth, &login.build().unwrap(), &client).await;
        let browser = here.logged_in(here.servers.axum).await;
        here.idp.clock.advance(ALMOST + SECOND);
        let gate = Gate::closed();
        here.idp.answers(Answer::Held(gate.clone(), refreshed(2).into()));
        let first = browser.clone();
        let first = tokio::spawn(async move { token(&first).await });
        gate.until_waiting(1).await;
        here.idp.answers(Answer::ok(r#"{"error":"invalid_grant"}"#));
        let mut second = browser.clone();
        second.address = there.each()[framework].1;
        let second = tokio::spawn(async move { token(&second).await });
        until("the second refresh", || here.idp.asked() == 3).await;
        gate.open();
        assert_eq!(second.await.unwrap(), is(2));
        assert_eq!(first.await.unwrap(), is(2));
        assert_eq!(here.idp.asked(), 3);
    }
}

#[tokio::test]
async fn while_the_provider_is_down_the_old_token_serves_until_it_expires() {
    let world = World::new().await;
    let browser = world.logged_in(world.servers.actix).await;
    world.idp.answers(Answer::status(503));
    world.idp.clock.advance(ALMOST + SECOND);
    assert_eq!(token(&browser).await, is(1));
    world.idp.clock.advance(59 * SECOND);
    assert_eq!(token(&browser).await, is(1));
    world.idp.clock.advance(SECOND);
    assert_eq!(token(&browser).await.0, 503);
    // The session is not at fault, and goes on.
    assert_eq!(browser.clone().user().await, "Some(\"company:1102\") 0");
    world.idp.answers(Answer::ok(refreshed(2)));
    assert_eq!(token(&browser).await, is(2));
}

#[tokio::test]
async fn a_refresh_token_that_is_refused_needs_a_new_login() {
    let world = World::new().await;
    let browser = world.logged_in(world.servers.axum).await;
    world.idp.clock.advance(ALMOST + SECOND);
    world.idp.answers(Answer::ok(r#"{"error":"invalid_grant"}"#));
    assert_eq!(token(&browser).await.0, 401);
    assert_eq!(token(&browser).await.0, 401);
    assert_eq!(world.idp.asked(), 2);
    let browser = world.logged_in(world.servers.axum).await;
    assert_eq!(token(&browser).await, is(1));
}

#[tokio::test]
async fn without_a_refresh_token_the_access_token_serves_until_it_expires() {
    let world = World::new().await;
    let (mut browser, begun) = world.begin(world.servers.axum).await;
    let id_token = jamguard::testing::mint(&world.idp.key, &world.idp.claims(begun.value("nonce")));
    let tokens = json!({
        "access_token": "access-1", "expires_in": 3600, "id_token": id_token.unwrap(),
    });
    world.idp.answers(Answer::ok(tokens.to_string()));
    assert_eq!(browser.callback(&begun.query(&world.idp)).await.status, 303);
    world.idp.clock.advance(Duration::from_secs(3599));
    assert_eq!(token(&browser).await, is(1));
    world.idp.clock.advance(SECOND);
    assert_eq!(token(&browser).await.0, 401);
    assert_eq!(world.idp.asked(), 1);
}

/// A refresh is nobody's write of the session's data: it makes no conflicts, and loses no data.
#[tokio::test]
async fn a_refresh_loses_no_data() {
    let world = World::new().await;
    let mut browser = world.logged_in(world.servers.axum).await;
    browser.get("/count").await;
    world.idp.clock.advance(ALMOST + SECOND);
    world.idp.answers(Answer::ok(refreshed(2)));
    assert_eq!(token(&browser).await, is(2));
    browser.get("/count").await;
    assert_eq!(browser.user().await, "Some(\"company:1102\") 2");
    assert_eq!(token(&browser).await, is(2));
}

/// Tokens of one provider are not another's, and a guest has none.
#[tokio::test]
async fn tokens_are_of_a_login_at_that_provider() {
    let store = Arc::new(MemoryStore::new());
    let world = World::over(store.clone()).await;
    let browser = world.logged_in(world.servers.axum).await;
    let other = world.idp.plain_client();
    let auth = authenticator(&world.idp, store);
    let login = es256(OAuth2Login::builder(&auth, world.client.clone()), &world.client);
    let servers = serve(&auth, &login.build().unwrap(), &other).await;
    let mut elsewhere = browser.clone();
    elsewhere.address = servers.axum;
    assert_eq!(elsewhere.user().await, "Some(\"company:1102\") 0");
    assert_eq!(token(&elsewhere).await.0, 401);
    let mut guest = Browser::new(world.servers.axum);
    guest.get("/count").await;
    assert_eq!(token(&guest).await.0, 401);
    assert_eq!(token(&Browser::new(world.servers.axum)).await.0, 401);
}
