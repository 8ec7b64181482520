//! What is answered where a code is not right, or cannot be looked at: the same in both frameworks.

use crate::sessions::site::Site;
use crate::support::{Request, Response};
use serde_json::json;

/// What two browsers were answered, which must not differ.
fn alike(answers: Vec<Response>) -> Response {
    let [ours, theirs] = <[Response; 2]>::try_from(answers).ok().unwrap();
    assert_eq!(ours.comparable(), theirs.comparable());
    ours
}

/// Both browsers ask the same, each with a user and a session of its own.
async fn both(ask: impl AsyncFn(usize) -> Response) -> Response {
    alike(vec![ask(0).await, ask(1).await])
}

#[tokio::test]
async fn wrong_used_locked_out_and_nobody() {
    let site = Site::new().await;
    let browsers = site.browsers();
    let mut secrets = Vec::new();
    for browser in &browsers {
        secrets.push(site.enrol(browser.name).await.0);
    }

    // Nobody is logged in: the code is not even looked at.
    let codes: Vec<_> = secrets.iter().map(|secret| site.code(secret)).collect();
    let guest = both(async |at| browsers[at].clone().post("/code", &codes[at]).await);
    let guest = guest.await;
    assert_eq!((guest.status, &guest.json()["type"]), (401, &json!("missing_credentials")));

    let mut own = Vec::new();
    for browser in &browsers {
        let mut browser = browser.clone();
        browser.does("/login", browser.name).await;
        own.push(browser);
    }
    let post = async |body: &[&str]| {
        both(async |at| own[at].clone().post("/code", body[at.min(body.len() - 1)]).await).await
    };
    let wrong = post(&["no"]).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(
        wrong.header("www-authenticate"),
        Some(
            "Bearer realm=\"api\", error=\"insufficient_user_authentication\", \
             error_description=\"The code is wrong or expired.\""
        )
    );
    assert_eq!(wrong.header("content-type"), Some("application/problem+json"));
    assert_eq!(wrong.header("set-cookie"), None);
    assert_eq!(wrong.json()["type"], "invalid_code");

    // The other's code is a wrong one.
    let theirs = [&*codes[1], &codes[0]];
    assert_eq!(post(&theirs).await.json(), wrong.json());

    // Used by another session of the same user's: the answer does not say so.
    for (browser, code) in own.iter().zip(&codes) {
        let mut other = browser.clone();
        other.id = None;
        other.does("/login", browser.name).await;
        other.does("/code", code).await;
    }
    let used = post(&[&codes[0], &codes[1]]).await;
    assert_eq!((used.status, used.json()), (wrong.status, wrong.json()));

    for _ in 0..5 {
        post(&["no"]).await;
    }
    site.after(1);
    let locked = post(&["no"]).await;
    assert_eq!((locked.status, &locked.json()["type"]), (429, &json!("locked_out")));
    assert_eq!(locked.header("retry-after"), Some("899"));
    site.after(29);
    let fresh: Vec<_> = secrets.iter().map(|secret| site.code(secret)).collect();
    let locked = post(&[&fresh[0], &fresh[1]]).await;
    assert_eq!(locked.status, 429);
    for browser in &own {
        assert!(!browser.clone().vault().await);
    }

    // Who has no second factor is told so.
    for browser in &own {
        site.factor.remove(browser.name).await.unwrap();
    }
    let none = post(&["123456"]).await;
    assert_eq!((none.status, &none.json()["type"]), (409, &json!("not_enrolled")));
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_no_wrong_code() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let (secret, codes) = site.enrol(browser.name).await;
        browser.does("/login", browser.name).await;
        let code = site.code(&secret);
        site.goes_down(true);
        for (path, body) in [("/code", &*code), ("/code", "no"), ("/recover", &codes[0])] {
            for _ in 0..6 {
                let answer = browser.post(path, body).await;
                assert_eq!((answer.status, &answer.json()["type"]), (503, &json!("unavailable")));
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
        }
        site.goes_down(false);
        // Nothing was used up, and nothing counted.
        browser.does("/code", &code).await;
        assert!(browser.vault().await);
        browser.does("/recover", &codes[0]).await;
    }
}

/// Another site's page can submit no code in a user's session.
#[tokio::test]
async fn a_code_from_another_site_is_not_looked_at() {
    let site = Site::new().await;
    for mut browser in site.browsers() {
        let (secret, _) = site.enrol(browser.name).await;
        browser.does("/login", browser.name).await;
        let code = site.code(&secret);
        let request = Request::post("/code", &code).header("sec-fetch-site", "cross-site");
        assert_eq!(browser.ask(request).await.status, 403);
        assert!(!browser.vault().await);
        browser.does("/code", &code).await;
    }
}
