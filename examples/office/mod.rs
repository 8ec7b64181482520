//! Shared code of both guards examples, without the web framework.
//!
//! | request | allowed for |
//! |---|---|
//! | `GET /` | every client |
//! | `GET /orders` | scope `orders.read` |
//! | `POST /orders` | scope `orders.write`, unless suspended |
//! | `GET /admin` | admins |
//! | `GET /documents/{name}` | the document's owner and admins |
//! | `POST /promote/{user}` | admins; makes the user an admin |
//! | `GET /reports/summary` | every client |
//! | `GET /reports/…` | accountants and admins who logged in within the last hour, unless suspended |
//!
//! Tokens carry the subject and its scopes. Roles come from the application, which adds them to
//! every identity.

use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{PolicyParser, RouteRule, RouteTable, Unmatched, resource, role, scope};
use jamguard::{
    AuthRejection, Authenticator, Error, ErrorKind, Identity, Issuer, NamedPolicy, Policy, Verifier,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

const ISSUER: &str = "https://office.example";

/// Rules as in a configuration file, in JSON; in TOML each is a `[[guards]]` table.
const RULES: &str = r#"[
    {"methods": "GET", "path": "/", "public": true},
    {"methods": ["GET", "POST"], "path": "/orders", "policy": "authenticated"},
    {"methods": "GET", "path": "/admin", "policy": "role:admin"},
    {"methods": "GET", "path": "/documents/{name}", "policy": "authenticated"},
    {"methods": "POST", "path": "/promote/{user}", "policy": "role:admin"},
    {"methods": "GET", "path": "/reports/summary", "public": true},
    {"path": "/reports/{*rest}", "policy": "(role:accountant | role:admin) & !role:suspended & fresh:1h"}
]"#;

/// Builds the route table; unmatched paths are denied.
pub(crate) fn table() -> Result<RouteTable, Error> {
    let rules: Vec<RouteRule> = serde_json::from_str(RULES)
        .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
    RouteTable::builder(Unmatched::Deny).rules(rules, &PolicyParser::new())?.build()
}

/// Returns a policy for a guard around a route.
pub(crate) fn may_read() -> Policy {
    scope("orders.read")
}

/// Returns a policy for a guard around a route.
pub(crate) fn may_write() -> Policy {
    scope("orders.write") & !role("suspended")
}

/// A policy as a type, for a handler's signature.
pub(crate) struct Admin;

impl NamedPolicy for Admin {
    fn policy() -> Policy {
        role("admin")
    }
}

/// A document and the attributes that a policy can check.
#[derive(serde::Serialize)]
struct Document {
    owner: &'static str,
    text: &'static str,
}

/// Checks a policy inside a handler, where the requested document is known.
pub(crate) fn read(identity: &Identity, name: &str) -> Result<Value, AuthRejection> {
    let own = resource("owner").is_claim("sub") | role("admin");
    let document = match name {
        "plan" => Document { owner: "bob", text: "sell more" },
        _ => Document { owner: "", text: "no such document" },
    };
    identity.check_with(&own, &document)?;
    Ok(json!({ "text": document.text }))
}

/// The roles of each user, in place of a database.
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
        user.and_then(|user| all.get(user).cloned()).unwrap_or_default()
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
            issuer: Issuer::builder().key(key).issuer(ISSUER).audience(ISSUER).build()?,
            roles,
        })
    }

    /// Issues a token for a user, as a login would.
    pub(crate) async fn token(&self, user: &str, scope: &str) -> Result<String, Error> {
        let claims = json!({ "sub": user, "scope": scope });
        Ok(self.issuer.issue(&claims).await?.expose().to_owned())
    }

    pub(crate) async fn promote(&self, user: &str) -> Result<Value, Error> {
        self.roles.add(user, "admin");
        // Drops the cached roles, so that the next request sees the new one.
        self.auth.forget(user).await?;
        Ok(json!({ "promoted": user }))
    }

    pub(crate) async fn print_next_steps(&self, port: u16) -> Result<(), Error> {
        println!("Effective policies:\n{}", table()?);
        for (user, scope) in
            [("ann", ""), ("bob", "orders.read"), ("eve", "orders.read orders.write")]
        {
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
  curl -i -H \"authorization: Bearer $bob\" http://127.0.0.1:{port}/documents/plan  # 200: bob owns it
  curl -i -X POST -H \"authorization: Bearer $ann\" http://127.0.0.1:{port}/promote/bob
  curl -i -H \"authorization: Bearer $bob\" http://127.0.0.1:{port}/admin           # 200 now

Stop with Ctrl-C."
        );
        Ok(())
    }
}

/// Returns the port from `PORT`, or 3000.
pub(crate) fn port() -> Result<u16, String> {
    match std::env::var("PORT") {
        Ok(text) => {
            text.parse().map_err(|_| format!("PORT must be a port, 0 to 65535, not '{text}'"))
        }
        Err(_) => Ok(3000),
    }
}

/// Formats the error for a port that cannot be bound.
pub(crate) fn cannot_listen(port: u16, error: &std::io::Error) -> String {
    format!("cannot listen on port {port} of 127.0.0.1: {error}; choose another with PORT=…")
}

/// Prints the error, if any, and returns the exit code.
pub(crate) fn exit(result: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guards: {error}");
            ExitCode::FAILURE
        }
    }
}
