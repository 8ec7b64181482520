//! A JAM login's tokens go along, and what JAM renews takes nothing of the second factor away.

use crate::sessions::site::{Browser, LIFETIME, Site};
use crate::support::ANN;
use jamguard::emulator::Endpoint;
use serde_json::{Value, json};

/// Ann logs in by her mail's link; her user's name in sessions.
async fn arrive(site: &Site, browser: &mut Browser) -> String {
    let refresh = site.world.refresh_token().replace('+', "%2B");
    let path = format!("/jam-redirect?idToken={}&refreshToken={refresh}", site.world.token());
    assert_eq!(browser.get(&path).await.status, 303);
    browser.get("/user").await.text().to_owned()
}

#[tokio::test]
async fn tokens_stay_and_a_renewal_keeps_the_second_factor() {
    for at in 0..2 {
        let site = Site::new().await;
        let mut browser = site.browsers()[at].clone();
        let user = arrive(&site, &mut browser).await;
        let (secret, _) = site.enrol(&user).await;
        assert!(!browser.vault().await);
        let tokens = browser.get("/tokens").await.text().to_owned();
        browser.does("/code", &site.code(&secret)).await;
        assert!(browser.vault().await, "{}", browser.name);
        assert_eq!(browser.get("/tokens").await.text(), tokens);
        let before = browser.claims().await;
        assert_eq!(before["amr"], json!(["otp", "mfa"]));
        assert_eq!(before["email"], ANN);

        // Long after its end the token is renewed: other claims, the same session.
        for renewal in 1..=3 {
            site.after(2 * LIFETIME);
            assert!(browser.vault().await, "{}, renewal {renewal}", browser.name);
            assert_eq!(site.world.emulator.requests(Endpoint::Refresh), renewal);
            let claims = browser.claims().await;
            assert_eq!(claims["exp"], site.begun() + (2 * renewal + 1) * LIFETIME);
            assert_eq!(claims["amr"], json!(["otp", "mfa"]));
        }
        assert_ne!(browser.get("/tokens").await.text(), tokens);

        // Another login begins with one factor.
        arrive(&site, &mut browser).await;
        assert!(!browser.vault().await);
        assert_eq!(browser.amr().await, Value::Null);
    }
}
