//! Logging out: the session ends here, and its refresh token at JAM.

use crate::jam::SESSION_REMOVED;
use crate::jam::site::Site;
use crate::support::{ANN, Request};
use jamguard::ErrorKind;
use jamguard::emulator::Endpoint;
use std::time::Duration;

#[tokio::test]
async fn a_logout_ends_the_session_and_its_refresh_token() {
    let site = Site::new().await;
    let client = site.world.client();
    for (name, mut browser) in site.browsers() {
        // The ID token is still good, or expired: then it is renewed for that.
        for later in [0, 3600] {
            let mut other = browser.clone();
            let ended = browser.log_in(&site.world).await;
            let kept = other.log_in(&site.world).await;
            site.world.clock.advance(Duration::from_secs(later));
            let mut copy = browser.clone();
            let answer = browser.post("/logout", "").await;
            assert_eq!(answer.status, 204, "{name} {later}");
            assert_eq!(answer.all("set-cookie"), [SESSION_REMOVED]);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(copy.get("/me").await.status, 401);
            let error = client.refresh(&ended).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            // Only this login ends.
            assert_eq!(other.get("/me").await.text(), ANN);
            client.refresh(&kept).await.unwrap();
            other.post("/logout", "").await;
        }
        let html = Request::post("/logout", "").header("accept", "text/html");
        let answer = browser.ask(html).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/welcome")));
        assert_eq!(answer.header("set-cookie"), None, "nobody was logged in");
    }
}

#[tokio::test]
async fn a_logout_everywhere_ends_them_all_here_and_at_jam() {
    let site = Site::new().await;
    let client = site.world.client();
    for (name, browser) in site.browsers() {
        let mut browsers = [browser.clone(), browser.clone(), browser.clone()];
        let mut refresh_tokens = Vec::new();
        for browser in &mut browsers {
            refresh_tokens.push(browser.log_in(&site.world).await);
        }
        let answer = browsers[1].post("/logout-everywhere", "").await;
        assert_eq!(
            (answer.status, answer.all("set-cookie")),
            (204, vec![SESSION_REMOVED]),
            "{name}"
        );
        for browser in &mut browsers {
            assert_eq!(browser.get("/me").await.status, 401);
            assert_eq!(browser.id, None);
        }
        for token in &refresh_tokens {
            let error = client.refresh(token).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
        }
        let nobody = browsers[0].post("/logout-everywhere", "").await;
        assert_eq!(
            (nobody.status, nobody.json()["type"].as_str()),
            (401, Some("missing_credentials"))
        );
    }
}

/// Whatever JAM says, the session is over.
#[tokio::test]
async fn the_session_ends_also_while_jam_is_down() {
    let site = Site::new().await;
    for endpoint in [Endpoint::DeleteRefreshToken, Endpoint::Refresh] {
        site.world.emulator.fail(endpoint, 503);
    }
    for (name, browser) in site.browsers() {
        for path in ["/logout", "/logout-everywhere"] {
            let mut browser = browser.clone();
            browser.log_in(&site.world).await;
            let mut copy = browser.clone();
            assert_eq!(browser.post(path, "").await.status, 204, "{name}");
            assert_eq!(copy.get("/me").await.status, 401);
        }
    }
}

/// A cookie whose session could not be ended is kept, to try again.
#[tokio::test]
async fn while_the_store_is_down_a_logout_says_so() {
    let site = Site::new().await;
    for (name, browser) in site.browsers() {
        for path in ["/logout", "/logout-everywhere"] {
            let mut browser = browser.clone();
            let refresh_token = browser.log_in(&site.world).await;
            site.store.goes_down(true);
            let answer = browser.post(path, "").await;
            assert_eq!((answer.status, answer.header("set-cookie")), (503, None), "{name}");
            site.store.goes_down(false);
            assert_eq!(browser.get("/me").await.text(), ANN);
            site.world.client().refresh(&refresh_token).await.unwrap();
            assert_eq!(browser.post(path, "").await.status, 204);
        }
    }
}

/// A renewal that was under way when the session ended does not bring it back.
#[tokio::test]
async fn no_renewal_revives_a_session() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.log_in(&site.world).await;
        site.world.clock.advance(Duration::from_secs(800));
        site.world.emulator.delay(Endpoint::Refresh, Duration::from_millis(300));
        let asked = site.world.emulator.requests(Endpoint::Refresh);
        assert_eq!(browser.get("/me").await.status, 200);
        let renewing = async || site.world.emulator.requests(Endpoint::Refresh) > asked;
        crate::support::wait::until("the renewal", renewing).await;
        assert_eq!(site.sessions.end_all(ANN).await.unwrap(), 1, "{name}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(browser.get("/me").await.status, 401);
        assert_eq!(site.sessions.count(ANN).await.unwrap(), 0);
        site.world.emulator.clear_faults();
    }
}
