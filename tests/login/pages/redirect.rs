//! `GET /jam-redirect`: what a magic link leads to.

use super::{ID, REFRESH, REFRESH_REMOVED, is_private, kept, start, with_silent_refresh};
use crate::support::{ANN, NOW, Request, Servers, Site, World, damaged, send};
use jamguard::emulator::{AppSettings, Endpoint, IdToken};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint;
use jamguard::{Authenticator, Error, ErrorKind, JamApp, JamClient, JamLogin, Redirect, Verifier};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use std::sync::{Arc, Mutex};

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn redirect(query: &str) -> Request {
    Request::get(&format!("/jam-redirect?{query}"))
}

/// From the mail to a page that greets the user.
#[tokio::test]
async fn a_magic_link_ends_in_two_cookies_and_a_clean_url() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let jam = world.emulator.base_url().strip_prefix("http://").unwrap();
    let jam = jam.parse().unwrap();
    for (name, address) in servers.each() {
        world.client().authenticate(ANN).await.unwrap();
        let link = world.emulator.mails()[0].link.clone();
        let path = link.strip_prefix(world.emulator.base_url()).unwrap();
        let sent_on = send(jam, &Request::get(path)).await;
        let location = sent_on.header("location").unwrap();
        let query = location.split_once('?').unwrap().1.to_owned();

        let answer = send(address, &redirect(&query)).await;
        assert_eq!(answer.status, 303, "{name}");
        assert_eq!(answer.header("location"), Some("/welcome"));
        is_private(&answer);
        assert!(answer.body.is_empty());
        let cookies = answer.all("set-cookie");
        let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=34560000";
        let value = |cookie: &str, name: &str| {
            let rest = cookie.strip_prefix(name).unwrap().strip_prefix('=').unwrap();
            rest.strip_suffix(attributes).unwrap().to_owned()
        };
        let (id, refresh) = (value(cookies[0], ID), value(cookies[1], REFRESH));
        assert_eq!(cookies.len(), 2);

        let answer = servers.ask(Request::get("/identity").cookie(ID, &id)).await;
        assert_eq!(answer.text(), format!("cookie {ANN}"));
        world.client().refresh(&refresh).await.unwrap();
    }
}

#[tokio::test]
async fn tokens_become_cookies_exactly_as_they_are() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let token = world.token();
    let refresh_token = world.refresh_token();
    let query = format!("idToken={token}&refreshToken={}", encoded(&refresh_token));
    let answer = servers.ask(redirect(&query)).await;
    assert_eq!(answer.all("set-cookie"), [kept(ID, &token), kept(REFRESH, &refresh_token)]);
    // Without a refresh token, one of an earlier login does not outlive this one.
    let answer = servers.ask(redirect(&format!("idToken={token}"))).await;
    assert_eq!(answer.all("set-cookie"), [&kept(ID, &token), REFRESH_REMOVED]);
}

/// The layer around the handler has something to say about the old cookies; the login counts.
#[tokio::test]
async fn a_login_is_not_undone_by_an_old_cookie() {
    let world = World::new().await;
    let token = world.token();
    let plain = start(&world, |auth| auth).await;
    let refreshing = with_silent_refresh(&world).await;
    for servers in [&plain, &refreshing] {
        for old in [world.expired_token(), damaged(&token), "garbage".into()] {
            let old_refresh_tokens = ["unknown".to_owned(), world.refresh_token()];
            for old_refresh_token in &old_refresh_tokens {
                let request = redirect(&format!("idToken={token}&refreshToken=new"))
                    .cookie(ID, &old)
                    .cookie(REFRESH, old_refresh_token);
                let answer = servers.ask(request).await;
                assert_eq!(answer.status, 303);
                assert_eq!(answer.all("set-cookie"), [kept(ID, &token), kept(REFRESH, "new")]);
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_one_sound_login_is_refused() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let token = world.token();
    let good = format!("idToken={token}");
    let refresh = |value: &str| format!("{good}&refreshToken={value}");
    let cases = [
        (400, String::new()),
        (400, "refreshToken=abc".to_owned()),
        (400, "idtoken=abc".to_owned()),
        (400, "idToken=".to_owned()),
        (400, format!("{good}&{good}")),
        (400, format!("{good}&idToken=x")),
        (400, format!("idToken=%20{token}")),
        (400, format!("idToken={token}%0D%0Aset-cookie:%20a=b")),
        (400, format!("{good}&refreshToken=a&refreshToken=a")),
        (400, refresh("")),
        // An attacker's own cookie attributes, headers, cookies.
        (400, refresh("a;%20Domain=example.com")),
        (400, refresh("a%3B%20Domain=example.com")),
        (400, refresh("a%0D%0Aset-cookie:%20b=c")),
        (400, refresh("a%0Ab")),
        (400, refresh("a%00b")),
        (400, refresh("a%2Cb")),
        (400, refresh("a%22b")),
        (400, refresh("a%5Cb")),
        (400, refresh("a%20b")),
        (400, refresh("%C3%A4")),
        (400, refresh("%FF")),
        (401, "idToken=garbage".to_owned()),
        (401, format!("idToken={}", damaged(&token))),
        (401, format!("idToken={}", world.expired_token())),
        (401, format!("idToken={}", world.unknown_key_token())),
    ];
    for (status, query) in cases {
        let answer = servers.ask(redirect(&query)).await;
        assert_eq!(answer.status, status, "{query}");
        is_private(&answer);
        assert_eq!(answer.json()["status"], status);
        assert_eq!(answer.header("location"), None);
        assert_eq!(answer.header("set-cookie"), None, "{query}");
    }
    assert_eq!(servers.ask(redirect(&refresh("a%2B%2F%3D"))).await.status, 303);
}

#[tokio::test]
async fn a_token_of_another_app_is_no_login() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let other =
        world.emulator.add_app(AppSettings::new("0b0f2a4e-5a0e-4b0a-9d51-2d3f0f6a7c11")).unwrap();
    let token = other.id_token(ANN).unwrap();
    let answer = servers.ask(redirect(&format!("idToken={token}"))).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn a_login_waits_for_an_issuer_that_is_down() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    world.emulator.fail(Endpoint::Jwks, 500);
    let query = format!("idToken={}", world.token());
    let answer = servers.ask(redirect(&query).cookie(REFRESH, "old")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    is_private(&answer);
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn a_closure_gets_the_tokens_instead() {
    let world = World::new().await;
    // No cookies: the app keeps the tokens by itself.
    let auth = Authenticator::builder().jam(world.jam()).build().unwrap();
    let logins = Arc::new(Mutex::new(Vec::new()));
    let seen = logins.clone();
    let login = JamLogin::builder(&auth, world.client())
        .on_login(move |login| {
            let seen = seen.clone();
            async move {
                let claims = login.identity().raw_claims();
                let token = login.identity().token().unwrap().expose_token();
                if claims.contains("eve@example.com") {
                    return Err(Error::new(ErrorKind::Revoked, "not this one"));
                }
                let refresh_token = login.refresh_token().map(|token| token.expose().to_owned());
                assert!(!format!("{login:?}").contains(token));
                seen.lock().unwrap().push((claims.to_owned(), refresh_token));
                Ok(Redirect::to("/inside")
                    .with_header("set-cookie", "a=1")
                    .with_header("set-cookie", "b=2"))
            }
        })
        .build()
        .unwrap();
    let servers = Servers::start(Site::new(auth).login(login)).await;

    let query = format!("idToken={}&refreshToken=abc%2B", world.token());
    let answer = servers.ask(redirect(&query)).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/inside"));
    assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
    is_private(&answer);
    servers.ask(redirect(&format!("idToken={}", world.token()))).await;
    {
        let logins = logins.lock().unwrap();
        let refresh_tokens: Vec<_> = logins.iter().map(|(_, token)| token.as_deref()).collect();
        assert_eq!(refresh_tokens, [Some("abc+"), Some("abc+"), None, None]);
        assert!(logins.iter().all(|(claims, _)| claims.contains(ANN)));
    }
    // It is not called for what is no login, and may refuse one itself.
    let eve = world.app.id_token("eve@example.com").unwrap();
    for (status, query) in [
        (401, format!("idToken={}", world.expired_token())),
        (401, format!("idToken={}", damaged(&world.token()))),
        (400, format!("idToken={}&refreshToken=a%3Bb", world.token())),
        (401, format!("idToken={eve}")),
    ] {
        let answer = servers.ask(redirect(&query)).await;
        assert_eq!(answer.status, status);
        is_private(&answer);
    }
    assert_eq!(logins.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_login_needs_a_place_for_its_tokens_and_a_home_on_this_site() {
    let app = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";
    let with = Authenticator::builder()
        .jam(JamApp::new(app))
        .cookies(jamguard::LoginCookies::new())
        .build()
        .unwrap();
    let without = Authenticator::builder().jam(JamApp::new(app)).build().unwrap();
    let client = || JamClient::new(app).unwrap();
    let error = JamLogin::builder(&without, client()).build().unwrap_err();
    assert!(error.message().contains(".on_login("));
    for home in [
        "",
        "welcome",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a b",
        "/a\r\nb",
    ] {
        let error = JamLogin::builder(&with, client()).home(home).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{home}");
    }
    JamLogin::builder(&with, client()).home("/a?b=c#d").build().unwrap();
}

/// The authenticator knows other issuers too; the redirect of an app is for its tokens only.
#[tokio::test]
async fn a_token_of_another_verifier_is_no_login() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::HS256).unwrap();
    let local = Verifier::builder()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::HS256])
        .issuer("https://local.example")
        .clock(world.clock.clone())
        .build()
        .unwrap();
    let servers = start(&world, |auth| auth.verifier(local)).await;
    let claims = json!({"iss": "https://local.example", "email": ANN, "exp": NOW + 60});
    let token = mint(&key, &claims).unwrap();
    let answer = servers.ask(Request::get("/me").bearer(&token)).await;
    assert_eq!(answer.text(), ANN);
    let answer = servers.ask(redirect(&format!("idToken={token}"))).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("set-cookie"), None);
    is_private(&answer);
}

/// Previews and monitors look at links with `HEAD`; forms and scripts have no business here.
#[tokio::test]
async fn only_get_logs_in() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let path = format!("/jam-redirect?idToken={}", world.token());
    for method in ["HEAD", "POST", "PUT", "OPTIONS"] {
        let answer = servers.ask(Request::new(method, &path)).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET"), "{method}");
        assert_eq!(answer.header("set-cookie"), None, "{method}");
        is_private(&answer);
    }
    assert_eq!(servers.ask(Request::get(&path)).await.status, 303);
}

/// Browsers drop a cookie over 4,096 bytes without a word.
#[tokio::test]
async fn a_token_too_long_for_a_cookie_is_an_error() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let of_length = |length: usize| {
        let plain = world.issue(IdToken::new(ANN).claim("pad", ""));
        let mut pad = (length - plain.len()) * 3 / 4;
        loop {
            let token = world.issue(IdToken::new(ANN).claim("pad", "x".repeat(pad)));
            match token.len() + ID.len() {
                now if now <= length => return token,
                _ => pad -= 1,
            }
        }
    };
    let fits = of_length(4096);
    assert!(fits.len() + ID.len() > 4092, "{}", fits.len());
    let answer = servers.ask(redirect(&format!("idToken={fits}"))).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.all("set-cookie")[0], kept(ID, &fits));

    let long = of_length(4096 + 8);
    assert!(long.len() + ID.len() > 4096);
    for query in [
        format!("idToken={long}"),
        format!("idToken={}&refreshToken={}", world.token(), "r".repeat(4096)),
    ] {
        let answer = servers.ask(redirect(&query)).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.header("set-cookie"), None);
        assert!(!answer.text().contains("4096"));
    }
}
