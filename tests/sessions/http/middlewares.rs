//! Middlewares between the layer and the handlers: one that fails answers the request all the same.

use crate::http::site::{World, put};
use crate::http::{COOKIE, Client, is_removal};
use crate::support::{Request, Servers};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, ResponseError, web};
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jamguard::{Error, ErrorKind, Session};

/// The application's own error, with an answer of its own.
#[derive(Debug)]
struct Own;

impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("own")
    }
}

impl ResponseError for Own {
    fn status_code(&self) -> StatusCode {
        StatusCode::IM_A_TEAPOT
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .content_type("text/plain; charset=utf-8")
            .body("own words")
    }
}

impl IntoResponse for Own {
    fn into_response(self) -> Response {
        (axum::http::StatusCode::IM_A_TEAPOT, "own words").into_response()
    }
}

fn failure(asked: &[u8]) -> Error {
    let kind = match asked {
        b"internal" => ErrorKind::Internal,
        _ => ErrorKind::Forbidden,
    };
    Error::new(kind, "the middleware fails")
}

/// Lets the handler answer, and then fails as the request's header says.
async fn fail_in_axum(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Result<Response, Response> {
    let fails = request.headers().get("x-fail").cloned();
    let answer = next.run(request).await;
    match fails.as_ref().map(|value| value.as_bytes()) {
        None => Ok(answer),
        Some(b"own") => Err(Own.into_response()),
        Some(asked) => Err(failure(asked).into_response()),
    }
}

async fn fail_in_actix(
    request: ServiceRequest,
    next: actix_web::middleware::Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let fails = request.headers().get("x-fail").cloned();
    let answer = next.call(request).await?;
    match fails.as_ref().map(|value| value.as_bytes()) {
        None => Ok(answer),
        Some(b"own") => Err(Own.into()),
        Some(asked) => Err(failure(asked).into()),
    }
}

async fn logout(session: Session<crate::http::site::Cart>) -> Result<&'static str, Error> {
    session.end().await?;
    Ok("out")
}

async fn servers(world: &World) -> Servers {
    let (auth, guard) = (world.auth.clone(), world.auth.require_login());
    let router = Router::new()
        .route("/put", post(put))
        .route("/logout", post(logout).layer(guard.clone()))
        .layer(axum::middleware::from_fn(fail_in_axum))
        .layer(auth.layer());
    Servers::apps(router, move || {
        App::new()
            .service(web::resource("/put").to(put))
            .service(web::resource("/logout").wrap(guard.clone()).to(logout))
            .wrap(actix_web::middleware::from_fn(fail_in_actix))
            .wrap(auth.actix())
    })
    .await
}

#[tokio::test]
async fn a_session_is_saved_also_where_a_middleware_inside_fails() {
    let world = World::new().await;
    let servers = servers(&world).await;
    for (name, address) in servers.each() {
        let mut client = Client { address, id: None };
        for (fails, status) in [("forbidden", 403), ("own", 418)] {
            let request = Request::post("/put", "tea").header("x-fail", fails);
            let answer = client.other().ask(request).await;
            assert_eq!(answer.status, status, "{name}");
            let cookie = answer.header("set-cookie").unwrap_or_default();
            assert!(cookie.starts_with(COOKIE), "{name} {fails}: {cookie}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
            assert_eq!(answer.header("vary"), Some("authorization, cookie"));
            if fails == "own" {
                assert_eq!(answer.text(), "own words");
            }
        }
        let request = Request::post("/put", "tea").header("x-fail", "forbidden");
        client.ask(request).await;
        assert_eq!(client.post("/put", "milk").await.text(), "tea milk", "{name}");

        // A failure of the server saves nothing.
        let request = Request::post("/put", "salt").header("x-fail", "internal");
        let answer = client.ask(request).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (500, None));
        assert_eq!(answer.header("vary"), Some("authorization, cookie"));
        let items = client.post("/put", "eggs").await;
        assert_eq!(items.text(), "tea milk eggs", "{name}");
    }
}

#[tokio::test]
async fn a_logout_removes_its_cookie_also_where_a_middleware_inside_fails() {
    let world = World::new().await;
    let servers = servers(&world).await;
    for (name, address) in servers.each() {
        let new = jamguard::NewSession::of("ann");
        let id = world.sessions.create_with(new).await.unwrap();
        let mut client = Client { address, id: None }.with(id.expose());
        let request = Request::post("/logout", "").header("x-fail", "own");
        let answer = client.ask(request).await;
        assert_eq!(answer.status, 418, "{name}");
        assert!(is_removal(&answer), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(world.count("ann").await, 0, "{name}");
    }
}

/// What could not be saved is said in the place of the middleware's answer.
#[tokio::test]
async fn a_failed_save_is_answered_also_where_a_middleware_inside_fails() {
    let world = World::new().await;
    let servers = servers(&world).await;
    world.store.set_down(true);
    for fails in ["forbidden", "own"] {
        let request = Request::post("/put", "tea").header("x-fail", fails);
        let answer = servers.ask(request).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (503, None));
        assert_eq!(answer.json()["type"], "unavailable");
    }
}

#[tokio::test]
async fn both_frameworks_answer_a_failing_middleware_alike() {
    let world = World::new().await;
    let servers = servers(&world).await;
    for fails in ["forbidden", "own", "internal"] {
        let request = Request::post("/logout", "").header("x-fail", fails);
        servers.ask(request.clone()).await;
        let dead = request.cookie(COOKIE, &"A".repeat(43));
        let answer = servers.ask(dead).await;
        assert!(is_removal(&answer), "{fails}");
    }
}
