//! ID tokens of the emulator, including deliberately wrong ones.

use crate::core::settings::setters;
use crate::core::{Error, debug_fields};
use crate::jose::{SigningKey, jws};
use serde_json::{Value, json};
use std::time::Duration;

/// A builder of an ID token, to be signed by [`App::issue`](super::App::issue).
///
/// It equals a token of JAM except for the changes made here.
///
/// # Example
/// ```
/// use jamguard::emulator::IdToken;
/// use std::time::Duration;
///
/// let access_token = IdToken::new("ann@example.com").claim("token_use", "access");
/// let short = IdToken::new("ann@example.com").lifetime(Duration::from_secs(5));
/// let no_expiry = IdToken::new("ann@example.com").without_claim("exp");
/// let other_type = IdToken::new("ann@example.com").header("typ", "at+jwt");
/// ```
#[must_use]
#[derive(Clone)]
pub struct IdToken {
    email: String,
    lifetime: Option<Duration>,
    /// `None` removes the member.
    claims: Vec<(String, Option<Value>)>,
    header: Vec<(String, Option<Value>)>,
}

impl IdToken {
    /// Creates a token for this address.
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), lifetime: None, claims: Vec::new(), header: Vec::new() }
    }

    setters! {
        /// Sets the time from `iat` to `exp`, instead of the app's.
        pub fn lifetime(lifetime: Duration) { self.lifetime = Some(lifetime) }

        /// Sets or replaces a claim.
        pub fn claim(name: impl Into<String>, value: impl Into<Value>) {
            self.claims.push((name.into(), Some(value.into())))
        }

        /// Removes a claim.
        pub fn without_claim(name: impl Into<String>) { self.claims.push((name.into(), None)) }

        /// Sets or replaces a header member.
        pub fn header(name: impl Into<String>, value: impl Into<Value>) {
            self.header.push((name.into(), Some(value.into())))
        }

        /// Removes a header member.
        pub fn without_header(name: impl Into<String>) { self.header.push((name.into(), None)) }
    }

    pub(super) fn sign(
        self,
        key: &SigningKey,
        issuer: &str,
        app_id: &str,
        now: Duration,
        lifetime: Duration,
    ) -> Result<String, Error> {
        let now = now.as_secs();
        let lifetime = self.lifetime.unwrap_or(lifetime).as_secs();
        let header = json!({"alg": key.algorithm().name(), "typ": "JWT", "kid": key.key_id()});
        let claims = json!({
            "iss": issuer,
            "aud": app_id,
            "token_use": "id",
            "email": self.email,
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(lifetime),
        });
        let header = changed(header, self.header);
        let claims = changed(claims, self.claims).to_string();
        jws::sign_with_header(key, &header, claims.as_bytes())
    }
}

fn changed(mut object: Value, changes: Vec<(String, Option<Value>)>) -> Value {
    if let Value::Object(members) = &mut object {
        for (name, value) in changes {
            match value {
                Some(value) => members.insert(name, value),
                None => members.remove(&name),
            };
        }
    }
    object
}

debug_fields!(IdToken, self, email = self.email);
