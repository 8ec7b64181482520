//! A right code makes the session one of a user who passed the second factor.

use crate::sessions::site::{OWN, Site};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_right_code_opens_what_needs_a_second_factor() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let user = format!("ann of {}", browser.name);
        let (secret, _) = site.enrol(&user).await;
        assert!(!browser.vault().await);
        browser.does("/put", "tea").await;
        browser.does("/login-with-amr", &user).await;
        assert!(!browser.vault().await, "a login alone is one factor");
        assert_eq!(browser.amr().await, json!(["pwd"]));

        let before = browser.clone();
        let began = site.sessions.devices(&user).await.unwrap()[0].clone();
        site.after(30);
        browser.does("/code", &site.code(&secret)).await;
        assert!(browser.vault().await, "{}", browser.name);
        // The claims of the login are there still, with how the user proved who they are.
        assert_eq!(
            browser.claims().await,
            json!({"sub": user, "amr": ["pwd", "otp", "mfa"], "role": "clerk"})
        );
        // Another id, and the old one is dead; the data stays, and so does the login's time.
        assert_ne!(browser.id, before.id);
        let mut before = before.clone();
        assert_eq!(before.get("/claims").await.status, 401);
        assert_eq!(browser.get("/cart").await.text(), "tea");
        let sessions = site.sessions.devices(&user).await.unwrap();
        assert_eq!(sessions.len(), 1);
        assert_eq!(sessions[0].handle(), began.handle());
        assert_eq!(sessions[0].created_at(), began.created_at());

        // A second time adds nothing, and gives another id again.
        let id = browser.id.clone();
        site.after(30);
        browser.does("/code", &site.code(&secret)).await;
        assert_ne!(browser.id, id);
        assert_eq!(browser.amr().await, json!(["pwd", "otp", "mfa"]));
    }
}

#[tokio::test]
async fn a_login_ends_it_and_so_does_a_logout() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let user = format!("ann of {}", browser.name);
        let (secret, _) = site.enrol(&user).await;
        for other in [&*user, "bob"] {
            browser.does("/login", &user).await;
            browser.does("/code", &site.code(&secret)).await;
            assert!(browser.vault().await);
            browser.does("/login", other).await;
            assert!(!browser.vault().await, "{other}");
            assert_eq!(browser.amr().await, Value::Null);
            site.after(30);
        }
        browser.does("/login", &user).await;
        browser.does("/code", &site.code(&secret)).await;
        browser.does("/logout", "").await;
        assert!(!browser.vault().await);
        site.after(30);
    }
}

#[tokio::test]
async fn both_factors_in_one_request() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let user = format!("ann@{}", browser.name);
        let (secret, _) = site.enrol(&user).await;
        browser.does("/put", "tea").await;
        let body = format!("{user} {}", site.code(&secret));
        browser.does("/login-and-code", &body).await;
        assert!(browser.vault().await);
        assert_eq!(browser.get("/cart").await.text(), "tea");

        // From a browser without a session.
        site.after(30);
        browser.id = None;
        let body = format!("{user} {}", site.code(&secret));
        browser.does("/login-and-code", &body).await;
        assert!(browser.vault().await);

        // A wrong code leaves nobody logged in.
        browser.id = None;
        let answer = browser.post("/login-and-code", &format!("{user} 1")).await;
        assert_eq!(answer.status, 401);
        assert_eq!(browser.id, None);

        // The data is saved in the same write.
        site.after(30);
        browser.does("/login", &user).await;
        let code = site.code(&secret);
        assert_eq!(browser.does("/code-and-put", &code).await, "present");
        assert_eq!(browser.get("/cart").await.text(), "present");
        assert!(browser.vault().await);
        site.after(30);
    }
}

/// What was proved in a request is not the next user's, and a request that fails or logs out leaves
/// nothing of it.
#[tokio::test]
async fn what_was_proved_is_that_users_and_that_sessions() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let user = format!("ann of {}", browser.name);
        let (secret, _) = site.enrol(&user).await;
        for next in ["bob", &user] {
            browser.does("/login", &user).await;
            let body = format!("{} {next}", site.code(&secret));
            browser.does("/code-and-login", &body).await;
            assert_eq!(browser.claims().await["sub"], *next);
            assert!(!browser.vault().await, "{next}");
            site.after(30);
        }
        let answer = browser.post("/code-and-fail", &site.code(&secret)).await;
        assert_eq!(answer.status, 500);
        assert!(!browser.vault().await);
        site.after(30);
        browser.does("/code-and-logout", &site.code(&secret)).await;
        assert!(!browser.vault().await);
        assert_eq!(site.sessions.count(&user).await.unwrap(), 0);
    }
}

/// Neither is it the next user's who logs in while the store is still asked.
#[tokio::test]
async fn a_code_is_not_the_next_users() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let user = format!("ann of {}", browser.name);
        let (secret, _) = site.enrol(&user).await;
        browser.does("/login", &user).await;
        let body = format!("{} bob", site.code(&secret));
        let answer = browser.does("/code-while-login", &body).await;
        assert_eq!(browser.claims().await["sub"], "bob");
        assert!(!browser.vault().await);
        assert_eq!(answer, "missing_credentials");
        site.after(30);
    }
}

#[tokio::test]
async fn a_first_code_enrols_and_opens() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        browser.does("/login", browser.name).await;
        let secret = browser.does("/begin", "").await;
        let secret = jamguard::otp::OtpSecret::from_base32(&secret).unwrap();
        assert!(!browser.vault().await);
        let codes = browser.does("/confirm", &site.code(&secret)).await;
        assert_eq!(codes.split(' ').count(), 10);
        assert!(browser.vault().await);
        assert_eq!(browser.amr().await, json!(["otp", "mfa"]));
        let again = browser.post("/begin", "").await;
        assert_eq!((again.status, &again.json()["type"]), (409, &json!("already_enrolled")));
    }
}

#[tokio::test]
async fn a_recovery_code_is_a_second_factor_once() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let (_, codes) = site.enrol(browser.name).await;
        browser.does("/login", browser.name).await;
        browser.does("/recover", &codes[0].to_uppercase()).await;
        assert!(browser.vault().await);
        assert_eq!(browser.amr().await, json!(["mfa"]));
        browser.does("/login", browser.name).await;
        let answer = browser.post("/recover", &codes[0]).await;
        assert_eq!(answer.status, 401);
        assert!(!browser.vault().await);
        assert_eq!(site.factor.recovery_codes_left(browser.name).await.unwrap(), 9);
    }
}

#[tokio::test]
async fn secrets_that_the_application_keeps_itself() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        browser.does("/login", browser.name).await;
        let code = site.code(&OWN);
        browser.does("/own-code", &code).await;
        assert!(browser.vault().await);
        assert_eq!(browser.amr().await, json!(["otp", "mfa"]));
        browser.does("/login", browser.name).await;
        assert_eq!(browser.post("/own-code", &code).await.status, 401);
        assert!(!browser.vault().await);
    }
}

#[tokio::test]
async fn a_factor_of_another_kind_steps_up_and_a_guest_has_none() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        browser.does("/put", "tea").await;
        let guest = browser.id.clone();
        let answer = browser.post("/step-up", "").await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["type"], "missing_credentials");
        assert_eq!(browser.id, guest);
        browser.does("/login", browser.name).await;
        browser.does("/step-up", "").await;
        assert!(browser.vault().await);
        assert_eq!(browser.amr().await, json!(["hwk", "mfa"]));
        assert_eq!(browser.get("/cart").await.text(), "tea");
    }
}

/// However many requests bring it, in one session or in many.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_with_one_code_one_passes() {
    let site = Site::new().await;
    for browser in site.browsers() {
        let (secret, _) = site.enrol(browser.name).await;
        let mut sessions = Vec::new();
        for _ in 0..10 {
            let mut own = browser.clone();
            own.does("/login", browser.name).await;
            sessions.push(own);
        }
        let code = site.code(&secret);
        let mut requests = JoinSet::new();
        for at in 0..200 {
            let (mut own, code) = (sessions[at % 10].clone(), code.clone());
            requests.spawn(async move {
                let passed = own.post("/code", &code).await.status == 200;
                (passed, passed && own.vault().await)
            });
        }
        let (mut passed, mut opened) = (0, 0);
        for (right, open) in requests.join_all().await {
            passed += usize::from(right);
            opened += usize::from(open);
        }
        println!("{}: of 200 requests with one code {passed} passed", browser.name);
        assert_eq!((passed, opened), (1, 1));
    }
}
