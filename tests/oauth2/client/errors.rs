//! What errors say, and never say; and the calls of a provider's API.

use crate::client::world::*;
use crate::support::issuer::Answer;
use jamguard::ErrorKind::{ClaimsMismatch, Configuration, InvalidGrant, Unauthorized};
use jamguard::oauth2::{Provider, SecretIn};
use jamguard::{ErrorKind, Secret};
use serde_json::json;

/// Errors never carry the client secret or a code, whatever the provider repeats of them.
#[tokio::test]
async fn errors_never_carry_the_client_secret_or_a_code() {
    let world = World::new().await;
    let encoded: String = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let hidden: String = CODE.chars().flat_map(|c| [c, '\u{200b}']).collect();
    for secret in [CLIENT_SECRET, &encoded, CODE, &hidden, "refresh-1"] {
        for (status, code, words) in [
            (400, "invalid_grant", format!("bad: {secret}!")),
            (200, "invalid_grant", secret.to_owned()),
            (400, secret, "no".to_owned()),
            (500, secret, secret.to_owned()),
            (302, secret, secret.to_owned()),
        ] {
            let body = json!({"error": code, "error_description": words, "error_uri": secret});
            let answer = Answer::Whole {
                status,
                headers: vec![("location", format!("/?{encoded}"))],
                body: body.to_string().into_bytes(),
            };
            world.server.set("/token", answer);
            let login = shown(&world.login().await.unwrap_err());
            let refresh = world.client.refresh("refresh-1").send().await;
            let refresh = shown(&refresh.unwrap_err());
            for shown in [&login, &refresh] {
                assert!(!shown.contains(CLIENT_SECRET) && !shown.contains(&encoded), "{shown}");
            }
            assert!(!login.contains(CODE), "{login}");
            assert!(!refresh.contains("refresh-1"), "{refresh}");
        }
    }
    // Nor as the header that they went in, or encoded in another way than ours.
    let world = World::with(|p| p, |client| client.secret_in(SecretIn::Header)).await;
    world.login().await.unwrap();
    let header = world.header("authorization").unwrap();
    let sloppy = CLIENT_SECRET.replace('&', "%26").replace(' ', "%20");
    let small = encoded.replace("%3D", "%3d").replace('+', "%20");
    for secret in [&*header, header.strip_prefix("Basic ").unwrap(), &sloppy, &small] {
        let body = json!({"error": "invalid_client", "error_description": format!("no: {secret}")});
        world.server.set("/token", json_answer(&body));
        let error = world.login().await.unwrap_err();
        assert!(!shown(&error).contains(secret), "{}", shown(&error));
    }
    // A short code is one too.
    let world = World::new().await;
    let body = json!({"error": "invalid_grant", "error_description": "no code abc here"});
    world.server.set("/token", json_answer(&body));
    let pkce = jamguard::oauth2::Pkce::generate().unwrap();
    let error = world.client.exchange_code("abc", &pkce).send().await.unwrap_err();
    assert!(!shown(&error).contains("abc"), "{}", shown(&error));
    // Other words are told, without what hides or reorders text.
    let body = json!({"error": "invalid_grant", "error_description": "used\u{202e}\n up"});
    world.server.set("/token", json_answer(&body));
    let error = world.login().await.unwrap_err();
    assert_eq!(error.message(), "the provider refused: invalid_grant (used up)");
    // Nor does anything that is printed.
    let pending = world.begun().await;
    let state = pending.state().expose().to_owned();
    let request = world.client.callback(pending.clone(), &callback(&pending, "")).unwrap();
    let begun = world.client.authorize().begin().await.unwrap();
    let begun_state = begun.pending().state().expose().to_owned();
    world.server.set("/token", json_answer(&tokens()));
    let tokens = world.login().await.unwrap();
    let printed = format!("{pending:?} {request:?} {:?} {begun:?} {tokens:?}", world.client);
    for secret in [&*state, &*begun_state, CODE, CLIENT_SECRET, "access-1", "refresh-1"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn errors_of_a_callback() {
    let world = World::new().await;
    for (code, expected) in [
        ("access_denied", ErrorKind::AccessDenied),
        ("login_required", ErrorKind::AccessDenied),
        ("temporarily_unavailable", ErrorKind::Unavailable),
        ("invalid_scope", ErrorKind::ClientRefused),
        ("unauthorized_client", ErrorKind::ClientRefused),
    ] {
        let pending = world.begun().await;
        let state = pending.state().expose();
        let query = format!("error={code}&error_description=not+today&state={state}&code={CODE}");
        let error = world.client.callback(pending.clone(), &query).unwrap_err();
        assert_eq!((error.kind(), error.oauth2_code()), (expected, Some(code)));
        assert!(error.message().contains("not today"));
    }
    for nothing in ["", "&code="] {
        let pending = world.begun().await;
        let query = format!("state={}{nothing}", pending.state().expose());
        assert_eq!(kind(world.client.callback(pending, &query)), ErrorKind::InvalidRequest);
    }
}

/// Without an ID token, who logged in the provider's API says.
#[tokio::test]
async fn userinfo_and_other_calls() {
    #[derive(serde::Deserialize)]
    struct Profile {
        id: u64,
    }
    let world = World::new().await;
    let token = Secret::new("access-1");
    assert_eq!(kind(world.client.userinfo::<Profile>(&token).await), Configuration);
    let url = world.server.url("/user");
    let with_userinfo = |provider: Provider| provider.userinfo(url.clone());
    let other = World::with(with_userinfo, |client| client).await;
    world.server.set("/user", Answer::ok(r#"{"id":7,"name":"Ann"}"#));
    assert_eq!(other.client.userinfo::<Profile>(&token).await.unwrap().id, 7);
    assert_eq!(world.header("authorization").as_deref(), Some("Bearer access-1"));
    assert_eq!(world.header("accept").as_deref(), Some("application/json, application/jwt"));
    let ask = async || other.client.get_json::<Profile>(&url, &token).await;
    for (answer, expected) in [
        (Answer::status(401), Unauthorized),
        (Answer::status(403), ErrorKind::UnexpectedStatus),
        (Answer::status(302).with("location", "/user"), ErrorKind::UnexpectedStatus),
        (Answer::status(500), ErrorKind::Unavailable),
        (Answer::ok("<html>"), ClaimsMismatch),
        (Answer::ok("{}"), ClaimsMismatch),
        (Answer::Huge, ErrorKind::UnexpectedBody),
        (Answer::Hang, ErrorKind::Timeout),
    ] {
        world.server.set("/user", answer);
        assert_eq!(kind(ask().await), expected);
    }
    for url in ["http://api.example/user", "file:///etc/passwd", "/user"] {
        let answer = other.client.get_json::<Profile>(url, &token).await;
        assert_eq!(kind(answer), Configuration, "{url}");
    }
}

#[tokio::test]
async fn a_refused_code_needs_a_new_login() {
    let world = World::new().await;
    world.server.set("/token", json_answer(&json!({"error": "invalid_grant"})));
    let error = world.login().await.unwrap_err();
    assert_eq!(error.kind(), InvalidGrant);
    assert_eq!(error.message(), "the provider refused: invalid_grant");
}
