//! Where logins end, and who somebody is here: sessions, tokens of our own, closures, hooks.

use crate::login::site::*;
use crate::support::issuer::Answer;
use crate::support::{Request, Servers, send, serve_axum};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::oauth2::OAuth2Client;
use jamguard::store::MemoryStore;
use jamguard::{
    Authenticator, Error, ErrorKind, Issuer, LoginCookies, OAuth2Arrival, OAuth2Login,
    OAuth2LoginBuilder, OAuth2User, Redirect, SessionCookie, Sessions,
};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(serde::Deserialize)]
struct Profile {
    id: u64,
    login: String,
}

async fn who(arrival: OAuth2Arrival) -> Result<OAuth2User, Error> {
    let profile: Profile = arrival.userinfo().await?;
    if profile.login == "mallory" {
        return Err(Error::new(ErrorKind::AccessDenied, "not here"));
    }
    let user = OAuth2User::new(format!("hub:{}", profile.id));
    Ok(user.claims(&json!({"login": profile.login, "role": "member"})))
}

fn issuer(idp: &Idp) -> Issuer {
    Issuer::builder()
        .key(SigningKey::generate(Algorithm::ES256).unwrap())
        .issuer("https://app.example")
        .clock(idp.clock.clone())
        .build()
        .unwrap()
}

fn with_tokens(issuer: &Issuer) -> Authenticator {
    let auth = Authenticator::builder().verifier(issuer.verifier()).cookies(LoginCookies::new());
    auth.build().unwrap()
}

async fn log_in(idp: &Idp, servers: &Servers, claims: bool) -> Vec<(Browser, u16, String)> {
    let mut ends = Vec::new();
    for (_, address) in servers.each() {
        let mut browser = Browser::new(address);
        let begun = browser.begin("").await;
        let claims = claims.then(|| idp.claims(begun.value("nonce")));
        idp.gives(claims.as_ref());
        let answer = browser.callback(&begun.query(idp).replace("&iss=", "&ignored=")).await;
        let location = answer.header("location").unwrap_or_default().to_owned();
        ends.push((browser, answer.status, location));
    }
    ends
}

/// A provider without ID tokens: a hook asks its userinfo.
#[tokio::test]
async fn a_hook_says_who_that_is() {
    let idp = Idp::start().await;
    let client = idp.plain_client();
    let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
    let login = OAuth2Login::builder(&auth, client.clone()).user(who).build().unwrap();
    let servers = serve(&auth, &login, &client).await;
    idp.server.set("/me", Answer::ok(r#"{"id":7,"login":"ann"}"#));
    for (mut browser, status, location) in log_in(&idp, &servers, false).await {
        assert_eq!((status, &*location), (303, "/"));
        assert_eq!(browser.user().await, "Some(\"hub:7\") 0");
        let claims: Value = browser.get("/me").await.json();
        assert_eq!(claims, json!({"login": "ann", "role": "member", "sub": "hub:7"}));
    }
    let asked = idp.server.requests().pop().unwrap().to_ascii_lowercase();
    assert!(asked.contains("authorization: bearer access-1"), "{asked}");
    // It may refuse, and fail.
    for (profile, expected) in [
        (Answer::ok(r#"{"id":8,"login":"mallory"}"#), 403),
        (Answer::ok("{}"), 500),
        (Answer::status(500), 503),
        (Answer::status(401), 502),
    ] {
        idp.server.set("/me", profile);
        for (browser, status, _) in log_in(&idp, &servers, false).await {
            assert_eq!(status, expected);
            assert!(!browser.cookies.contains_key(SESSION));
        }
    }
}

/// The userinfo is of the ID token's user (OpenID Connect Core 1.0 section 5.3.2).
#[tokio::test]
async fn a_userinfo_of_somebody_else() {
    let idp = Idp::start().await;
    let client = idp.client();
    let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
    let login = OAuth2Login::builder(&auth, client.clone()).user(|arrival| async move {
        let told: Value = arrival.userinfo().await?;
        let subject = arrival.id_token().unwrap().subject().unwrap().to_owned();
        assert_eq!(arrival.tokens().access_token().expose(), "access-1");
        Ok(OAuth2User::new(subject).claims(&told))
    });
    let login = es256(login, &client).build().unwrap();
    let servers = serve(&auth, &login, &client).await;
    for (told, expected) in [
        (json!({"sub": "1102", "name": "Ann"}), 303),
        (json!({"sub": "1103", "name": "Bob"}), 401),
        (json!({"name": "Bob"}), 401),
    ] {
        idp.server.set("/me", Answer::ok(told.to_string()));
        let mut browser = Browser::new(servers.axum);
        let begun = browser.begin("").await;
        idp.gives(Some(&idp.claims(begun.value("nonce"))));
        let answer = browser.callback(&begun.query(&idp)).await;
        assert_eq!(answer.status, expected, "{told}");
    }
}

/// A login can end in a local JWT of an `Issuer`.
#[tokio::test]
async fn a_login_ends_in_a_token_of_our_own() {
    let idp = Idp::start().await;
    let (client, issuer) = (idp.plain_client(), issuer(&idp));
    let auth = with_tokens(&issuer);
    let login = OAuth2Login::builder(&auth, client.clone()).user(who).into_jwt(issuer.clone());
    let login = login.build().unwrap();
    // Its handlers of sessions are not asked.
    let sessions = authenticator(&idp, Arc::new(MemoryStore::new()));
    drop(sessions);
    let servers = serve(&auth, &login, &client).await;
    idp.server.set("/me", Answer::ok(r#"{"id":7,"login":"ann"}"#));
    for (mut browser, status, _) in log_in(&idp, &servers, false).await {
        assert_eq!(status, 303);
        let token = browser.cookies[ID].clone();
        let verified = issuer.verifier().verify(&token).await.unwrap();
        let claims: Value = serde_json::from_str(verified.raw_claims()).unwrap();
        assert_eq!((&claims["sub"], &claims["role"]), (&json!("hub:7"), &json!("member")));
        let shown: Value = browser.get("/me").await.json();
        assert_eq!(shown["sub"], "hub:7");
        assert!(!browser.cookies.contains_key(SESSION));
        let forged = Request::post("/logout", "").header("sec-fetch-site", "cross-site");
        assert_eq!(browser.ask(forged).await.status, 403);
        assert!(browser.cookies.contains_key(ID));
        browser.ask(Request::post("/logout", "")).await;
        assert_eq!(browser.get("/me").await.text(), "nobody");
    }
}

/// The handlers ask where a logout comes from also where no layer around them does.
#[tokio::test]
async fn a_logout_of_another_sites_without_the_layer() {
    let idp = Idp::start().await;
    let auth = with_tokens(&issuer(&idp));
    let login = OAuth2Login::builder(&auth, idp.plain_client()).user(who);
    let login = login.into_jwt(issuer(&idp)).build().unwrap();
    let logout = axum::routing::post_service(login.logout());
    let (address, _task) = serve_axum(axum::Router::new().route("/logout", logout)).await;
    for (site, expected, removed) in [("cross-site", 403, 0), ("same-origin", 204, 2)] {
        let request = Request::post("/logout", "").header("sec-fetch-site", site);
        let answer = send(address, &request.cookie(ID, "a token")).await;
        assert_eq!(answer.status, expected, "{site}");
        assert_eq!(answer.all("set-cookie").len(), removed, "{site}");
    }
}

/// Without a hook it is the ID token's user, under the provider's name, and nothing more is said.
#[tokio::test]
async fn a_token_of_our_own_for_an_id_token() {
    let idp = Idp::start().await;
    let (client, issuer) = (idp.client(), issuer(&idp));
    let auth = with_tokens(&issuer);
    let login = OAuth2Login::builder(&auth, client.clone()).into_jwt(issuer);
    let login = es256(login, &client).build().unwrap();
    let servers = serve(&auth, &login, &client).await;
    let mut browser = Browser::new(servers.actix);
    let begun = browser.begin("").await;
    idp.gives(Some(&idp.claims(begun.value("nonce"))));
    assert_eq!(browser.callback(&begun.query(&idp)).await.status, 303);
    let claims: Value = browser.get("/me").await.json();
    assert_eq!(claims["sub"], "company:1102");
    assert_eq!(claims["iss"], "https://app.example");
    assert!(claims.get("email").is_none());
}

/// A token that no request would get further with is our own fault.
#[tokio::test]
async fn an_issuer_that_the_authenticator_does_not_know() {
    let idp = Idp::start().await;
    let client = idp.plain_client();
    let auth = with_tokens(&issuer(&idp));
    let login = OAuth2Login::builder(&auth, client.clone()).user(who).into_jwt(issuer(&idp));
    let servers = serve(&auth, &login.build().unwrap(), &client).await;
    idp.server.set("/me", Answer::ok(r#"{"id":7,"login":"ann"}"#));
    for (browser, status, _) in log_in(&idp, &servers, false).await {
        assert_eq!(status, 500);
        assert!(!browser.cookies.contains_key(ID));
    }
}

#[tokio::test]
async fn each_login_may_ask_for_more() {
    let idp = Idp::start().await;
    let client = idp.client();
    let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
    let login = OAuth2Login::builder(&auth, client.clone()).parameter("access_type", "offline");
    let servers = serve(&auth, &login.build().unwrap(), &client).await;
    for (_, address) in servers.each() {
        let begun = Browser::new(address).begin("?prompt=none").await;
        assert_eq!(begun.value("access_type"), Some("offline"));
        assert_eq!(begun.value("prompt"), None, "what a request says is not passed on");
    }
}

#[tokio::test]
async fn a_closure_gets_what_arrived() {
    let idp = Idp::start().await;
    let client = idp.plain_client();
    let auth = with_tokens(&issuer(&idp));
    let login = OAuth2Login::builder(&auth, client.clone()).on_login(|arrival| async move {
        let name = arrival.client().provider().name().to_owned();
        assert!(arrival.id_token().is_none());
        assert!(!format!("{arrival:?}").contains("access-1"));
        if let Some(path) = arrival.return_to() {
            return Ok(Redirect::to(path));
        }
        Ok(Redirect::to(format!("/from/{name}")).with_header("set-cookie", "seen=1"))
    });
    let servers = serve(&auth, &login.build().unwrap(), &client).await;
    for (browser, status, location) in log_in(&idp, &servers, false).await {
        assert_eq!((status, &*location), (303, "/from/hub"));
        assert_eq!(browser.cookies["seen"], "1");
    }
    // Where the browser was before is the closure's to say.
    for (_, address) in servers.each() {
        let mut browser = Browser::new(address);
        let begun = browser.begin("?return_to=/orders").await;
        idp.gives(None);
        let query = format!("code={CODE}&state={}", begun.state());
        let answer = browser.callback(&query).await;
        assert_eq!(answer.header("location"), Some("/orders"));
    }
}

/// Claims that are none, and a key of nobody's.
#[tokio::test]
async fn users_that_are_none() {
    let idp = Idp::start().await;
    let client = idp.plain_client();
    for (key, claims, expected) in [
        ("", json!({}), 401),
        ("ann", json!([1]), 500),
        ("ann", json!("text"), 500),
        ("ann", json!({"exp": "soon"}), 500),
        ("ann", json!({"sub": "other"}), 303),
    ] {
        let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
        let user = OAuth2User::new(key).claims(&claims);
        let login = OAuth2Login::builder(&auth, client.clone()).user(move |_| {
            let user = user.clone();
            async move { Ok(user) }
        });
        let servers = serve(&auth, &login.build().unwrap(), &client).await;
        for (_, status, _) in log_in(&idp, &servers, false).await {
            assert_eq!(status, expected, "{claims}");
        }
    }
}

/// For development over plain http, one named switch drops the prefix and Secure together.
#[tokio::test]
async fn plain_http_in_development() {
    let idp = Idp::start().await;
    let client = idp.plain_client();
    let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
    let plain = SessionCookie::new().danger_plain_http();
    let follows = Authenticator::builder().sessions(sessions).session_cookie(plain);
    let follows = follows.build().unwrap();
    let says = with_tokens(&issuer(&idp));
    let build = |auth: &Authenticator, change: fn(OAuth2LoginBuilder) -> OAuth2LoginBuilder| {
        let login = OAuth2Login::builder(auth, client.clone());
        change(login.on_login(|_| async { Ok(Redirect::to("/")) })).build().unwrap()
    };
    for (auth, login) in [
        (&follows, build(&follows, |login| login)),
        (&says, build(&says, OAuth2LoginBuilder::danger_plain_http)),
    ] {
        let servers = serve(auth, &login, &client).await;
        for (mut browser, status, _) in log_in(&idp, &servers, false).await {
            assert_eq!(status, 303);
            let begun = browser.begin("").await;
            let text = browser.cookies["jam_oauth2"].clone();
            let cookie = format!("jam_oauth2={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600");
            assert_eq!(begun.answer.header("set-cookie"), Some(&*cookie));
        }
    }
}

#[tokio::test]
async fn what_cannot_work_says_so() {
    let idp = Idp::start().await;
    let nowhere = Authenticator::builder().verifier(issuer(&idp).verifier()).build().unwrap();
    let sessions = authenticator(&idp, Arc::new(MemoryStore::new()));
    let plain = idp.plain_client();
    let no_redirect = OAuth2Client::builder(jamguard::oauth2::Provider::github(), "id").build();
    let no_openid = idp.client_with(|client| client.scopes(["email"]));
    let refused = |login: OAuth2LoginBuilder, hint: &str| {
        let error = login.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(hint), "{error}");
    };
    let login =
        |auth: &Authenticator, client: &OAuth2Client| OAuth2Login::builder(auth, client.clone());
    refused(login(&nowhere, &plain).user(who), "nowhere to end");
    refused(login(&nowhere, &plain).user(who).into_jwt(issuer(&idp)), ".cookies(");
    refused(login(&sessions, &plain), "who logged in");
    refused(login(&sessions, &no_openid), "who logged in");
    refused(login(&sessions, &no_redirect.unwrap()).user(who), ".redirect_url(…)");
    refused(es256(login(&sessions, &no_openid), &idp.client()), "openid");
    refused(login(&sessions, &plain).user(who).home("//evil.example"), "path of this site");
    let both = login(&sessions, &plain).on_login(|_| async { Ok(Redirect::to("/")) });
    refused(both.into_jwt(issuer(&idp)), "choose one");
    for own in [
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "request",
        "request_uri",
    ] {
        refused(login(&sessions, &idp.client()).parameter(own, "x"), own);
    }
    let twice = login(&sessions, &idp.client()).parameter("prompt", "login");
    refused(twice.parameter("prompt", "none"), "prompt");
    assert!(login(&sessions, &idp.client()).build().is_ok());
}
