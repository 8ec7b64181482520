//! The examples `guards` and `guards_actix`, used as their users use them.

#[allow(dead_code)]
#[path = "../../../examples/guards.rs"]
mod guards;
#[allow(dead_code)]
#[path = "../../../examples/guards_actix.rs"]
mod guards_actix;

use crate::support::{Request, Servers, send};
use jamguard::NamedPolicy;
use std::net::SocketAddr;

/// What the application does on its way, with what each request is answered.
async fn used(name: &str, address: SocketAddr, [ann, bob, eve]: &[String; 3]) {
    let get = |path: &str| Request::get(path);
    let post = |path: &str| Request::post(path, "tea");
    let tell = "Bearer realm=\"office\", error=\"insufficient_scope\"";
    for (request, status, challenge) in [
        (get("/"), 200, None),
        (get("/orders"), 401, Some("Bearer realm=\"office\"")),
        (get("/orders").bearer(bob), 200, None),
        (get("/orders").bearer(ann), 403, Some(&*format!("{tell}, scope=\"orders.read\""))),
        (post("/orders").bearer(bob), 403, Some(&*format!("{tell}, scope=\"orders.write\""))),
        (post("/orders").bearer(eve), 403, Some(&*format!("{tell}, scope=\"orders.write\""))),
        (get("/admin").bearer(ann), 200, None),
        (get("/admin").bearer(bob), 403, Some(tell)),
        (get("/documents/plan").bearer(bob), 200, None),
        (get("/documents/plan").bearer(ann), 200, None),
        (get("/documents/plan").bearer(eve), 403, Some(tell)),
        (get("/documents/none").bearer(bob), 403, Some(tell)),
        (get("/reports/summary"), 200, None),
        (get("/reports/2026/may"), 401, Some("Bearer realm=\"office\"")),
        (get("/reports/2026/may").bearer(bob), 200, None),
        (get("/reports/2026/may").bearer(eve), 403, Some(tell)),
        (get("/REPORTS/2026").bearer(eve), 403, None),
        (get("/elsewhere").bearer(ann), 403, None),
        (post("/promote/bob").bearer(bob), 403, Some(tell)),
        (post("/promote/bob").bearer(ann), 200, None),
        (get("/admin").bearer(bob), 200, None),
    ] {
        let answer = send(address, &request).await;
        let asked = String::from_utf8_lossy(&request.bytes()).into_owned();
        let asked = asked.lines().next().unwrap_or_default();
        assert_eq!(answer.status, status, "{name}: {asked}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate"), challenge, "{name}: {asked}");
    }
}

#[tokio::test]
async fn both_examples_guard_alike() {
    let axum = guards::office::Office::new().unwrap();
    let actix = guards_actix::office::Office::new().unwrap();
    let router = guards::app(&axum).unwrap();
    let table = guards_actix::office::table().unwrap();
    let app = {
        let office = actix.clone();
        move || {
            let routes = office.clone();
            actix_web::App::new()
                .wrap(office.auth.routes(table.clone()))
                .configure(move |config| guards_actix::routes(&routes, config))
        }
    };
    let servers = Servers::apps(router, app).await;
    let scopes = [("ann", ""), ("bob", "orders.read"), ("eve", "orders.read orders.write")];
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (user, scope) in scopes {
        first.push(axum.token(user, scope).await.unwrap());
        second.push(actix.token(user, scope).await.unwrap());
    }
    used("axum", servers.axum, &first.try_into().unwrap()).await;
    used("actix-web", servers.actix, &second.try_into().unwrap()).await;
}

/// The effective policies, as a table, as JSON and for OpenAPI: who changes one sees it here. To
/// accept a change, run the test with `JAM_GOLDEN=write`.
#[test]
fn the_effective_policies_are_those_of_the_golden_file() {
    let table = guards::office::table().unwrap();
    let json = serde_json::to_string_pretty(&table).unwrap();
    let text = format!("{table}\n{json}\n\n{}\n", table.openapi("bearer"));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/policies/guards/example.golden");
    if std::env::var("JAM_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(file, &text).unwrap();
    }
    let golden = std::fs::read_to_string(file).unwrap();
    assert_eq!(text, golden, "the policies changed: see above how to accept that");
}

/// Why somebody is refused, as a test of an application asks.
#[tokio::test]
async fn a_refusal_is_explained() {
    let office = guards::office::Office::new().unwrap();
    let eve = office.token("eve", "orders.write").await.unwrap();
    let eve = office.auth.authenticate(&eve).await.unwrap();
    let why = eve.explain(&guards::office::may_write()).unwrap();
    assert_eq!(why.is_allowed(), Some(false));
    assert_eq!(why.deciding(), ["role:suspended"]);
    assert_eq!(
        why.to_string(),
        "no: all of <-\n  yes: scope:orders.write\n  no: not <-\n    yes: role:suspended <-\n"
    );
    let policy = guards::office::Admin::policy();
    assert_eq!(eve.explain(&policy).unwrap().deciding(), ["role:admin"]);
    assert!(eve.check(&policy).is_err());
}
