//! What is no verdict of JAM, and verdicts with unusable bodies.

use crate::client::server::Canned;
use crate::client::{ANN, APP, client, kind};
use jamguard::{Error, ErrorKind, JamClient};
use std::time::Duration;
use tokio::net::TcpListener;

const TOKEN: &str = "eyJhbGciOiJFUzUxMiJ9.e30.c2VjcmV0";
const REFRESH: &str = "cmVmcmVzaCBzZWNyZXQ+/w==";

/// Every operation's failure, by name.
async fn all(jam: &JamClient) -> [(&'static str, Error); 6] {
    [
        ("authenticate", jam.authenticate(ANN).await.unwrap_err()),
        ("jwks", jam.jwks().await.unwrap_err()),
        ("verify", jam.verify_remote(TOKEN).await.unwrap_err()),
        ("refresh", jam.refresh(REFRESH).await.unwrap_err()),
        ("delete", jam.delete_refresh_token(TOKEN, REFRESH).await.unwrap_err()),
        ("delete all", jam.delete_all_refresh_tokens(TOKEN).await.unwrap_err()),
    ]
}

fn assert_no_secret(error: &Error) {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    for secret in [TOKEN, REFRESH, "cmVmcmVzaCBzZWNyZXQ", "eyJhbGciOiJFUzUxMiJ9"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// What a 401 means to each operation; not all have one.
fn refused(operation: &str) -> ErrorKind {
    match operation {
        "authenticate" | "jwks" => ErrorKind::UnexpectedStatus,
        "verify" => ErrorKind::NotVerified,
        _ => ErrorKind::Unauthorized,
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_kind_whatever_its_body() {
    let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(64 * 1024));
    let bodies = [
        "",
        "Bad luck.",
        "<html></html>",
        "[]",
        "null",
        "{}",
        r#"{"message":1}"#,
        r#"{"message":" \u0007"}"#,
        "{\"message\":\"x",
        &long,
    ];
    for body in bodies {
        for status in [400, 401, 404] {
            let server = Canned::status(status, body).await;
            for (operation, error) in all(&client(&server.base_url)).await {
                let expected = match status {
                    400 => ErrorKind::BadRequest,
                    401 => refused(operation),
                    _ => ErrorKind::NotFound,
                };
                let start: String = body.chars().take(20).collect();
                assert_eq!(error.kind(), expected, "{operation} {status} {start}");
                assert!(error.message().starts_with("JAM "), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_kind_where_its_body_does_not_arrive() {
    let head = "HTTP/1.1 401 Test\r\nContent-Length: 1000\r\n\r\n{\"message\":\"cut";
    let server = Canned::bytes(head).await;
    let cut = client(&server.base_url).verify_remote(TOKEN).await;
    assert_eq!(kind(cut), ErrorKind::NotVerified);
    let server = Canned::hanging(head).await;
    let builder = JamClient::builder(APP).base_url(&server.base_url);
    let jam = builder.timeout(Duration::from_secs(2)).build().unwrap();
    assert_eq!(kind(jam.refresh(REFRESH).await), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn jams_message_is_carried() {
    for status in [400, 404] {
        let server = Canned::status(status, r#"{"message":"Grüße, no app."}"#).await;
        for (operation, error) in all(&client(&server.base_url)).await {
            assert_eq!(error.message(), "Grüße, no app.", "{operation}");
            assert_eq!(error.to_string(), "Grüße, no app.");
        }
    }
}

#[tokio::test]
async fn jams_message_is_cut_and_cleaned() {
    let text = format!(r"a\r\n\u001b[31mb\u0000\u202ec{}", "x".repeat(1_000));
    let server = Canned::status(400, &format!(r#"{{"message":"{text}"}}"#)).await;
    let error = client(&server.base_url).authenticate(ANN).await.unwrap_err();
    assert!(error.message().starts_with("a[31mbcxxx"), "{error}");
    assert_eq!(error.message().chars().count(), 300);
}

#[tokio::test]
async fn jams_message_does_not_repeat_tokens() {
    let message = format!("{TOKEN} {REFRESH} cmVmcmVzaCBzZWNyZXQ%2B%2Fw%3D%3D");
    let body = format!(r#"{{"message":"{message}"}}"#);
    let server = Canned::status(404, &body).await;
    let jam = client(&server.base_url);
    let error = jam.delete_refresh_token(TOKEN, REFRESH).await.unwrap_err();
    assert_eq!(error.message(), "[token] [token] [token]");
    let error = jam.verify_remote(TOKEN).await.unwrap_err();
    assert!(error.message().starts_with("[token] "));

    // Characters that are taken out do not hide one.
    let (start, end) = TOKEN.split_at(TOKEN.len() / 2);
    let body = format!(r#"{{"message":"{start}\u200b{end}"}}"#);
    let server = Canned::status(404, &body).await;
    let error = client(&server.base_url).verify_remote(TOKEN).await;
    assert_eq!(error.unwrap_err().message(), "[token]");
}

#[tokio::test]
async fn any_other_status_is_a_kind_of_its_own() {
    let verdict = r#"{"message":"no","idToken":"a.b.c"}"#;
    for status in [201, 202, 203, 206, 304, 402, 403, 405, 409, 418, 429, 500, 502, 503, 599] {
        let server = Canned::status(status, if status == 304 { "" } else { verdict }).await;
        for (operation, error) in all(&client(&server.base_url)).await {
            assert_eq!(error.kind(), ErrorKind::UnexpectedStatus, "{operation} {status}");
            assert!(error.message().contains(&status.to_string()), "{error}");
            assert_no_secret(&error);
        }
    }
    let server = Canned::status(200, "").await;
    let jam = client(&server.base_url);
    let kind_of_delete = kind(jam.delete_all_refresh_tokens(TOKEN).await);
    assert_eq!(kind_of_delete, ErrorKind::UnexpectedStatus);
    let server = Canned::bytes("HTTP/1.1 204 No Content\r\n\r\n").await;
    let jam = client(&server.base_url);
    assert_eq!(kind(jam.verify_remote(TOKEN).await), ErrorKind::UnexpectedStatus);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Canned::status(200, r#"{"idToken":"a.b.c"}"#).await;
    for status in [301, 302, 303, 307, 308] {
        let server = Canned::bytes(format!(
            "HTTP/1.1 {status} Test\r\nConnection: close\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n",
            target.base_url
        ))
        .await;
        for (operation, error) in all(&client(&server.base_url)).await {
            assert_eq!(error.kind(), ErrorKind::UnexpectedStatus, "{operation} {status}");
        }
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn no_connection_is_no_verdict() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (operation, error) in all(&client(&base_url)).await {
        assert_eq!(error.kind(), ErrorKind::Connection, "{operation}");
        assert_no_secret(&error);
    }
}

#[tokio::test]
async fn what_is_not_http_or_breaks_off_is_a_failed_connection() {
    for answer in [
        "",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"idToken\":\"a.b.c\"}",
    ] {
        let server = Canned::bytes(answer).await;
        let jam = client(&server.base_url);
        let error = jam.refresh(REFRESH).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{answer}");
        assert_no_secret(&error);
    }
}

#[tokio::test]
async fn a_hanging_server_is_a_timeout() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"] {
        let server = Canned::hanging(answer).await;
        let builder = JamClient::builder(APP).base_url(&server.base_url);
        let jam = builder.timeout(Duration::from_millis(100)).build().unwrap();
        for (operation, error) in all(&jam).await {
            assert_eq!(error.kind(), ErrorKind::Timeout, "{operation}");
            assert_no_secret(&error);
        }
    }
}

#[tokio::test]
async fn a_success_without_its_content_is_an_unexpected_body() {
    let long_token = format!(r#"{{"idToken":"{}"}}"#, "x".repeat(64 * 1024));
    for body in [
        "",
        "<html></html>",
        "[]",
        "{}",
        "null",
        r#"{"idToken":1}"#,
        r#"{"idToken":""}"#,
        r#"{"idToken":"a.b.c"#,
        &long_token,
    ] {
        let server = Canned::status(200, body).await;
        let refreshed = client(&server.base_url).refresh(REFRESH).await;
        assert_eq!(kind(refreshed), ErrorKind::UnexpectedBody);
    }
    let long_set = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(1024 * 1024));
    for body in [
        "",
        "<html></html>",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"EC","crv":"P-521","x":"AA","y":"AA","kid":"a"}]}"#,
        &long_set,
    ] {
        let server = Canned::status(200, body).await;
        let keys = client(&server.base_url).jwks().await;
        assert_eq!(kind(keys), ErrorKind::UnexpectedBody);
    }
    let server =
        Canned::bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe".to_vec()).await;
    let refreshed = client(&server.base_url).refresh(REFRESH).await;
    assert_eq!(kind(refreshed), ErrorKind::UnexpectedBody);
}

/// The protocol gives these successes no body, so none is asked for.
#[tokio::test]
async fn the_body_of_other_successes_does_not_matter() {
    let long = "x".repeat(100 * 1024);
    for body in ["", "Sent.", "{}", &long] {
        let server = Canned::status(200, body).await;
        let jam = client(&server.base_url);
        jam.authenticate(ANN).await.unwrap();
        let verified = jam.verify_remote(TOKEN).await.unwrap();
        assert_eq!(verified.header()["alg"], "ES512");
        assert_eq!(*verified.claims(), serde_json::json!({}));
    }
}

#[tokio::test]
async fn what_jam_vouches_for_must_still_be_a_token() {
    let server = Canned::status(200, "{}").await;
    let jam = client(&server.base_url);
    for token in ["", "abc", "a.b.c", "eyJhbGciOiJFUzUxMiJ9.W10.c2ln", "e30.e30"] {
        assert_eq!(kind(jam.verify_remote(token).await), ErrorKind::Malformed, "{token}");
    }
}

#[tokio::test]
async fn debug_shows_no_claim() {
    let server = Canned::status(200, "{}").await;
    let jam = client(&server.base_url);
    let token = "eyJhbGciOiJFUzUxMiJ9.eyJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSJ9.c2ln";
    let verified = jam.verify_remote(token).await.unwrap();
    assert_eq!(verified.claims()["email"], ANN);
    assert!(!format!("{verified:?}").contains(ANN));
    assert!(format!("{jam:?}").contains(APP));
}
