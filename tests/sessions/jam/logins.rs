//! The link's redirect begins a session.

use crate::jam::site::Site;
use crate::support::{ANN, BOB, NOW};
use jamguard::store::MemoryStore;
use jamguard::{Authenticator, ErrorKind, JamLogin, LoginCookies, NewSession, Sessions};

#[tokio::test]
async fn a_magic_link_ends_in_a_session_and_the_tokens_stay_on_the_server() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        let (token, refresh_token) = (site.world.token(), site.world.refresh_token());
        let answer = browser.arrive(&token, Some(&refresh_token)).await;
        assert_eq!(answer.status, 303, "{name}");
        assert_eq!(answer.header("location"), Some("/welcome"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let id = browser.id.clone().unwrap();
        let days = 30 * 86_400;
        let attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
        let cookie = format!("__Host-jam_session={id}; {attributes}; Max-Age={days}");
        assert_eq!(answer.all("set-cookie"), [&cookie]);
        assert_eq!(id.len(), 43);

        assert_eq!(browser.get("/me").await.text(), ANN);
        assert_eq!(browser.get("/expires").await.text(), (NOW + 900).to_string());
        let tokens = browser.get("/tokens").await;
        assert_eq!(tokens.text(), format!("{token} {refresh_token}"));
        let devices = site.sessions.devices(ANN).await.unwrap();
        assert_eq!(devices[0].device(), Some("Browser of a test"));
        assert_eq!(site.sessions.end_all(ANN).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_guests_cart_goes_along_under_another_id() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.post("/cart", "apple").await;
        let guest = browser.clone();
        browser.log_in(&site.world).await;
        assert_ne!(browser.id, guest.id);
        assert_eq!(browser.get("/cart").await.text(), "apple", "{name}");
        assert_eq!(browser.get("/me").await.text(), ANN);
        // The old id is dead.
        assert_eq!(guest.clone().get("/cart").await.text(), "");
        // Again: another id, the same cart, one session.
        let before = browser.clone();
        browser.log_in(&site.world).await;
        assert_ne!(browser.id, before.id);
        assert_eq!(browser.get("/cart").await.text(), "apple");
        assert_eq!(before.clone().get("/me").await.status, 401);
        assert_eq!(site.sessions.end_all(ANN).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn another_users_session_ends() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.log_in(&site.world).await;
        browser.post("/cart", "apple").await;
        let anns = browser.clone();
        let bobs = site.world.app.id_token(BOB).unwrap();
        assert_eq!(browser.arrive(&bobs, None).await.status, 303);
        assert_eq!(browser.get("/me").await.text(), BOB, "{name}");
        assert_eq!(browser.get("/cart").await.text(), "");
        assert_eq!(anns.clone().get("/me").await.status, 401);
        assert_eq!(site.sessions.count(ANN).await.unwrap(), 0);
    }
}

/// Its data begins when somebody writes it, of whatever type.
#[tokio::test]
async fn a_session_without_data_is_any_types() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.log_in(&site.world).await;
        assert_eq!(browser.get("/cart").await.text(), "");
        assert_eq!(browser.post("/cart", "pear").await.text(), "pear", "{name}");
        assert_eq!(browser.get("/cart").await.text(), "pear");
    }
}

#[tokio::test]
async fn what_is_no_login_begins_nothing() {
    let site = Site::new().await;
    for (_, mut browser) in site.browsers() {
        for (status, token) in
            [(401, site.world.expired_token()), (401, "garbage".to_owned()), (400, String::new())]
        {
            let answer = browser.arrive(&token, None).await;
            assert_eq!((answer.status, &browser.id), (status, &None));
        }
    }
}

#[tokio::test]
async fn while_the_store_is_down_nobody_is_logged_in_by_half() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.post("/cart", "apple").await;
        let before = browser.id.clone();
        site.store.goes_down(true);
        let answer = browser.arrive(&site.world.token(), None).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{name}");
        site.store.goes_down(false);
        assert_eq!(browser.id, before);
        assert_eq!(browser.get("/cart").await.text(), "apple");
        assert_eq!(browser.get("/hello").await.text(), "stranger");
    }
}

#[tokio::test]
async fn where_the_tokens_go_can_be_said() {
    let world = crate::support::World::new().await;
    let sessions = || Sessions::builder(MemoryStore::new()).build().unwrap();
    let both = world.auth().sessions(sessions()).build().unwrap();
    let plain = Authenticator::builder().jam(world.jam());
    let with_sessions = plain.sessions(sessions()).build().unwrap();
    let with_cookies = world.auth().cookies(LoginCookies::new()).build().unwrap();
    let login = |auth: &Authenticator| JamLogin::builder(auth, world.client());
    for builder in [
        login(&both),
        login(&both).into_session(),
        login(&both).into_cookies(),
        login(&with_sessions),
        login(&with_cookies),
    ] {
        builder.build().unwrap();
    }
    for builder in [login(&with_sessions).into_cookies(), login(&with_cookies).into_session()] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(".sessions("), "{error}");
    }
    // In cookies as before, beside sessions.
    let cookies =
        Site::with(|auth| auth.cookies(LoginCookies::new()), |login| login.into_cookies());
    let cookies = cookies.await;
    for (_, address) in cookies.servers.each() {
        let path = format!("/jam-redirect?idToken={}", cookies.world.token());
        let request = crate::support::Request::get(&path);
        let answer = crate::support::send(address, &request).await;
        let names: Vec<_> =
            answer.all("set-cookie").into_iter().map(|cookie| &cookie[..13]).collect();
        assert_eq!(names, ["__Host-jam_id", "__Host-jam_re"]);
    }
}

/// JAM names no address that its owner did not prove; the application's own claims have to say so.
#[tokio::test]
async fn a_jam_logins_address_counts_as_verified_in_its_session() {
    let site = Site::new().await;
    for (name, mut browser) in site.browsers() {
        browser.log_in(&site.world).await;
        assert_eq!(browser.get("/office").await.text(), "desk", "{name}");
        for (verified, status) in [(None, 403), (Some(false), 403), (Some(true), 200)] {
            let mut claims = serde_json::json!({"email": ANN});
            if let Some(verified) = verified {
                claims["email_verified"] = verified.into();
            }
            let login = NewSession::of("7").claims(&claims);
            let session = site.sessions.create_with(login).await.unwrap();
            browser.id = Some(session.expose().to_owned());
            let answer = browser.get("/office").await;
            assert_eq!(answer.status, status, "{name}: {claims}");
        }
    }
}
