//! Guards as tower-http's `AsyncAuthorizeRequest`, and credentials in the log of its `TraceLayer`.

use super::logs::Log;
use super::{EXPIRED, ID, MISSING};
use crate::support::{ANN, Request, World, send, serve_axum};
use axum::Router;
use axum::routing::get;
use jamguard::emulator::IdToken;
use jamguard::policy::{RouteTable, Unmatched, authenticated, custom_async, role};
use jamguard::store::MemoryStore;
use jamguard::tower::RequestSpan;
use jamguard::{
    Authenticator, CredentialSource, Identity, RouteGuard, Session, SessionCookie, Sessions,
};
use std::net::SocketAddr;
use tower_http::auth::AsyncRequireAuthorizationLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};

fn authorized(guard: RouteGuard) -> AsyncRequireAuthorizationLayer<RouteGuard> {
    AsyncRequireAuthorizationLayer::new(guard)
}

async fn email(identity: Option<Identity>) -> String {
    identity.map_or("nobody".to_owned(), |identity| {
        let claims: &serde_json::Value = identity.claims().unwrap();
        claims["email"].as_str().unwrap().to_owned()
    })
}

async fn serve(router: Router) -> SocketAddr {
    serve_axum(router).await.0
}

async fn status(address: SocketAddr, path: &str, token: &str) -> u16 {
    send(address, &Request::get(path).bearer(token)).await.status
}

#[tokio::test]
async fn a_guard_decides_and_attaches_the_identity() {
    let world = World::new().await;
    let auth = world.auth().build().unwrap();
    let waits = custom_async("waits", |subject| {
        let answer = subject.claims().text("waits") == Some("yes");
        async move {
            tokio::task::yield_now().await;
            Ok(answer)
        }
    });
    let guarded = |guard| get(email).route_layer(authorized(guard));
    let address = serve(
        Router::new()
            .route("/me", guarded(auth.require_login()))
            .route("/admin", guarded(auth.require(role("admin"))))
            .route("/waits", guarded(auth.require(waits))),
    )
    .await;
    for path in ["/me", "/admin", "/waits"] {
        let answer = send(address, &Request::get(path)).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some(MISSING)));
        assert_eq!(answer.json()["status"], 401);
        let answer = send(address, &Request::get(path).bearer(&world.expired_token())).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some(EXPIRED)));
    }
    let answer = send(address, &Request::get("/me").cookie(ID, &world.token())).await;
    assert_eq!((answer.status, answer.text()), (200, ANN));

    let admin = world.issue(IdToken::new(ANN).claim("roles", vec!["admin"]));
    let yes = world.issue(IdToken::new(ANN).claim("waits", "yes"));
    for (path, token, expected) in [
        ("/me", &world.token(), 200),
        ("/admin", &world.token(), 403),
        ("/admin", &admin, 200),
        ("/waits", &admin, 403),
        ("/waits", &yes, 200),
    ] {
        assert_eq!(status(address, path, token).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_route_table_decides() {
    let world = World::new().await;
    let auth = world.auth().build().unwrap();
    let table = RouteTable::builder(Unmatched::Deny)
        .public("GET", "/open")
        .guard("GET", "/me", authenticated())
        .guard("GET", "/admin", role("admin"));
    let routes = ["/open", "/me", "/admin", "/unlisted"];
    let router = routes.iter().fold(Router::new(), |router, path| router.route(path, get(email)));
    let address = serve(router.layer(authorized(auth.routes(table.build().unwrap())))).await;
    assert_eq!(send(address, &Request::get("/open")).await.text(), "nobody");
    assert_eq!(send(address, &Request::get("/me")).await.status, 401);
    let token = world.token();
    assert_eq!(send(address, &Request::get("/open").bearer(&token)).await.text(), ANN);
    for (path, expected) in [("/me", 200), ("/admin", 403), ("/unlisted", 403)] {
        assert_eq!(status(address, path, &token).await, expected, "{path}");
    }
}

async fn count(session: Session<u64>) -> Result<String, jamguard::Error> {
    session.modify(|count| *count += 1)?;
    Ok(session.to_string())
}

fn sessions() -> Sessions {
    Sessions::builder(MemoryStore::new()).build().unwrap()
}

/// Behind the layer the session is saved; without it no request passes, because it would not be.
#[tokio::test]
async fn a_session_is_saved_behind_the_layer_and_fails_closed_without_it() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let cookie = SessionCookie::new().danger_plain_http();
    let auth = world.auth().sessions(sessions()).session_cookie(cookie).build().unwrap();
    let table = || RouteTable::builder(Unmatched::Deny).public("GET", "/count").build().unwrap();
    let guard = || authorized(auth.routes(table()));
    let router = || Router::new().route("/count", get(count));
    let layered = serve(router().layer(guard()).layer(auth.layer())).await;
    let first = send(layered, &Request::get("/count")).await;
    let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let second = send(layered, &Request::get("/count").header("cookie", &cookie)).await;
    assert_eq!((first.text(), second.text()), ("1", "2"));

    let refreshing = world.auth().silent_refresh(world.client()).build().unwrap();
    let other = Authenticator::builder().jam(world.jam()).build().unwrap();
    for router in [
        router().layer(guard()),
        // The layer of another authenticator does not save this one's sessions.
        router().layer(guard()).layer(other.layer()),
        router().layer(authorized(refreshing.routes(table()))),
    ] {
        let answer = send(serve(router).await, &Request::get("/count")).await;
        assert_eq!(answer.status, 500);
        assert!(answer.all("set-cookie").is_empty());
    }
    let advice = "AsyncRequireAuthorizationLayer cannot save sessions or renewed tokens";
    assert!(log.text().lines().any(|line| line.contains(advice) && line.contains("ERROR")));
}

/// A guard that sees the request only does not keep the layer inside of it from its work.
#[tokio::test]
async fn a_layer_inside_of_a_guard_completes_the_response() {
    let world = World::new().await;
    let auth = world.auth().build().unwrap();
    let table = RouteTable::builder(Unmatched::Deny).public("GET", "/open").build().unwrap();
    let router = Router::new().route("/open", get(email)).layer(auth.layer());
    let address = serve(router.layer(authorized(auth.routes(table)))).await;
    let answer = send(address, &Request::get("/open").cookie(ID, &world.token())).await;
    assert_eq!((answer.text(), answer.header("vary")), (ANN, Some("authorization, cookie")));
    let answer = send(address, &Request::get("/open").cookie(ID, &world.expired_token())).await;
    assert_eq!((answer.text(), answer.all("set-cookie").len()), ("nobody", 1));
}

/// A `TraceLayer` around the layer that prints all it can.
#[tokio::test]
async fn a_trace_around_the_layer_shows_no_credential() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let auth = world
        .auth()
        .sources([
            CredentialSource::bearer(),
            CredentialSource::header("x-id-token"),
            CredentialSource::query("access_token"),
        ])
        .sessions(sessions())
        .session_cookie(SessionCookie::new().danger_plain_http())
        .build()
        .unwrap();
    let names: Vec<String> = auth.sensitive_headers().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["authorization", "x-id-token", "cookie", "x-csrf-token"]);

    let router = || {
        let own = [("set-cookie", "own=handlers-own-cookie")];
        Router::new()
            .route("/traced", get(async move |_: Identity| (own, "known")))
            .route("/traced-count", get(count))
            .layer(auth.layer())
    };
    let sensitive = || SetSensitiveRequestHeadersLayer::new(auth.sensitive_headers());
    let answers = || DefaultOnResponse::new().include_headers(true);
    let span = DefaultMakeSpan::new().include_headers(true);
    let headers = TraceLayer::new_for_http().make_span_with(span).on_response(answers());
    let span = RequestSpan::new().include_headers(true);
    let all = TraceLayer::new_for_http().make_span_with(span).on_response(answers());
    let headers = serve(router().layer(headers).layer(sensitive())).await;
    let all = serve(router().layer(all).layer(sensitive())).await;

    let token = world.token();
    let refused = world.expired_token();
    let mut secrets = vec!["handlers-own-cookie".to_owned(), "form-token".to_owned()];
    let before = log.text().len();
    for address in [headers, all] {
        for token in [&token, &refused] {
            secrets.push(token.rsplit('.').next().unwrap().to_owned());
            for request in [
                Request::get("/traced").bearer(token),
                Request::get("/traced").header("x-id-token", token),
                Request::get("/traced").cookie(ID, token).header("x-csrf-token", "form-token"),
            ] {
                send(address, &request).await;
            }
        }
        let answer = send(address, &Request::get("/traced-count")).await;
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
        secrets.push(cookie.split_once('=').unwrap().1.to_owned());
        send(address, &Request::get("/traced-count").header("cookie", cookie)).await;
    }
    let in_query = Request::get("/traced").in_query("access_token", &token);
    assert_eq!(send(all, &in_query).await.status, 200);
    let text = log.text()[before..].to_owned();
    for secret in &secrets {
        assert!(!text.contains(secret), "the log shows {secret}");
    }
    for shown in ["path=\"/traced\"", "app.example", "Sensitive", "set-cookie"] {
        assert!(text.contains(shown), "the log does not show {shown}");
    }
    // tower-http's own span prints the query, so the test can fail.
    let before = log.text().len();
    send(headers, &Request::get("/traced").in_query("access_token", "shown")).await;
    assert!(log.text()[before..].contains("access_token=shown"));
}
