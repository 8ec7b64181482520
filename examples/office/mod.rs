//! What both guards examples share: all but the web framework.
//!
//! | request | who may |
//! |---|---|
//! | `GET /` | everybody |
//! | `GET /orders` | scope `orders.read` |
//! | `POST /orders` | scope `orders.write`, and not suspended |
//! | `GET /admin` | admins |
//! | `GET /documents/{name}` | the document's owner, and admins |
//! | `POST /promote/{user}` | admins; makes the user one |
//! | `GET /reports/summary` | everybody |
//! | `GET /reports/…` | accountants, who logged in within the last hour |
//!
//! Tokens say who somebody is and what they may do here by scope. Roles are the application's own:
//! it adds them to every identity.

use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{PolicyParser, RouteRule, RouteTable, Unmatched, resource, role, scope};
use jamguard::{
    Authenticator, Error, ErrorKind, Guard, Identity, Issuer, Policy, Refused, Verifier,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

const ISSUER: &str = "https://office.example";

/// Rules as a file has them: here in JSON, in TOML each is a `[[guards]]`.
const RULES: &str = r#"[
    {"methods": "GET", "path": "/", "public": true},
    {"methods": ["GET", "POST"], "path": "/orders", "policy": "authenticated"},
    {"methods": "GET", "path": "/admin", "policy": "role:admin"},
    {"methods": "GET", "path": "/documents/{name}", "policy": "authenticated"},
    {"methods": "POST", "path": "/promote/{user}", "policy": "role:admin"},
    {"methods": "GET", "path": "/reports/summary", "public": true},
    {"path": "/reports/{*rest}", "policy": "(role:accountant | role:admin) & !role:suspended & fresh:1h"}
]"#;

/// What no rule names is closed.
pub(crate) fn table() -> Result<RouteTable, Error> {
    let rules: Vec<RouteRule> = serde_json::from_str(RULES)
        .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
    RouteTable::builder(Unmatched::Deny)
        .rules(rules, &PolicyParser::new())?
        .build()
}

/// A guard around a route.
pub(crate) fn may_read() -> Policy {
    scope("orders.read")
}

/// Another.
pub(crate) fn may_write() -> Policy {
    scope("orders.write") & !role("suspended")
}

/// A guard as a type, which a handler's signature names.
pub(crate) struct Admin;

impl Guard for Admin {
    fn policy() -> Policy {
        role("admin")
    }
}

/// A document, and what a policy may ask about it.
#[derive(serde::Serialize)]
struct Document {
    owner: &'static str,
    text: &'static str,
}

/// A guard inside of a handler, which knows what is asked for.
pub(crate) fn read(identity: &Identity, name: &str) -> Result<Value, Refused> {
    let own = resource("owner").is_claim("sub") | role("admin");
    let document = match name {
        "plan" => Document {
            owner: "bob",
            text: "sell more",
        },
        _ => Document {
            owner: "",
            text: "there is no such document",
        },
    };
    identity.check_with(&own, &document)?;
    Ok(json!({ "text": document.text }))
}

/// In place of a database: who has which roles.
#[derive(Clone)]
pub(crate) struct Roles(Arc<Mutex<HashMap<String, Vec<&'static str>>>>);

impl Roles {
    fn new() -> Self {
        let roles = [
            ("ann", vec!["admin"]),
            ("bob", vec!["accountant"]),
            ("eve", vec!["accountant", "suspended"]),
        ];
        let roles = roles.map(|(user, roles)| (user.to_owned(), roles));
        Self(Arc::new(Mutex::new(HashMap::from(roles))))
    }

    async fn of(&self, user: Option<&str>) -> Vec<&'static str> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        user.and_then(|user| all.get(user).cloned())
            .unwrap_or_default()
    }

    fn add(&self, user: &str, role: &'static str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(user.to_owned()).or_default().push(role);
    }
}

#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) auth: Authenticator,
    issuer: Issuer,
    roles: Roles,
}

impl Office {
    pub(crate) fn new() -> Result<Self, Error> {
        let key = SigningKey::generate(Algorithm::ES256)?;
        let verifier = Verifier::builder()
            .key(key.verifying_key()?)
            .algorithms([Algorithm::ES256])
            .issuer(ISSUER)
            .audience(ISSUER)
            .build()?;
        let roles = Roles::new();
        let known = roles.clone();
        let auth = Authenticator::builder()
            .verifier(verifier)
            .realm("office")
            .enrich(move |identity| {
                let known = known.clone();
                async move { Ok(json!({ "roles": known.of(identity.subject()).await })) }
            })
            .build()?;
        Ok(Self {
            auth,
            issuer: Issuer::builder()
                .key(key)
                .issuer(ISSUER)
                .audience(ISSUER)
                .build()?,
            roles,
        })
    }

    /// A token for a user, as a login would give it.
    pub(crate) async fn token(&self, user: &str, scope: &str) -> Result<String, Error> {
        let claims = json!({ "sub": user, "scope": scope });
        Ok(self.issuer.issue(&claims).await?.expose().to_owned())
    }

    pub(crate) async fn promote(&self, user: &str) -> Result<Value, Error> {
        self.roles.add(user, "admin");
        // It counts from the next request on.
        self.auth.forget(user).await?;
        Ok(json!({ "promoted": user }))
    }

    pub(crate) async fn print_next_steps(&self, port: u16) -> Result<(), Error> {
        println!("Effective policies:\n{}", table()?);
        for (user, scope) in [
            ("ann", ""),
            ("bob", "orders.read"),
            ("eve", "orders.read orders.write"),
        ] {
            println!("{user}={}", self.token(user, scope).await?);
        }
        println!(
            "
With the lines above in your shell:
  curl -i http://127.0.0.1:{port}/orders                                          # 401
  curl -i -H \"authorization: Bearer $bob\" http://127.0.0.1:{port}/orders          # 200
  curl -i -H \"authorization: Bearer $ann\" http://127.0.0.1:{port}/orders          # 403, names the scope
  curl -i -X POST -H \"authorization: Bearer $eve\" http://127.0.0.1:{port}/orders  # 403: suspended
  curl -i -H \"authorization: Bearer $bob\" http://127.0.0.1:{port}/admin           # 403
  curl -i -H \"authorization: Bearer $ann\" http://127.0.0.1:{port}/admin           # 200
  curl -i -H \"authorization: Bearer $bob\" http://127.0.0.1:{port}/documents/plan  # 200: his own
  curl -i -X POST -H \"authorization: Bearer $ann\" http://127.0.0.1:{port}/promote/bob
  curl -i -H \"authorization: Bearer $bob\" http://127.0.0.1:{port}/admin           # 200 now

Stop with Ctrl-C."
        );
        Ok(())
    }
}

/// `PORT`, or 3000.
pub(crate) fn port() -> Result<u16, String> {
    match std::env::var("PORT") {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("PORT must be a port, 0 to 65535, not '{text}'")),
        Err(_) => Ok(3000),
    }
}

/// What to do about a port that cannot be had.
pub(crate) fn cannot_listen(port: u16, error: &std::io::Error) -> String {
    format!("cannot listen on port {port} of 127.0.0.1: {error}; choose another with PORT=…")
}

/// Says in one line why the app could not run.
pub(crate) fn exit(result: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guards: {error}");
            ExitCode::FAILURE
        }
    }
}
