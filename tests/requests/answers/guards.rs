//! Guards: by themselves, before the body, and what they show to what is inside.

use super::{EXPIRED, ID, MISSING};
use crate::support::{ANN, Request, Servers, Site, World, open, receive};
use actix_web::middleware::Condition;
use actix_web::{HttpRequest, web};
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use jamguard::{Authenticator, CredentialSource};

#[tokio::test]
async fn a_guard_without_the_layer_authenticates_by_itself() {
    let world = World::new().await;
    let site = Site::new(world.auth().build().unwrap()).without_layer();
    let servers = Servers::start(site).await;
    let good = world.token();
    for path in ["/guarded", "/guarded-get", "/guarded-scope/page", "/guarded-scope/me"] {
        let answer = servers.ask(Request::get(path)).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), Some(MISSING));
        let answer = servers.ask(Request::get(path).bearer(&world.expired_token())).await;
        assert_eq!(answer.header("www-authenticate"), Some(EXPIRED));
        for request in [Request::get(path).bearer(&good), Request::get(path).cookie(ID, &good)] {
            let answer = servers.ask(request).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("vary"), Some("authorization, cookie"));
        }
    }
    // What it found is there for the extractors inside.
    let request = Request::get("/guarded-scope/me").bearer(&good);
    assert_eq!(servers.ask(request).await.text(), ANN);
    // Beside it, nothing is guarded, and extractors stay shut.
    assert_eq!(servers.ask(Request::get("/public")).await.status, 200);
    assert_eq!(servers.ask(Request::get("/me").bearer(&good)).await.status, 500);
}

/// The client announces 100 MB and never sends them.
#[tokio::test]
async fn a_guard_answers_before_the_body_is_read() {
    let world = World::new().await;
    for site in [
        Site::new(world.auth().build().unwrap()),
        Site::new(world.auth().build().unwrap()).without_layer(),
    ] {
        let servers = Servers::start(site).await;
        for credential in ["", "authorization: Bearer garbage\r\n"] {
            let head = format!(
                "POST /guarded HTTP/1.1\r\nhost: app.example\r\ncontent-type: text/plain\r\n\
                 {credential}content-length: 100000000\r\n\r\n"
            );
            for (name, address) in servers.each() {
                let mut stream = open(address, head.as_bytes()).await;
                let answer = receive(&mut stream, false).await;
                assert_eq!(answer.status, 401, "{name}");
                assert_eq!(answer.json()["status"], 401);
            }
        }
        // With a token, the body is read and comes back.
        let request = Request::post("/guarded", "a body").bearer(&world.token());
        assert_eq!(servers.ask(request).await.text(), "a body");
    }
}

async fn axum_headers(headers: HeaderMap) -> String {
    format!("{headers:?}")
}

async fn actix_request(request: HttpRequest) -> String {
    format!("{request:?}")
}

/// A handler, or a trace, that prints what it got does not print the credential.
#[tokio::test]
async fn inside_the_layer_credentials_are_marked_sensitive() {
    let world = World::new().await;
    let auth: Authenticator = world
        .auth()
        .sources([CredentialSource::bearer(), CredentialSource::header("x-id-token")])
        .build()
        .unwrap();
    let outside = Router::new().route("/outside", get(axum_headers));
    let router = Router::new()
        .route("/layer", get(axum_headers))
        .layer(auth.layer())
        .route("/guard", get(axum_headers).route_layer(auth.require_login()))
        .merge(outside);
    let wrap = move || Condition::new(true, auth.actix());
    let servers = Servers::serve(router, wrap, |config| {
        config.service(web::resource(["/layer", "/guard"]).to(actix_request));
    })
    .await;
    let token = world.token();
    let signature = token.rsplit('.').next().unwrap();
    for path in ["/layer", "/guard"] {
        for request in [
            Request::get(path).bearer(&token),
            Request::get(path).cookie(ID, &token).header("x-other", "shown"),
            // More than one header of a name.
            Request::get(path).cookie("other", "shown").cookie(ID, &token),
            Request::get(path).header("x-other", "shown").header("x-other", "again").bearer(&token),
        ] {
            for (name, address) in servers.each() {
                let answer = crate::support::send(address, &request).await;
                assert_eq!(answer.status, 200, "{name}");
                assert!(answer.text().contains("app.example"), "{name} prints headers");
                assert!(!answer.text().contains(signature), "{name} {path}");
            }
        }
        // A header of the application's own; actix-web marks none but its own two.
        let request = Request::get(path).header("x-id-token", &token);
        let answer = crate::support::send(servers.axum, &request).await;
        assert!(answer.text().contains("Sensitive") && !answer.text().contains(signature));
    }
    // Without an ID token the cookies may still hold a refresh token.
    let request = Request::get("/layer").cookie("__Host-jam_refresh", &token);
    for (name, address) in servers.each() {
        let answer = crate::support::send(address, &request).await;
        assert_eq!(answer.status, 200, "{name}");
        assert!(!answer.text().contains(signature), "{name}");
    }
    // Outside it is shown, so the test can fail.
    let request = Request::get("/outside").bearer(&token);
    let answer = crate::support::send(servers.axum, &request).await;
    assert!(answer.text().contains(signature));
}
