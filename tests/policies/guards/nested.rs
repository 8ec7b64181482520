//! Tables of routes inside of nested routers and scopes: patterns are whole paths there too.

use super::auth;
use crate::support::World;
use actix_web::http::StatusCode as ActixStatus;
use actix_web::web;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, Uri};
use axum::routing::{any, get};
use jamguard::policy::{RouteTable, Unmatched, role};
use tower::{Layer, ServiceExt};
use tower_http::normalize_path::NormalizePathLayer;

fn table(unmatched: Unmatched, pattern: &str) -> RouteTable {
    RouteTable::builder(unmatched).guard("*", pattern, role("admin")).build().unwrap()
}

async fn status(router: &Router, path: &str) -> StatusCode {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn a_guard_in_a_nested_router_reads_the_whole_path() {
    let world = World::new().await;
    let auth = auth(&world);
    for unmatched in [Unmatched::Allow, Unmatched::Deny] {
        let guard = auth.routes(table(unmatched, "/api/{version}/admin"));
        let inner = Router::new().route("/admin", get(|| async { "secret" })).layer(guard.clone());
        let middle = Router::new().nest("/{version}", inner);
        let router = Router::new().nest("/api", middle);
        for path in ["/api/v1/admin", "/api/v1/%61dmin", "/API/v1/admin"] {
            let answer = status(&router, path).await;
            assert_ne!(answer, StatusCode::OK, "{path}, {unmatched:?}");
        }
        assert_eq!(
            status(&router, "/api/v1/admin").await,
            StatusCode::UNAUTHORIZED,
            "{unmatched:?}"
        );
        // The root of the nested router, of which nothing is left.
        let root = Router::new().route("/", any(|| async { "secret" }));
        let router = Router::new().nest("/api/v1/admin", root.layer(guard));
        for path in ["/api/v1/admin", "/api/v1/admin/"] {
            assert_ne!(status(&router, path).await, StatusCode::OK, "{path}");
        }
    }
}

#[tokio::test]
async fn a_pattern_for_the_rest_of_a_nested_path_is_an_error_and_opens_nothing() {
    let world = World::new().await;
    let auth = auth(&world);
    for (unmatched, expected) in [
        (Unmatched::Allow, StatusCode::INTERNAL_SERVER_ERROR),
        (Unmatched::Deny, StatusCode::FORBIDDEN),
    ] {
        let inner = Router::new()
            .route("/admin", get(|| async { "secret" }))
            .route("/news", get(|| async { "news" }))
            .layer(auth.routes(table(unmatched, "/admin")));
        let router = Router::new().nest("/api", inner);
        assert_eq!(status(&router, "/api/admin").await, expected);
        let fine = status(&router, "/api/news").await;
        assert_eq!(fine == StatusCode::OK, matches!(unmatched, Unmatched::Allow));
        assert_eq!(status(&router, "/api/%61dmin").await, StatusCode::NOT_FOUND);
        assert_eq!(status(&router, "/API/admin").await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_path_that_was_rewritten_between_two_routers_is_read_as_the_inner_one_sees_it() {
    let world = World::new().await;
    let guard = auth(&world).routes(table(Unmatched::Allow, "/admin"));
    let inner = Router::new().route("/admin", get(|| async { "secret" })).layer(guard);
    let rewritten = tower::util::MapRequestLayer::new(|mut request: Request<Body>| {
        *request.uri_mut() = Uri::from_static("/admin");
        request
    })
    .layer(inner);
    let router = Router::new().route_service("/elsewhere", rewritten);
    assert_eq!(status(&router, "/elsewhere").await, StatusCode::UNAUTHORIZED);
}

/// `NormalizePath` changes what is left of a nested path, and the guard behind it sees that.
#[tokio::test]
async fn a_path_that_is_normalized_in_a_nested_router_is_read_whole() {
    let world = World::new().await;
    let auth = auth(&world);
    for (place, pattern) in [
        ("/api", "/api/users"),
        ("/{tenant}", "/{tenant}/users"),
        ("/api/{version}", "/api/{version}/users"),
    ] {
        let guard = auth.routes(table(Unmatched::Allow, pattern));
        let inner = Router::new().route("/users", any(|| async { "secret" }));
        let guarded = NormalizePathLayer::trim_trailing_slash().layer(guard.layer(inner));
        let router = Router::new().nest_service(place, guarded);
        let place = place.replace("{tenant}", "api").replace("{version}", "v1");
        for (rest, expected) in [
            ("/users", StatusCode::UNAUTHORIZED),
            ("/users/", StatusCode::UNAUTHORIZED),
            ("//users", StatusCode::BAD_REQUEST),
            ("/users//", StatusCode::BAD_REQUEST),
        ] {
            let path = format!("{place}{rest}");
            assert_eq!(status(&router, &path).await, expected, "{path}");
        }

        let guard = auth.routes(table(Unmatched::Allow, pattern));
        let inner = Router::new().route("/users/", any(|| async { "secret" }));
        let guarded = NormalizePathLayer::append_trailing_slash().layer(guard.layer(inner));
        let router = Router::new().nest_service(&place, guarded);
        for rest in ["/users", "/users/"] {
            let answer = status(&router, &format!("{place}{rest}")).await;
            assert_eq!(answer, StatusCode::UNAUTHORIZED, "{place}{rest}");
        }
    }
}

/// Another path in the place of the one that was sent, before a nested router or within it.
#[tokio::test]
async fn a_path_that_was_rewritten_around_a_nested_router_is_read_whole() {
    let world = World::new().await;
    let guard = auth(&world).routes(table(Unmatched::Allow, "/api/admin"));
    let to = |path: &'static str| {
        tower::util::MapRequestLayer::new(move |mut request: Request<Body>| {
            *request.uri_mut() = Uri::from_static(path);
            request
        })
    };
    let inner = || Router::new().route("/admin", any(|| async { "secret" }));
    let nested = Router::new().nest("/api", inner().layer(guard.clone()));
    let before = Router::new().fallback_service(to("/api/admin").layer(nested));
    for path in ["/old/admin", "/admin", "/old", "/a/b/c"] {
        let answer = status(&before, path).await;
        assert_eq!(answer, StatusCode::UNAUTHORIZED, "{path}");
    }
    let within = to("/admin").layer(guard.layer(inner()));
    let within = Router::new().nest_service("/api", within);
    for path in ["/api/old", "/api/x/admin", "/api"] {
        let answer = status(&within, path).await;
        assert_eq!(answer, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[actix_web::test]
async fn a_guard_in_a_scope_reads_the_whole_path() {
    let world = World::new().await;
    let guard = auth(&world).routes(table(Unmatched::Allow, "/api/{version}/admin"));
    let app = actix_web::App::new().service(
        web::scope("/api").service(
            web::scope("/{version}")
                .wrap(guard)
                .route("/admin", web::get().to(|| async { "secret" }))
                .route("/news", web::get().to(|| async { "news" })),
        ),
    );
    let service = actix_web::test::init_service(app).await;
    for (path, expected) in
        [("/api/v1/admin", ActixStatus::UNAUTHORIZED), ("/api/v1/news", ActixStatus::OK)]
    {
        let request = actix_web::test::TestRequest::with_uri(path).to_request();
        let answer = actix_web::test::call_service(&service, request).await;
        assert_eq!(answer.status(), expected, "{path}");
    }
}
