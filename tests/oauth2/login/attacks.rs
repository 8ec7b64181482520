//! Attack 31 of `docs/attacks.md` at the handlers, through both frameworks.

use crate::login::site::*;
use crate::support::every_store::on_every_store;
use crate::support::issuer::{Answer, Server};
use jamguard::oauth2::OAuth2ClientBuilder;
use jamguard::store::MemoryStore;
use jamguard::{OAuth2Login, OAuth2User};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A refused callback leaves nobody logged in, and does not ask the provider.
#[track_caller]
fn refused(browser: &Browser, status: u16, expected: u16) {
    assert_eq!(status, expected);
    assert!(!browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn attack_31_state_missing_or_wrong() {
    let world = World::new().await;
    for (place, (_, address)) in world.servers.each().into_iter().enumerate() {
        let (mut browser, begun) = world.begin(address).await;
        let state = begun.state();
        let iss = world.idp.server.url("");
        for query in [
            format!("code={CODE}&iss={iss}"),
            format!("code={CODE}&state=&iss={iss}"),
            format!("code={CODE}&state={}&iss={iss}", &state[1..]),
            format!("code={CODE}&state={state}x&iss={iss}"),
            format!("code={CODE}&state={}&iss={iss}", "a".repeat(43)),
            format!("code={CODE}&state={state}&state={state}&iss={iss}"),
            format!("code={CODE}&state={}&iss={iss}", "a".repeat(6000)),
            format!("code={CODE}&state=..%2F{state}&iss={iss}"),
            format!("error=access_denied&iss={iss}"),
        ] {
            let answer = browser.callback(&query).await;
            refused(&browser, answer.status, 400);
        }
        assert_eq!(world.idp.asked(), place);
        // None of it used the login up.
        assert_eq!(browser.callback(&begun.query(&world.idp)).await.status, 303);
    }
}

#[tokio::test]
async fn attack_31_state_reused() {
    let world = World::new().await;
    for (place, (_, address)) in world.servers.each().into_iter().enumerate() {
        let (mut browser, begun) = world.begin(address).await;
        let query = begun.query(&world.idp);
        assert_eq!(browser.callback(&query).await.status, 303);
        browser.cookies.remove(SESSION);
        for _ in 0..3 {
            let answer = browser.callback(&query).await;
            refused(&browser, answer.status, 400);
        }
        assert_eq!(world.idp.asked(), place + 1);
        // What the provider refused is used up as well.
        let (mut browser, begun) = world.begin(address).await;
        let denied = format!("error=access_denied&{}", begun.query(&world.idp));
        let answer = browser.callback(&denied).await;
        refused(&browser, answer.status, 403);
        let answer = browser.callback(&begun.query(&world.idp)).await;
        refused(&browser, answer.status, 400);
        assert_eq!(world.idp.asked(), place + 1);
    }
}

/// Many callbacks with one state at once, over every kind of store, through two servers.
#[tokio::test(flavor = "multi_thread")]
async fn attack_31_state_reused_in_parallel() {
    on_every_store(async |name, store| {
        let world = World::over(store).await;
        let (browser, begun) = world.begin(world.servers.axum).await;
        let query = begun.query(&world.idp);
        let asked: Vec<_> = (0..100)
            .map(|place| {
                let (mut browser, query) = (browser.clone(), query.clone());
                browser.address = world.servers.each()[place % 2].1;
                tokio::spawn(async move { browser.callback(&query).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for asked in asked {
            statuses.push(asked.await.unwrap());
        }
        let of = |status| statuses.iter().filter(|found| **found == status).count();
        println!("100 callbacks with one state, {name}: {} login", of(303));
        assert_eq!((of(303), of(400)), (1, 99), "{name}: {statuses:?}");
        assert_eq!(world.idp.asked(), 1, "{name}");
    })
    .await;
}

/// Login CSRF: an attacker's callback in a victim's browser, and a stolen callback in an attacker's.
#[tokio::test]
async fn attack_31_state_from_another_session() {
    let world = World::new().await;
    for (_, address) in world.servers.each() {
        let asked = world.idp.asked();
        let (mut attacker, begun) = world.begin(address).await;
        let query = begun.query(&world.idp);
        // A browser that began nothing, and one that began something else.
        let mut victim = Browser::new(address);
        let answer = victim.callback(&query).await;
        refused(&victim, answer.status, 400);
        victim.begin("").await;
        let answer = victim.callback(&query).await;
        refused(&victim, answer.status, 400);
        // Two cookies of the name, of which one is right.
        let cookies = format!(
            "{0}={1}; {0}={2}",
            BROWSER, victim.cookies[BROWSER], attacker.cookies[BROWSER]
        );
        let request =
            crate::support::Request::get(&format!("/callback?{query}")).header("cookie", cookies);
        let answer = crate::support::send(address, &request).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (400, None));
        assert_eq!(world.idp.asked(), asked);
        // The login is still that of whoever began it.
        assert_eq!(attacker.callback(&query).await.status, 303);
    }
}

/// Mix-up: what one provider sends back does not arrive at another's callback, though both logins are
/// of one browser and one store, and leaves the login at the right one as it was.
#[tokio::test]
async fn attack_31_state_from_another_provider() {
    let store = Arc::new(MemoryStore::new());
    let world = World::over(store.clone()).await;
    let (auth, other) = (authenticator(&world.idp, store), world.idp.plain_client());
    let login = OAuth2Login::builder(&auth, other.clone())
        .user(|_| async { Ok(OAuth2User::new("hub:1")) })
        .build()
        .unwrap();
    let hub = serve(&auth, &login, &other).await;
    for (place, (_, address)) in world.servers.each().into_iter().enumerate() {
        let (mut browser, begun) = world.begin(address).await;
        let query = begun.query(&world.idp);
        browser.address = hub.each()[place].1;
        let theirs = browser.begin("").await;
        for query in [&query, &query.replace("&iss=", "&x=")] {
            let answer = browser.callback(query).await;
            refused(&browser, answer.status, 400);
        }
        browser.address = address;
        let answer = browser.callback(&theirs.query(&world.idp)).await;
        refused(&browser, answer.status, 400);
        assert_eq!(world.idp.asked(), place);
        assert_eq!(browser.callback(&query).await.status, 303);
    }
}

#[tokio::test]
async fn attack_31_a_login_that_took_too_long() {
    let world = World::new().await;
    let (mut browser, begun) = world.begin(world.servers.axum).await;
    world.idp.clock.advance(Duration::from_secs(600));
    let answer = browser.callback(&begun.query(&world.idp)).await;
    refused(&browser, answer.status, 400);
    assert_eq!(world.idp.asked(), 0);
}

/// The verifier that is sent is that of the challenge which the browser carried.
#[tokio::test]
async fn attack_31_pkce_downgrade() {
    let world = World::new().await;
    for (_, address) in world.servers.each() {
        // What a request says changes nothing.
        let mut browser = Browser::new(address);
        let wanted = "?code_challenge_method=plain&code_challenge=x&state=y&nonce=z";
        let begun = browser.begin(wanted).await;
        assert_eq!(begun.value("code_challenge_method"), Some("S256"));
        assert_eq!(begun.state().len(), 43);
        world.idp.gives(Some(&world.idp.claims(begun.value("nonce"))));
        let query = format!("{}&code_verifier=x", begun.query(&world.idp));
        assert_eq!(browser.callback(&query).await.status, 303);
        let request = world.idp.last_token_request();
        let form = request.split_once("\r\n\r\n").unwrap().1;
        let verifier = url::form_urlencoded::parse(form.as_bytes())
            .find(|(name, _)| name == "code_verifier")
            .map(|(_, value)| value.into_owned());
        let pkce = jamguard::oauth2::Pkce::from_verifier(verifier.unwrap()).unwrap();
        assert_eq!(begun.value("code_challenge"), Some(&*pkce.challenge()));
    }
}

#[tokio::test]
async fn attack_31_wrong_iss() {
    let world = World::new().await;
    for (_, address) in world.servers.each() {
        let asked = world.idp.asked();
        for iss in ["", "&iss=", "&iss=https%3A%2F%2Fevil.example"] {
            let (mut browser, begun) = world.begin(address).await;
            let query = format!("code={CODE}&state={}{iss}", begun.state());
            let answer = browser.callback(&query).await;
            refused(&browser, answer.status, 400);
        }
        assert_eq!(world.idp.asked(), asked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_31_what_a_token_endpoint_may_answer() {
    let quick = |client: OAuth2ClientBuilder| client.timeout(Duration::from_millis(1500));
    let world = World::with(Arc::new(MemoryStore::new()), quick).await;
    let elsewhere = Server::start().await;
    for (_, address) in world.servers.each() {
        for (what, answer, status) in [
            ("a redirect", Answer::status(307).with("location", elsewhere.url("/token")), 502),
            ("nothing", Answer::Hang, 503),
            ("a byte a second", Answer::Drip(vec![b' '; 100]), 503),
            ("200 with error", Answer::ok(r#"{"error":"invalid_grant"}"#), 401),
            ("200 with error", Answer::ok(r#"{"error":"invalid_client"}"#), 500),
            ("200 with error", Answer::ok(r#"{"error":"access_denied"}"#), 403),
            ("HTML", Answer::ok("<!doctype html>"), 502),
            ("100 MB", Answer::Huge, 502),
            ("no end", Answer::Endless, 502),
            ("half an answer", Answer::CutOff(b"{}".to_vec()), 503),
        ] {
            let (mut browser, begun) = world.begin(address).await;
            world.idp.answers(answer);
            let started = Instant::now();
            let answer = browser.callback(&begun.query(&world.idp)).await;
            assert!(started.elapsed() < Duration::from_secs(10), "{what}");
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            refused(&browser, answer.status, status);
            // The browser learns no more than that.
            for secret in [CODE, begun.state(), "a secret of the site's", "invalid_grant"] {
                assert!(!answer.comparable().contains(secret), "{what}");
            }
        }
    }
    assert_eq!(elsewhere.hits(), 0);
}

/// A dump of the store has no state that could be used, nor a browser's text.
#[tokio::test]
async fn a_dump_of_the_store_begins_no_login() {
    use jamguard::store::{NewRecord, Record, Store, StoreFuture};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Noting(MemoryStore, Mutex<Vec<u8>>);

    impl Store for Noting {
        fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
            self.0.get(key)
        }
        fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
            // What nobody comes back for is gone in time.
            assert_eq!(record.ttl, Some(Duration::from_secs(600)));
            let mut dump = self.1.lock().unwrap();
            dump.extend_from_slice(key.as_bytes());
            dump.extend_from_slice(&record.value);
            drop(dump);
            self.0.insert(key, record)
        }
        fn replace<'a>(
            &'a self,
            key: &'a str,
            version: u64,
            value: Vec<u8>,
            ttl: Option<Duration>,
        ) -> StoreFuture<'a, Option<u64>> {
            self.0.replace(key, version, value, ttl)
        }
        fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
            self.0.remove(key)
        }
        fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
            self.0.owned(owner)
        }
        fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
            self.0.remove_owned(owner)
        }
        fn purge(&self) -> StoreFuture<'_, u64> {
            self.0.purge()
        }
    }

    let store = Arc::new(Noting::default());
    let world = World::over(store.clone()).await;
    let (browser, begun) = world.begin(world.servers.axum).await;
    let dump = String::from_utf8(store.1.lock().unwrap().clone()).unwrap();
    assert!(dump.contains("oauth2/company/"), "{dump}");
    for secret in [begun.state(), &browser.cookies[BROWSER]] {
        assert!(!dump.contains(secret), "{dump}");
    }
}

/// A client that begins logins without end uses up a part of the store: other logins go on.
#[tokio::test]
async fn logins_that_strangers_begin_leave_room_for_sessions() {
    for framework in 0..2 {
        let store = MemoryStore::builder().max_bytes(200_000).build().unwrap();
        let world = World::over(Arc::new(store)).await;
        let (_, address) = world.servers.each()[framework];
        let (mut browser, begun) = world.begin(address).await;
        let mut stranger = Browser::new(address);
        let mut logins = 0;
        while stranger.get("/login").await.status == 303 {
            logins += 1;
            stranger.cookies.clear();
            assert!(logins < 1000, "the store is full by now");
        }
        assert_eq!(browser.callback(&begun.query(&world.idp)).await.status, 303);
    }
}
