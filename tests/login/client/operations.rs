//! The operations against the emulator, and what they send.

use crate::client::server::Canned;
use crate::client::{ANN, APP, client, kind};
use jamguard::emulator::{App, AppSettings, Emulator, Endpoint, IdToken};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, JamClient};
use serde::Deserialize;
use std::time::Duration;

const NOW: u64 = 1_700_000_000;
const UNKNOWN_APP: &str = "0b0f2a4e-5a0e-4b0a-9d51-2d3f0f6a7c11";

async fn world(settings: AppSettings) -> (Emulator, App, JamClient, ManualClock) {
    let clock = ManualClock::at(NOW);
    let builder = Emulator::builder().clock(clock.clone());
    let emulator = builder.start().await.unwrap();
    let app = emulator.add_app(settings).unwrap();
    let jam = client(emulator.base_url());
    (emulator, app, jam, clock)
}

fn settings() -> AppSettings {
    AppSettings::new(APP).allow_refresh(true)
}

#[tokio::test]
async fn authenticate_has_a_mail_sent() {
    let (emulator, _app, jam, _) = world(settings()).await;
    jam.authenticate(ANN).await.unwrap();
    assert_eq!(emulator.mails()[0].email, ANN);
    let error = jam.authenticate("ann").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert_eq!(error.message(), "That is not an e-mail address.");
}

#[tokio::test]
async fn jwks_are_the_keys_of_the_moment() {
    let (emulator, app, jam, _) = world(settings()).await;
    let before = jam.jwks().await.unwrap();
    let kid = app.replace_key().unwrap();
    let after = jam.jwks().await.unwrap();
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before.iter().next().unwrap().key_id(), Some(&*kid));
    assert_eq!(after.iter().next().unwrap().key_id(), Some(&*kid));
    assert_eq!(emulator.requests(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn verify_remote_gives_header_and_claims() {
    #[derive(Deserialize)]
    struct User {
        email: String,
        exp: u64,
    }
    let (_emulator, app, jam, clock) = world(settings()).await;
    let token = app.id_token(ANN).unwrap();
    let verified = jam.verify_remote(&token).await.unwrap();
    assert_eq!(verified.header()["alg"], "ES512");
    assert_eq!(verified.claims()["iss"], app.issuer());
    let user: User = verified.claims_as().unwrap();
    assert_eq!((&*user.email, user.exp), (ANN, NOW + 3600));
    let mismatch = verified.claims_as::<Vec<u8>>();
    assert_eq!(kind(mismatch), ErrorKind::ClaimsMismatch);

    let wrong_use = app.issue(IdToken::new(ANN).claim("token_use", "access")).unwrap();
    for token in ["", "abc", "a.b.c", &wrong_use] {
        assert_eq!(kind(jam.verify_remote(token).await), ErrorKind::NotVerified, "{token}");
    }
    clock.advance(Duration::from_secs(3600));
    let error = jam.verify_remote(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotVerified);
    assert_eq!(error.message(), "The ID token is not valid.");
}

#[tokio::test]
async fn refresh_gives_a_new_id_token() {
    let (_emulator, app, jam, clock) = world(settings()).await;
    let refresh_token = app.refresh_token(ANN).unwrap();
    clock.advance(Duration::from_secs(7200));
    let id_token = jam.refresh(refresh_token.expose()).await.unwrap();
    let verified = jam.verify_remote(id_token.expose()).await.unwrap();
    assert_eq!(verified.claims()["iat"], NOW + 7200);
    clock.advance(Duration::from_secs(31 * 24 * 3600));
    let expired = jam.refresh(refresh_token.expose()).await;
    assert_eq!(kind(expired), ErrorKind::Unauthorized);
    assert_eq!(kind(jam.refresh("").await), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn refresh_may_be_forbidden() {
    let (_emulator, app, jam, _) = world(AppSettings::new(APP)).await;
    let refresh_token = app.refresh_token(ANN).unwrap();
    let error = jam.refresh(refresh_token.expose()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert_eq!(error.message(), "The app does not allow refresh.");
}

#[tokio::test]
async fn one_refresh_token_is_deleted_whatever_its_characters() {
    let (emulator, app, today, _) = world(settings()).await;
    let legacy =
        JamClient::builder(APP).base_url(emulator.base_url()).legacy_paths(true).build().unwrap();
    let id_token = app.id_token(ANN).unwrap();
    for jam in [today, legacy] {
        // The address makes the base64 end in '='; the other two characters come by chance.
        let token = (0..1_000)
            .map(|_| app.refresh_token(ANN).unwrap())
            .find(|token| "+/=".chars().all(|c| token.expose().contains(c)))
            .unwrap();
        let token = token.expose();
        jam.refresh(token).await.unwrap();
        jam.delete_refresh_token(&id_token, token).await.unwrap();
        assert_eq!(kind(jam.refresh(token).await), ErrorKind::Unauthorized);
        let error = jam.delete_refresh_token(&id_token, token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.message(), "No such refresh token.");
        let unknown = jam.delete_refresh_token("a.b.c", token).await;
        assert_eq!(kind(unknown), ErrorKind::Unauthorized);
    }
}

#[tokio::test]
async fn all_refresh_tokens_are_deleted() {
    let (_emulator, app, jam, _) = world(settings()).await;
    let id_token = app.id_token(ANN).unwrap();
    let refresh_token = app.refresh_token(ANN).unwrap();
    let refused = jam.delete_all_refresh_tokens("a.b.c").await;
    assert_eq!(kind(refused), ErrorKind::Unauthorized);
    jam.refresh(refresh_token.expose()).await.unwrap();
    jam.delete_all_refresh_tokens(&id_token).await.unwrap();
    let gone = jam.refresh(refresh_token.expose()).await;
    assert_eq!(kind(gone), ErrorKind::Unauthorized);
}

/// `.` and `..` vanish from URLs, and what is left would delete every token.
#[tokio::test]
async fn what_is_no_path_segment_deletes_nothing() {
    let (emulator, app, jam, _) = world(settings()).await;
    let id_token = app.id_token(ANN).unwrap();
    let kept = app.refresh_token(ANN).unwrap();
    for token in ["", ".", ".."] {
        let refused = jam.delete_refresh_token(&id_token, token).await;
        assert_eq!(kind(refused), ErrorKind::BadRequest, "{token}");
    }
    for token in ["%2e%2e", "../", "?", "#", "/", "...", "\u{e4}\n"] {
        let unknown = jam.delete_refresh_token(&id_token, token).await;
        assert_eq!(kind(unknown), ErrorKind::NotFound, "{token}");
    }
    assert_eq!(emulator.requests(Endpoint::DeleteAllRefreshTokens), 0);
    assert_eq!(emulator.requests(Endpoint::DeleteRefreshToken), 7);
    jam.refresh(kept.expose()).await.unwrap();
}

#[tokio::test]
async fn an_id_token_that_no_header_can_carry_is_not_sent() {
    let (emulator, app, jam, _) = world(settings()).await;
    let kept = app.refresh_token(ANN).unwrap();
    for token in ["", "a b", "a\r\nx-evil: 1", "\u{e4}"] {
        let refused = jam.delete_all_refresh_tokens(token).await;
        assert_eq!(kind(refused), ErrorKind::Unauthorized, "{token}");
        let refused = jam.delete_refresh_token(token, kept.expose()).await;
        assert_eq!(kind(refused), ErrorKind::Unauthorized, "{token}");
    }
    assert_eq!(emulator.requests(Endpoint::DeleteAllRefreshTokens), 0);
    assert_eq!(emulator.requests(Endpoint::DeleteRefreshToken), 0);
}

#[tokio::test]
async fn an_unknown_app_is_not_found() {
    let (emulator, app, _, _) = world(settings()).await;
    let jam = JamClient::builder(UNKNOWN_APP).base_url(emulator.base_url()).build().unwrap();
    let token = app.id_token(ANN).unwrap();
    for (operation, kind) in [
        ("authenticate", kind(jam.authenticate(ANN).await)),
        ("jwks", kind(jam.jwks().await)),
        ("verify", kind(jam.verify_remote(&token).await)),
        ("refresh", kind(jam.refresh("abc").await)),
        ("delete", kind(jam.delete_refresh_token(&token, "abc").await)),
        ("delete all", kind(jam.delete_all_refresh_tokens(&token).await)),
    ] {
        assert_eq!(kind, ErrorKind::NotFound, "{operation}");
    }
}

#[tokio::test]
async fn requests_are_those_of_the_table() {
    let server = Canned::status(418, "").await;
    let base_url = format!("{}/jam/", server.base_url);
    let jam = client(&base_url);
    let token = "aGk+/A==";
    assert_eq!(kind(jam.authenticate("a\"nn@example.com").await), ErrorKind::UnexpectedStatus);
    let _ = jam.jwks().await.unwrap_err();
    let _ = jam.verify_remote("a.b.c").await.unwrap_err();
    let _ = jam.refresh(token).await.unwrap_err();
    let _ = jam.delete_refresh_token("a.b.c", token).await.unwrap_err();
    let _ = jam.delete_all_refresh_tokens("a.b.c").await.unwrap_err();
    let legacy = JamClient::builder(APP)
        .base_url(format!("{base_url}{APP}"))
        .legacy_paths(true)
        .build()
        .unwrap();
    let _ = legacy.delete_refresh_token("a.b.c", token).await.unwrap_err();
    let _ = legacy.delete_all_refresh_tokens("a.b.c").await.unwrap_err();

    let requests = server.requests();
    let expected = [
        ("POST", "authenticate", r#"{"email":"a\"nn@example.com"}"#),
        ("GET", ".well-known/jwks.json", ""),
        ("POST", "verify", r#"{"idToken":"a.b.c"}"#),
        ("POST", "refresh", r#"{"refreshToken":"aGk+/A=="}"#),
        ("DELETE", "user/refresh/aGk%2B%2FA%3D%3D", ""),
        ("DELETE", "user/refresh", ""),
        ("DELETE", "refresh/aGk%2B%2FA%3D%3D", ""),
        ("DELETE", "refresh", ""),
    ];
    assert_eq!(requests.len(), expected.len());
    for (request, (method, path, body)) in requests.iter().zip(expected) {
        let line = format!("{method} /jam/{APP}/{path} HTTP/1.1\r\n");
        assert!(request.starts_with(&line), "{request}");
        let (head, found) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(found, body);
        let head = head.to_ascii_lowercase();
        assert_eq!(head.contains("authorization: bearer a.b.c"), method == "DELETE", "{head}");
        assert_eq!(head.contains("content-type: application/json"), method == "POST", "{head}");
    }
}

#[test]
fn a_builder_given_nonsense_says_what_to_do() {
    for builder in [
        JamClient::builder(""),
        JamClient::builder("a/b"),
        JamClient::builder(APP).base_url("http://api.justauthenticate.me"),
        JamClient::builder(APP).base_url("api.justauthenticate.me"),
        JamClient::builder(APP).timeout(Duration::ZERO),
    ] {
        assert_eq!(kind(builder.build()), ErrorKind::Configuration);
    }
    JamClient::new(APP).unwrap();
}
