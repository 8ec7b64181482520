//! The response of a token endpoint.

use super::exposed::{self, Exposed};
use crate::core::{Error, ErrorKind, Secret, debug_fields, decode::decode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The tokens of a successful response (RFC 6749 section 5.1). Cheap to clone, redacted in `Debug`.
///
/// # Example
/// ```
/// # use jamguard::{Error, oauth2::OAuth2Client};
/// # async fn example(client: OAuth2Client) -> Result<(), Error> {
/// let tokens = client.client_credentials().scopes(["orders.read"]).send().await?;
/// assert!(tokens.has_scope("orders.read"));
/// println!("good until {:?}", tokens.expires_at());
/// let header = format!("Bearer {}", tokens.access_token().expose());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TokenResponse(Arc<Parts>);

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Parts {
    pub(super) access_token: Exposed,
    pub(super) token_type: String,
    pub(super) refresh_token: Option<Exposed>,
    pub(super) id_token: Option<Exposed>,
    /// Unix milliseconds.
    pub(super) received: u64,
    /// In seconds.
    pub(super) expires_in: Option<u64>,
    pub(super) scopes: Vec<String>,
    /// All other members, as a JSON object.
    #[serde(with = "exposed::object")]
    pub(super) rest: Zeroizing<String>,
}

impl TokenResponse {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Returns the access token.
    pub fn access_token(&self) -> &Secret {
        &self.0.access_token.0
    }

    /// Returns the access token's type as sent: `bearer` in any letter case.
    pub fn token_type(&self) -> &str {
        &self.0.token_type
    }

    /// Returns the refresh token; after a refresh, the new one or else the old one.
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.0.refresh_token.as_ref().map(|token| &token.0)
    }

    /// Returns the unverified ID token of an OpenID Connect provider.
    pub fn id_token(&self) -> Option<&Secret> {
        self.0.id_token.as_ref().map(|token| &token.0)
    }

    /// Returns the access token's lifetime from when it was issued, if the provider sent it.
    pub fn expires_in(&self) -> Option<Duration> {
        self.0.expires_in.map(Duration::from_secs)
    }

    /// Returns when the access token expires, if the provider sent its lifetime.
    pub fn expires_at(&self) -> Option<SystemTime> {
        let received = UNIX_EPOCH.checked_add(Duration::from_millis(self.0.received))?;
        received.checked_add(self.expires_in()?)
    }

    /// Returns when the access token expires, in Unix milliseconds.
    pub(super) fn expires(&self) -> Option<u64> {
        Some(self.0.received.saturating_add(self.0.expires_in?.saturating_mul(1000)))
    }

    /// Returns the granted scopes.
    ///
    /// If the response names none, these are the requested scopes (RFC 6749 section 5.1).
    pub fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    /// Whether this scope was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.iter().any(|granted| granted == scope)
    }

    /// Decodes the other members of the response.
    ///
    /// ```
    /// # use jamguard::{Error, oauth2::TokenResponse};
    /// # fn example(tokens: TokenResponse) -> Result<(), Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Workspace { team_id: String }
    ///
    /// let workspace: Workspace = tokens.rest()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`] if they do not decode as `T`.
    pub fn rest<T: DeserializeOwned>(&self) -> Result<T, Error> {
        decode("the token response's other members", &self.0.rest)
    }

    /// Keeps the previous refresh token if the response has none.
    pub(super) fn or_refresh_token(self, before: &Secret) -> Self {
        if self.0.refresh_token.is_some() {
            return self;
        }
        Self::new(Parts { refresh_token: Some(Exposed(before.clone())), ..(*self.0).clone() })
    }

    /// Replaces the ID token.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn with_id_token(self, id_token: Option<Secret>) -> Self {
        Self::new(Parts { id_token: id_token.map(Exposed), ..(*self.0).clone() })
    }

    /// Returns all of it as JSON for safe storage; [`from_json`](Self::from_json) reads it.
    pub fn expose_json(&self) -> Secret {
        Secret::new(json!(*self.0).to_string())
    }

    /// Reads the JSON of [`expose_json`](Self::expose_json).
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for any other text.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        serde_json::from_str(json).map(Self::new).map_err(|_| {
            let message = "the text is not a token response written by .expose_json()";
            Error::new(ErrorKind::Malformed, message)
        })
    }
}

debug_fields!(
    TokenResponse,
    self,
    token_type = self.0.token_type,
    expires_in = self.expires_in(),
    scopes = self.0.scopes,
    refresh_token = self.0.refresh_token.is_some(),
    id_token = self.0.id_token.is_some()
);
