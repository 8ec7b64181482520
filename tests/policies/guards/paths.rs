//! Attack 32 of `docs/attacks.md`: a path or method written in another way gets past no guard.

use super::{admin, auth, token};
use crate::support::{Around, Guarded, Request, SECRET, Servers, World, send};
use actix_web::middleware::NormalizePath;
use actix_web::web;
use axum::Router;
use axum::routing::any;
use jamguard::Authenticator;
use jamguard::policy::{RouteTable, Unmatched, role};
use serde_json::json;
use tower::{Layer, ServiceExt};
use tower_http::normalize_path::NormalizePathLayer;

/// Spellings of `/area/secret`.
const SPELLINGS: [&str; 49] = [
    "/area/secret",
    "/area/secret/",
    "/area/secret//",
    "//area/secret",
    "/area//secret",
    "///area///secret",
    "/./area/secret",
    "/area/./secret",
    "/area/secret/.",
    "/x/../area/secret",
    "/area/x/../secret",
    "/../area/secret",
    "/public/../area/secret",
    "/%2e/area/secret",
    "/x/%2e%2e/area/secret",
    "/x/..;/area/secret",
    "/public/..%2farea/secret",
    "/;/area/secret",
    "/area;x=1/secret",
    "/area/secret;x=1",
    "/area/secret;",
    "/area/secret%3Bx",
    "/%61rea/secret",
    "/area/%73ecret",
    "/area/secre%74",
    "/%61%72%65%61/%73%65%63%72%65%74",
    "/%2561rea/secret",
    "/AREA/SECRET",
    "/Area/secret",
    "/area/Secret/",
    "/%41rea/secret",
    "/area%2Fsecret",
    "/area%2fsecret",
    "/%2Farea/secret",
    "/area/secret%2F",
    "/area%5csecret",
    "/area\\secret",
    "/area/secret%00",
    "/area/secret%0a",
    "/area/secret%20",
    "/area/secret%",
    "/area/secret%zz",
    "/area/secret%ff",
    "/area/secret?x=/public",
    "/area/secret?",
    "/area/secret#",
    "http://app.example/area/secret",
    "http://app.example//area/secret",
    "/public/area/secret",
];

const METHODS: [&str; 12] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "Get",
    "GETX",
];

/// No spelling and no method leads anybody but an admin to the secret.
async fn nobody_gets_in(world: &World, servers: &Servers, what: &str) {
    let user = token(world, json!({"roles": ["guest"]}));
    for (name, address) in servers.each() {
        for target in SPELLINGS {
            for request in [
                Request::get(target),
                Request::get(target).bearer(&user),
                Request::get(target).bearer(&user).header("x-original-url", "/public"),
                Request::get(target).bearer(&user).header("x-http-method-override", "OPTIONS"),
            ] {
                let answer = send(address, &request).await;
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(!body.contains(SECRET), "{what}, {name}: {target} gets in");
            }
        }
        for method in METHODS {
            let request = Request::new(method, "/area/secret").bearer(&user);
            let answer = send(address, &request).await;
            assert!(answer.status >= 400, "{what}, {name}: {method} gets {}", answer.status);
        }
        let request = Request::get("/area/secret").bearer(&admin(world));
        let answer = send(address, &request).await;
        assert_eq!((answer.status, answer.text()), (200, SECRET), "{what}, {name}");
        let answer = send(address, &Request::get("/public")).await;
        assert_eq!((answer.status, answer.text()), (200, "public"), "{what}, {name}");
    }
}

async fn secret() -> &'static str {
    SECRET
}

async fn public() -> &'static str {
    "public"
}

fn open() -> Router {
    Router::new().route("/area/secret", any(secret)).route("/public", any(public))
}

fn closing(unmatched: Unmatched) -> RouteTable {
    RouteTable::builder(unmatched)
        .guard("*", "/area/{*rest}", role("admin"))
        .public("*", "/public")
        .build()
        .unwrap()
}

fn tabled(auth: &Authenticator, unmatched: Unmatched) -> jamguard::RouteGuard {
    auth.routes(closing(unmatched))
}

macro_rules! open_app {
    () => {
        actix_web::App::new()
            .service(web::resource("/area/secret").to(secret))
            .service(web::resource("/public").to(public))
    };
}

#[tokio::test]
async fn guards_of_routers_and_scopes_hold() {
    let world = World::new().await;
    let auth = auth(&world);
    let area = Router::new().route("/secret", any(secret)).layer(auth.require(role("admin")));
    let router =
        Router::new().nest("/area", area).route("/public", any(public)).layer(auth.layer());
    let app = move || {
        let area = web::scope("/area")
            .wrap(auth.require(role("admin")))
            .service(web::resource("/secret").to(secret));
        actix_web::App::new()
            .wrap(auth.actix())
            .service(area)
            .service(web::resource("/public").to(public))
    };
    let servers = Servers::apps(router, app).await;
    nobody_gets_in(&world, &servers, "router").await;
}

#[tokio::test]
async fn a_table_around_the_application_holds() {
    let world = World::new().await;
    for unmatched in [Unmatched::Deny, Unmatched::Allow] {
        let auth = auth(&world);
        let router = open().layer(tabled(&auth, unmatched));
        let app = move || open_app!().wrap(tabled(&auth, unmatched));
        let servers = Servers::apps(router, app).await;
        nobody_gets_in(&world, &servers, &format!("{unmatched:?}")).await;
    }
}

/// Behind the table somebody mends paths, and the table must have foreseen it.
#[tokio::test]
async fn a_table_holds_in_front_of_middleware_that_rewrites_paths() {
    let world = World::new().await;
    let auth = auth(&world);
    let mended = NormalizePathLayer::trim_trailing_slash().layer(open());
    let router = Router::new().fallback_service(mended).layer(tabled(&auth, Unmatched::Allow));
    let app = move || open_app!().wrap(NormalizePath::trim()).wrap(tabled(&auth, Unmatched::Allow));
    let servers = Servers::apps(router, app).await;
    nobody_gets_in(&world, &servers, "rewritten behind the table").await;
}

/// Without any guard some of the spellings do arrive, so the tests above can fail.
#[tokio::test]
async fn spellings_lead_to_the_route() {
    let mended = NormalizePathLayer::trim_trailing_slash().layer(open());
    let router = Router::new().fallback_service(mended);
    let app = || open_app!().wrap(NormalizePath::trim());
    let servers = Servers::apps(router, app).await;
    for (name, address) in servers.each() {
        let mut arrived = 0;
        for target in SPELLINGS {
            let answer = send(address, &Request::get(target)).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            arrived += usize::from(body.contains(SECRET));
        }
        assert!(arrived > 3, "{name}: only {arrived}");
    }
}

/// The guards of one authenticator do not trust what the layer of another found.
#[tokio::test]
async fn another_authenticators_layer_counts_for_nothing() {
    let (world, other) = (World::new().await, World::new().await);
    let (ours, theirs) = (auth(&world), auth(&other));
    let mut site = Guarded::new(ours, Around::Nothing);
    let router = site.axum().layer(theirs.layer());
    site.around = Around::Nothing;
    let app = move || {
        let site = site.clone();
        actix_web::App::new().configure(move |config| site.actix(config)).wrap(theirs.actix())
    };
    let servers = Servers::apps(router, app).await;
    let request = Request::get("/admin").bearer(&admin(&other));
    assert_eq!(servers.ask(request).await.status, 401);
}

/// In actix-web a resource with guards of its own, as `#[get]` makes one, leaves the other requests
/// to the next resource. A method that the closest pattern's rules do not name is refused before.
#[actix_web::test]
async fn a_method_that_a_closer_resource_leaves_to_a_wider_one_is_refused() {
    let world = World::new().await;
    let table = RouteTable::builder(Unmatched::Allow)
        .public("GET", "/users/me")
        .guard("*", "/users/{id}", role("admin"))
        .build()
        .unwrap();
    let guard = auth(&world).routes(table);
    for (guarded, expected) in [(false, 200), (true, 403)] {
        let closer = web::resource("/users/me").guard(actix_web::guard::Get());
        let app = actix_web::App::new()
            .service(closer.to(|| async { "me" }))
            .service(web::resource("/users/{id}").to(|| async { SECRET }))
            .wrap(actix_web::middleware::Condition::new(guarded, guard.clone()));
        let service = actix_web::test::init_service(app).await;
        let request = actix_web::test::TestRequest::delete().uri("/users/me");
        let answer = actix_web::test::call_service(&service, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), expected, "guarded: {guarded}");
    }
}

/// axum takes `/v/admin` for `/v{version}/admin`, and actix-web for `/{page}/admin`.
#[actix_web::test]
async fn a_parameter_that_is_empty_gets_past_no_rule() {
    let world = World::new().await;
    let table = RouteTable::builder(Unmatched::Allow)
        .guard("*", "/v{version}/admin", role("admin"))
        .build()
        .unwrap();
    let guard = auth(&world).routes(table);
    let router = Router::new().route("/v{version}/admin", any(|| async { SECRET }));
    let router = guard.layer(NormalizePathLayer::trim_trailing_slash().layer(router));
    for path in ["/v/admin", "/v/admin/"] {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty());
        let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{path}");
    }
    let table = RouteTable::builder(Unmatched::Allow)
        .public("*", "/x{version}/admin")
        .guard("*", "/{page}/admin", role("admin"))
        .build()
        .unwrap();
    let guard = auth(&world).routes(table);
    let app = actix_web::App::new()
        .service(web::resource("/x{version}/admin").to(|| async { "open" }))
        .service(web::resource("/{page}/admin").to(|| async { SECRET }))
        .wrap(guard);
    let service = actix_web::test::init_service(app).await;
    for (path, expected) in [("/x/admin", 401), ("/x1/admin", 200)] {
        let request = actix_web::test::TestRequest::with_uri(path).to_request();
        let answer = actix_web::test::call_service(&service, request).await;
        assert_eq!(answer.status().as_u16(), expected, "{path}");
    }
}
