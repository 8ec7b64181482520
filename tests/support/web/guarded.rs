//! An app whose routes are guarded in every way there is, routed twice.

use super::servers::Servers;
use actix_web::middleware::Condition;
use actix_web::web::{self, ServiceConfig};
use axum::Router;
use axum::routing::any;
use jamguard::policy::{
    ClaimIndex, RouteTable, Unmatched, authenticated, custom, custom_async, email_domain, fresh,
    resource, role, scope, second_factor,
};
use jamguard::{
    AuthRejection, Authenticator, Error, ErrorKind, Identity, NamedPolicy, Policy, Require,
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a guarded handler answers.
pub(crate) const SECRET: &str = "the secret";

/// Whether the claim `waits` says yes; a failure where it says neither yes nor no.
fn waits() -> Policy {
    custom_async("waits", |subject| {
        let answer = subject.claims().text("waits").map(str::to_owned);
        async move {
            tokio::task::yield_now().await;
            match answer.as_deref() {
                Some("yes") => Ok(true),
                Some("no") => Ok(false),
                _ => Err(Error::new(ErrorKind::Unavailable, "the database is away")),
            }
        }
    })
}

/// How often a guard was asked for its policy.
pub(crate) static BUILT: AtomicUsize = AtomicUsize::new(0);

struct Admin;

impl NamedPolicy for Admin {
    fn policy() -> Policy {
        BUILT.fetch_add(1, Ordering::Relaxed);
        role("admin")
    }
}

struct Waiting;

impl NamedPolicy for Waiting {
    fn policy() -> Policy {
        waits()
    }
}

/// The guarded routes, each with its policy.
fn policies() -> Vec<(&'static str, Policy)> {
    let even = |claims: &ClaimIndex| claims.text("sub").is_some_and(|sub| sub.len() % 2 == 0);
    vec![
        ("/scope", scope("orders.read") & scope("orders.write")),
        ("/admin", role("admin") & !role("suspended")),
        ("/domain", email_domain("example.com")),
        ("/anybody", authenticated()),
        ("/fresh", fresh(Duration::from_secs(300))),
        ("/factor", second_factor() & fresh(Duration::from_secs(3600))),
        ("/custom", custom("even", move |subject| even(subject.claims()))),
        ("/waits", waits()),
        ("/waits-too", role("admin") | waits()),
    ]
}

async fn secret(body: String) -> String {
    format!("{SECRET}{body}")
}

/// Public, and tells whom it sees.
async fn whoami(identity: Option<Identity>) -> String {
    identity.map_or("nobody".to_owned(), |identity| {
        let mut claims: serde_json::Value = serde_json::from_str(identity.raw_claims()).unwrap();
        claims["email"].take().as_str().unwrap().to_owned()
    })
}

async fn typed(admin: Require<Admin>, body: String) -> String {
    assert!(admin.token().is_some());
    format!("{SECRET}{body}")
}

async fn typed_waits(waiting: Require<Waiting>) -> String {
    assert!(waiting.into_identity().token().is_some());
    SECRET.to_owned()
}

async fn check(identity: Identity) -> Result<&'static str, AuthRejection> {
    identity.check(&role("admin"))?;
    Ok(SECRET)
}

async fn check_waits(identity: Identity) -> Result<&'static str, AuthRejection> {
    identity.check_async(&waits()).await?;
    Ok(SECRET)
}

/// A document of ann's.
async fn own(identity: Identity) -> Result<&'static str, AuthRejection> {
    let own = resource("owner").is_claim("email") | role("admin");
    let document = json!({"owner": "ann@example.com"});
    identity.check_with(&own, &document)?;
    identity.check_with_async(&own, &document).await?;
    Ok(SECRET)
}

/// What goes around the whole.
#[derive(Clone)]
pub(crate) enum Around {
    Nothing,
    Layer,
    Table(RouteTable),
}

/// The same app for both frameworks.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) auth: Authenticator,
    pub(crate) around: Around,
}

/// A table over routes without guards of their own.
pub(crate) fn table(unmatched: Unmatched) -> RouteTable {
    RouteTable::builder(unmatched)
        .public("GET", "/table/open")
        .guard("*", "/table/admin/{*rest}", role("admin"))
        .guard("GET POST", "/table/any", authenticated())
        .guard("GET", "/table/waits", waits())
        .guard("GET", "/table/scope", scope("orders.read"))
        .build()
        .unwrap()
}

const TABLE: [&str; 6] = [
    "/table/open",
    "/table/admin/users",
    "/table/any",
    "/table/waits",
    "/table/scope",
    "/table/unnamed",
];

impl Guarded {
    pub(crate) fn new(auth: Authenticator, around: Around) -> Self {
        Self { auth, around }
    }

    pub(crate) fn axum(&self) -> Router {
        let area =
            Router::new().route("/secret", any(secret)).layer(self.auth.require(role("admin")));
        let mut router = Router::new()
            .route("/public", any(whoami))
            .route("/typed", any(typed))
            .route("/typed-waits", any(typed_waits))
            .route("/check", any(check))
            .route("/check-waits", any(check_waits))
            .route("/own", any(own))
            .nest("/area", area);
        for (path, policy) in policies() {
            let guard = self.auth.require(policy);
            router = router.route(path, any(secret).layer(guard));
        }
        for path in TABLE {
            router = match path {
                "/table/open" => router.route(path, any(whoami)),
                _ => router.route(path, any(secret)),
            };
        }
        match &self.around {
            Around::Nothing => router,
            Around::Layer => router.layer(self.auth.layer()),
            Around::Table(table) => router.layer(self.auth.routes(table.clone())),
        }
    }

    pub(crate) fn actix(&self, config: &mut ServiceConfig) {
        let area = web::scope("/area")
            .wrap(self.auth.require(role("admin")))
            .service(web::resource("/secret").to(secret));
        config
            .service(web::resource("/public").to(whoami))
            .service(web::resource("/typed").to(typed))
            .service(web::resource("/typed-waits").to(typed_waits))
            .service(web::resource("/check").to(check))
            .service(web::resource("/check-waits").to(check_waits))
            .service(web::resource("/own").to(own))
            .service(area);
        for (path, policy) in policies() {
            let guard = self.auth.require(policy);
            config.service(web::resource(path).wrap(guard).to(secret));
        }
        for path in TABLE {
            let resource = web::resource(path);
            config.service(match path {
                "/table/open" => resource.to(whoami),
                _ => resource.to(secret),
            });
        }
    }

    pub(crate) async fn start(self) -> Servers {
        let router = self.axum();
        let app = move || {
            let (layered, table) = match &self.around {
                Around::Nothing => (false, None),
                Around::Layer => (true, None),
                Around::Table(table) => (false, Some(table.clone())),
            };
            let tabled = table.is_some();
            let table = table.unwrap_or_else(table_of_nothing);
            let site = self.clone();
            actix_web::App::new()
                .wrap(Condition::new(layered, self.auth.actix()))
                .wrap(Condition::new(tabled, self.auth.routes(table)))
                .configure(move |config| site.actix(config))
        };
        Servers::apps(router, app).await
    }
}

fn table_of_nothing() -> RouteTable {
    RouteTable::builder(Unmatched::Deny).build().unwrap()
}
