//! JAM is down: sessions go on, for as long as that can be answered for.

use crate::jam::site::Site;
use crate::support::ANN;
use jamguard::emulator::Endpoint;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn sessions_go_on_for_the_grace_and_wait_after_it() {
    let site = Site::with(|auth| auth.outage_grace(10 * MINUTE), |login| login).await;
    let mut browsers = site.browsers();
    for (_, browser) in &mut browsers {
        browser.log_in(&site.world).await;
    }
    site.world.emulator.fail(Endpoint::Refresh, 503);
    for (minutes, status) in [(14, 200), (2, 200), (8, 200), (2, 503), (60, 503)] {
        site.world.clock.advance(minutes * MINUTE);
        for (name, browser) in &mut browsers {
            for path in ["/me", "/hello"] {
                let answer = browser.get(path).await;
                assert_eq!(answer.status, status, "{name} {path} after {minutes} more minutes");
                assert_eq!(answer.header("set-cookie"), None, "the cookie is kept");
                if status == 503 {
                    assert!(answer.header("retry-after").is_some());
                    assert_eq!(answer.header("www-authenticate"), None);
                } else {
                    assert_eq!(answer.text(), ANN);
                }
            }
        }
    }
    // And back, as soon as JAM is.
    site.world.emulator.clear_faults();
    site.world.clock.advance(Duration::from_secs(6));
    for (name, browser) in &mut browsers {
        assert_eq!(browser.get("/me").await.text(), ANN, "{name}");
    }
}

/// Not every request finds out by waiting that JAM does not answer.
#[tokio::test]
async fn one_request_in_five_seconds_asks() {
    let site = Site::new().await;
    let mut browser = site.browsers()[0].1.clone();
    browser.log_in(&site.world).await;
    site.world.clock.advance(20 * MINUTE);
    site.world.emulator.fail(Endpoint::Refresh, 503);
    for _ in 0..50 {
        assert_eq!(browser.get("/me").await.text(), ANN);
    }
    assert_eq!(site.world.emulator.requests(Endpoint::Refresh), 1);
    site.world.clock.advance(Duration::from_secs(5));
    browser.get("/me").await;
    assert_eq!(site.world.emulator.requests(Endpoint::Refresh), 2);
}

/// The tokens cannot be written: nothing is lost by that.
#[tokio::test]
async fn while_the_store_is_down_nothing_ends() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.log_in(&site.world).await;
        site.world.clock.advance(20 * MINUTE);
        site.store.goes_down(true);
        let answer = browser.get("/me").await;
        assert_eq!((answer.status, answer.header("set-cookie")), (503, None), "{name}");
        site.store.goes_down(false);
        site.world.clock.advance(Duration::from_secs(6));
        assert_eq!(browser.get("/me").await.text(), ANN, "{name}");
    }
}
