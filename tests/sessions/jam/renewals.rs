//! The ID token that a session rests on is renewed while the session is used.

use crate::jam::SESSION_REMOVED;
use crate::jam::site::Site;
use crate::support::{ANN, BOB, NOW, Request};
use jamguard::TokenList;
use jamguard::emulator::Endpoint;
use jamguard::store::MemoryStore;
use std::time::{Duration, UNIX_EPOCH};
use tokio::task::JoinSet;

/// The site's ID tokens live 15 minutes: the last three are for renewing.
const FRESH: Duration = Duration::from_secs(719);

#[tokio::test]
async fn it_is_renewed_ahead_of_its_end_and_nobody_waits() {
    for at in 0..2 {
        let site = Site::new().await;
        let (name, mut browser) = site.browsers()[at].clone();
        browser.log_in(&site.world).await;
        site.world.clock.advance(FRESH);
        browser.get("/me").await;
        assert_eq!(site.world.emulator.requests(Endpoint::Refresh), 0, "{name}");
        site.world.clock.advance(Duration::from_secs(1));
        site.world.emulator.delay(Endpoint::Refresh, Duration::from_millis(300));
        // What it has is still good.
        let begun = std::time::Instant::now();
        assert_eq!(browser.get("/expires").await.text(), (NOW + 900).to_string());
        let waited = begun.elapsed();
        assert!(waited < Duration::from_millis(250), "{waited:?}");
        let fresh = (NOW + 720 + 900).to_string();
        browser.until("/expires", |answer| answer.text() == fresh).await;
        assert_eq!(site.world.emulator.requests(Endpoint::Refresh), 1);
        println!("{name}: renewed 180 s ahead, the request took {waited:?}");
        // The same session, the same cookie, the new token.
        assert_eq!(browser.get("/me").await.header("set-cookie"), None);
        let tokens = browser.get("/tokens").await;
        assert!(tokens.text().len() > 100);
    }
}

#[tokio::test]
async fn one_renewal_however_many_requests_come() {
    for expired in [false, true] {
        let site = Site::new().await;
        let mut browser = site.browsers()[0].1.clone();
        browser.log_in(&site.world).await;
        // The same session through both frameworks.
        let id = browser.id.clone();
        let browsers = site.browsers().map(|(_, mut other)| {
            other.id = id.clone();
            other
        });
        site.world.clock.advance(FRESH + Duration::from_secs(if expired { 600 } else { 1 }));
        site.world.emulator.delay(Endpoint::Refresh, Duration::from_millis(300));
        let mut requests = JoinSet::new();
        for at in 0..100 {
            let mut browser = browsers[at % 2].clone();
            requests.spawn(async move { browser.get("/me").await });
        }
        for answer in requests.join_all().await {
            assert_eq!((answer.status, answer.text()), (200, ANN));
            assert_eq!(answer.header("set-cookie"), None);
        }
        let fresh =
            |answer: &crate::support::Response| answer.text().parse::<u64>().unwrap() > NOW + 900;
        browser.until("/expires", fresh).await;
        assert_eq!(site.world.emulator.requests(Endpoint::Refresh), 1);
        println!("a session's token, expired: {expired}: 100 requests, 1 renewal");
    }
}

/// A pause longer than the token: the next request waits, because much may have happened.
#[tokio::test]
async fn after_a_pause_it_is_renewed_first() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.log_in(&site.world).await;
        browser.post("/cart", "apple").await;
        site.world.clock.advance(Duration::from_secs(3600));
        let until = browser.get("/expires").await.text().parse::<u64>().unwrap();
        assert!(until > NOW + 3600, "{name}");
        assert_eq!(browser.get("/cart").await.text(), "apple");
    }
}

#[tokio::test]
async fn what_jam_refuses_ends_the_session() {
    for expired in [false, true] {
        let site = Site::new().await;
        for (name, mut browser) in site.browsers() {
            let refresh_token = browser.log_in(&site.world).await;
            let client = site.world.client();
            let id_token = site.world.token();
            client.delete_refresh_token(&id_token, &refresh_token).await.unwrap();
            site.world.clock.advance(FRESH + Duration::from_secs(if expired { 600 } else { 1 }));
            let mut guest = browser.clone();
            if expired {
                let answer = browser.get("/me").await;
                assert_eq!(answer.status, 401, "{name}");
            }
            let ended = browser.until("/me", |answer| answer.status == 401).await;
            assert_eq!(
                ended.json()["type"],
                if expired { "missing_credentials" } else { "invalid_token" }
            );
            assert_eq!(browser.id, None, "the dead cookie is removed");
            assert_eq!(site.sessions.count(ANN).await.unwrap(), 0);
            // Where logging in is optional it is a stranger's request.
            let hello = guest.get("/hello").await;
            assert_eq!(
                (hello.text(), hello.header("set-cookie")),
                ("stranger", Some(SESSION_REMOVED))
            );
        }
    }
}

/// A refresh token that somebody planted in the redirect makes nobody of somebody else.
#[tokio::test]
async fn the_renewed_token_must_be_of_the_same_user() {
    for expired in [false, true] {
        let site = Site::new().await;
        for (name, mut browser) in site.browsers() {
            let bobs = site.world.app.refresh_token(BOB).unwrap();
            let anns = site.world.token();
            let answer = browser.arrive(&anns, Some(bobs.expose())).await;
            assert_eq!(answer.status, 303);
            assert_eq!(browser.get("/me").await.text(), ANN, "{name}");
            let later = if expired { 600 } else { 1 };
            site.world.clock.advance(FRESH + Duration::from_secs(later));
            let ended = browser.until("/hello", |answer| answer.text() != ANN).await;
            assert_eq!(ended.text(), "stranger");
            assert_eq!(browser.id, None);
        }
    }
}

/// A renewed token is younger than the login.
#[tokio::test]
async fn a_renewal_is_no_login_to_policies() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.log_in(&site.world).await;
        let before = browser.get("/expires").await.text().to_owned();
        assert_eq!(browser.get("/vault").await.text(), "gold", "{name}");
        site.world.clock.advance(FRESH + Duration::from_secs(1));
        let renewed = |answer: &crate::support::Response| answer.text() != before;
        browser.until("/expires", renewed).await;
        let refused = browser.get("/vault").await;
        let challenge = refused.header("www-authenticate").unwrap();
        assert_eq!(refused.status, 401, "{name}");
        assert!(challenge.ends_with("max_age=\"600\""), "{name} {challenge}");
        browser.log_in(&site.world).await;
        assert_eq!(browser.get("/vault").await.text(), "gold", "{name}");
    }
}

/// A login without a refresh token is a session like any other: its own timeouts end it.
#[tokio::test]
async fn without_a_refresh_token_the_sessions_own_time_counts() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.arrive(&site.world.token(), None).await;
        site.world.clock.advance(Duration::from_secs(3600));
        assert_eq!(browser.get("/me").await.text(), ANN, "{name}");
    }
    assert_eq!(site.world.emulator.requests(Endpoint::Refresh), 0);
}

/// A token of five seconds, and answers of JAM that are shared for ten.
#[tokio::test]
async fn tokens_of_a_moment_are_renewed_each_time() {
    let site = Site::new().await;
    site.world.app.set_id_token_lifetime(Duration::from_secs(5));
    let mut browser = site.browsers()[0].1.clone();
    browser.log_in(&site.world).await;
    for round in 1..=3 {
        site.world.clock.advance(Duration::from_secs(6));
        assert_eq!(browser.get("/me").await.text(), ANN, "round {round}");
        assert_eq!(site.world.emulator.requests(Endpoint::Refresh), round);
    }
}

/// JAM says no to the tokens of an earlier login, when the user has already logged in anew.
#[tokio::test]
async fn a_refusal_of_old_tokens_does_not_end_a_new_login() {
    for at in 0..2 {
        let site = Site::new().await;
        let (name, mut browser) = site.browsers()[at].clone();
        let refresh_token = browser.log_in(&site.world).await;
        let client = site.world.client();
        let id_token = site.world.token();
        let deleted = client.delete_refresh_token(&id_token, &refresh_token).await;
        deleted.unwrap();
        site.world.clock.advance(FRESH + Duration::from_secs(1));
        let delay = Duration::from_millis(300);
        site.world.emulator.delay(Endpoint::Refresh, delay);
        assert_eq!(browser.get("/me").await.text(), ANN, "{name}");
        browser.log_in(&site.world).await;
        tokio::time::sleep(2 * delay).await;
        assert_eq!(site.world.emulator.requests(Endpoint::Refresh), 1);
        assert_eq!(browser.get("/me").await.text(), ANN, "{name}");
        assert_eq!(site.sessions.count(ANN).await.unwrap(), 1, "{name}");
    }
}

/// Whom the site itself shut out is logged out, and that is no outage: for nobody.
#[tokio::test]
async fn a_denied_user_is_out_and_in_nobodys_way() {
    for at in 0..2 {
        let denied = TokenList::deny(MemoryStore::new()).build().unwrap();
        let site = Site::with(|auth| auth.deny_list(denied.clone()), |login| login).await;
        let (name, mut ann) = site.browsers()[at].clone();
        let mut bob = ann.clone();
        ann.log_in(&site.world).await;
        let (token, refresh_token) =
            (site.world.app.id_token(BOB).unwrap(), site.world.app.refresh_token(BOB).unwrap());
        bob.arrive(&token, Some(refresh_token.expose())).await;
        assert_eq!(bob.get("/me").await.text(), BOB, "{name}");
        let issuer = format!(
            "{}/{}",
            site.world.emulator.base_url().trim_end_matches('/'),
            crate::support::APP
        );
        let for_years = UNIX_EPOCH + Duration::from_secs(NOW + 100_000_000);
        denied.revoke_subject(&issuer, BOB, for_years).await.unwrap();
        // Longer than an outage's grace.
        site.world.clock.advance(Duration::from_secs(2 * 3600));
        let answer = bob.get("/me").await;
        assert_eq!((answer.status, bob.id), (401, None), "{name}");
        assert_eq!(ann.get("/me").await.text(), ANN, "{name}");
        assert_eq!(site.sessions.count(BOB).await.unwrap(), 0, "{name}");
    }
}

/// A token of the client's own does not keep a session open whose login JAM took back.
#[tokio::test]
async fn a_bearer_token_does_not_spare_a_session_its_renewal() {
    for at in 0..2 {
        let site = Site::new().await;
        let (name, mut browser) = site.browsers()[at].clone();
        let refresh_token = browser.log_in(&site.world).await;
        browser.post("/cart", "hers").await;
        let client = site.world.client();
        let id_token = site.world.token();
        let deleted = client.delete_refresh_token(&id_token, &refresh_token).await;
        deleted.unwrap();
        site.world.clock.advance(Duration::from_secs(3600));
        let own = site.world.app.id_token(BOB).unwrap();
        let answer = browser.ask(Request::get("/cart").bearer(&own)).await;
        assert_eq!((answer.status, answer.text()), (200, ""), "{name}");
        assert_eq!(browser.id, None, "{name}");
        assert_eq!(site.sessions.count(ANN).await.unwrap(), 0, "{name}");
    }
}
