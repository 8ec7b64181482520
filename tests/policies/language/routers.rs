//! The table against the routers that stand behind it: whichever handler axum or actix-web chooses
//! for a path, the table has asked for its policy.

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderValue;
use axum::body::Body;
use axum::routing::any;
use jamguard::policy::{RouteTable, RouteTableBuilder, Unmatched, role};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::future::poll_fn;
use tower::ServiceExt;

/// The same routes for axum and for actix-web; each is a role that its guard asks for.
const ROUTES: [(&str, &str); 11] = [
    ("/", "/"),
    ("/admin", "/admin"),
    ("/admin/users", "/admin/users"),
    ("/caf%C3%A9", "/caf\u{e9}"),
    ("/a+b", "/a+b"),
    ("/v{n}", "/v{n}"),
    ("/x/y/", "/x/y/"),
    ("/admin/{*rest}", "/admin/{rest:.+}"),
    ("/x/{id}", "/x/{id}"),
    ("/x/{id}/z", "/x/{id}/z"),
    ("/{page}", "/{page}"),
];

/// A path for each of them.
const ORDINARY: [&str; 11] = [
    "/",
    "/admin",
    "/admin/users",
    "/caf%C3%A9",
    "/a+b",
    "/v1",
    "/x/y/",
    "/admin/a/b",
    "/x/1",
    "/x/1/z",
    "/about",
];

/// Says by a header which route was chosen.
const CHOSEN: &str = "chosen";

/// Paths out of pieces that matter to somebody.
fn paths() -> impl Strategy<Value = String> {
    let pieces = vec![
        "",
        "admin",
        "admin",
        "admin",
        "ADMIN",
        "%61dmin",
        "admi%6e",
        "users",
        "users",
        "x",
        "x",
        "x",
        "y",
        "y",
        "z",
        "v",
        "1",
        "a+b",
        "a%2Bb",
        "a%2bb",
        "caf%C3%A9",
        "caf%c3%a9",
        "%2F",
        "%2f",
        "%25",
        "%2561",
        ".",
        "..",
        "%2e",
        ";",
        ";a=1",
        "%3B",
        "%20",
        "%5C",
        "\\",
        "{",
        "%7B",
        "%ff",
        "%",
        "~",
    ];
    let piece = prop::sample::select(pieces);
    let plain = prop::sample::select(vec!["admin", "users", "x", "y", "z", ""]);
    let segment = prop_oneof![
        3 => plain.prop_map(str::to_owned),
        2 => piece.clone().prop_map(str::to_owned),
        1 => (piece.clone(), piece).prop_map(|(a, b)| format!("{a}{b}")),
    ];
    let segments = prop::collection::vec(segment, 1..5);
    segments.prop_map(|segments| format!("/{}", segments.join("/")))
}

fn table(build: impl Fn(RouteTableBuilder, &'static str) -> RouteTableBuilder) -> RouteTable {
    let routes = ROUTES.iter().map(|(pattern, _)| *pattern);
    routes.fold(RouteTable::builder(Unmatched::Allow), build).build().unwrap()
}

/// Runs random paths past table and router; `choose` says which route the router takes.
fn never_past_the_table(mut choose: impl FnMut(&str) -> Option<String>) {
    // Each route in turn is the only one with a guard.
    let guards: Vec<(String, RouteTable)> = ROUTES
        .iter()
        .map(|(guarded, _)| {
            let table = table(|table, pattern| match pattern == *guarded {
                true => table.guard("*", pattern, role(pattern)),
                false => table.public("*", pattern),
            });
            ((*guarded).to_owned(), table)
        })
        .collect();
    let mut reached = BTreeSet::new();
    // The same paths in every run.
    let mut runner = TestRunner::deterministic();
    let random = (0..4_000).map(|_| paths().new_tree(&mut runner).unwrap().current());
    for path in ORDINARY.map(str::to_owned).into_iter().chain(random) {
        let Some(chosen) = choose(&path) else {
            continue;
        };
        let (_, table) = guards.iter().find(|(guarded, _)| *guarded == chosen).unwrap();
        if let Ok(access) = table.find("GET", &path) {
            let asked = access.policies().any(|policy| *policy == role(&*chosen));
            assert!(asked, "'{path}' reaches '{chosen}' unasked");
            reached.insert(chosen);
        }
    }
    assert_eq!(reached.len(), ROUTES.len(), "only {reached:?} were reached");
}

#[test]
fn axum_reaches_no_route_past_its_rule() {
    let router = ROUTES.iter().fold(axum::Router::new(), |router, (pattern, _)| {
        let name = *pattern;
        router.route(pattern, any(move || async move { [(CHOSEN, name)] }))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    never_past_the_table(|path| {
        let request = axum::http::Request::builder().uri(path).body(Body::empty()).ok()?;
        let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
        let chosen = response.headers().get(CHOSEN)?;
        Some(chosen.to_str().unwrap().to_owned())
    });
}

#[test]
fn actix_web_reaches_no_route_past_its_rule() {
    let app = ROUTES.iter().fold(actix_web::App::new(), |app, (name, pattern)| {
        let name = *name;
        app.route(
            pattern,
            actix_web::web::to(move || async move {
                actix_web::HttpResponse::Ok()
                    .insert_header((CHOSEN, HeaderValue::from_static(name)))
                    .finish()
            }),
        )
    });
    let system = actix_web::rt::System::new();
    let service = system.block_on(actix_web::test::init_service(app));
    never_past_the_table(|path| {
        let uri: actix_web::http::Uri = path.parse().ok()?;
        let request = actix_web::test::TestRequest::with_uri(&uri.to_string()).to_request();
        let response: ServiceResponse = system.block_on(async {
            poll_fn(|context| service.poll_ready(context)).await.unwrap();
            service.call(request).await.unwrap()
        });
        let chosen = response.headers().get(CHOSEN)?;
        Some(chosen.to_str().unwrap().to_owned())
    });
}
