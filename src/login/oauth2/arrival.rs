//! Who came back from a provider, and who that is here.

use crate::authenticator::Authenticator;
use crate::core::error::{Error, ErrorKind};
use crate::oauth2::{OAuth2Client, TokenResponse};
use crate::token::verified::Verified;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt;

/// Somebody who logged in at a provider, for
/// [`OAuth2LoginBuilder::user`](crate::OAuth2LoginBuilder::user).
///
/// # Example
/// ```
/// use jamguard::{Error, OAuth2Arrival, OAuth2User};
///
/// async fn user(arrival: OAuth2Arrival) -> Result<OAuth2User, Error> {
///     #[derive(serde::Deserialize)]
///     struct Profile { id: u64, login: String }
///
///     let profile: Profile = arrival.userinfo().await?;
///     let user = OAuth2User::new(format!("github:{}", profile.id));
///     Ok(user.claims(&serde_json::json!({"login": profile.login})))
/// }
/// ```
#[derive(Clone)]
pub struct OAuth2Arrival {
    pub(super) client: OAuth2Client,
    pub(super) tokens: TokenResponse,
    pub(super) id_token: Option<Verified>,
    pub(super) return_to: Option<String>,
}

impl OAuth2Arrival {
    /// The provider's client, for calls of its API.
    pub fn client(&self) -> &OAuth2Client {
        &self.client
    }

    /// The tokens that the login gave.
    pub fn tokens(&self) -> &TokenResponse {
        &self.tokens
    }

    /// The ID token of an OpenID Connect provider, verified: its signature, issuer, audience, times
    /// and `nonce`.
    pub fn id_token(&self) -> Option<&Verified> {
        self.id_token.as_ref()
    }

    /// Where the browser wants to go in the end, as the login's `?return_to=` said: a path of this
    /// site. A closure of [`on_login`](crate::OAuth2LoginBuilder::on_login) sends it there itself.
    pub fn return_to(&self) -> Option<&str> {
        self.return_to.as_deref()
    }

    /// What the provider's userinfo says of the user.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidClaim`] where it speaks of another user than the ID token (OpenID Connect
    /// Core 1.0 section 5.3.2); otherwise as
    /// [`OAuth2Client::userinfo`](crate::oauth2::OAuth2Client::userinfo).
    pub async fn userinfo<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let told: Value = self.client.userinfo(self.tokens.access_token()).await?;
        let subject = self.id_token.as_ref().and_then(Verified::subject);
        if subject.is_some_and(|subject| told["sub"].as_str() != Some(subject)) {
            return Err(Error::new(
                ErrorKind::InvalidClaim,
                "the userinfo is of another user than the ID token",
            ));
        }
        // serde's message may quote a value.
        serde_json::from_value(told).map_err(|_| {
            Error::new(
                ErrorKind::ClaimsMismatch,
                format!("the userinfo is no {}", std::any::type_name::<T>()),
            )
        })
    }

    /// The user where the application does not say otherwise: the ID token's subject, under the
    /// provider's name, so that one provider's users are never another's.
    pub(super) fn user(&self, auth: &Authenticator) -> Result<OAuth2User, Error> {
        let subject = self.id_token.as_ref().and_then(Verified::subject);
        let (Some(id_token), Some(subject)) = (&self.id_token, subject) else {
            return Err(Error::configuration(
                "without an ID token nothing says who logged in: call .user(…)",
            ));
        };
        let name = self.client.provider().name();
        let mut claims: Map<String, Value> = serde_json::from_str(id_token.raw_claims())
            .map_err(|_| Error::new(ErrorKind::Malformed, "the ID token's claims are no object"))?;
        // At many providers users enter addresses that are not theirs.
        if !auth.has_verified_email(id_token) {
            claims.remove("email");
        } else if id_token.issuer_verifies_emails() {
            // The session knows no verifier that would say so.
            claims.entry("email_verified").or_insert(Value::Bool(true));
        }
        Ok(OAuth2User {
            key: format!("{name}:{subject}"),
            claims: None,
            id_claims: Some(claims),
        })
    }
}

impl fmt::Debug for OAuth2Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2Arrival")
            .field("client", &self.client)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

/// Who somebody that logged in at a provider is here.
///
/// # Example
/// ```
/// use jamguard::OAuth2User;
/// let user = OAuth2User::new("github:583231")
///     .claims(&serde_json::json!({"login": "octocat", "role": "member"}));
/// ```
#[must_use]
#[derive(Clone)]
pub struct OAuth2User {
    key: String,
    claims: Option<Result<Value, Error>>,
    /// Of an ID token: a session shows them as they are.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    id_claims: Option<Map<String, Value>>,
}

impl OAuth2User {
    /// By the user's key: a session's user, a token's `sub`. Users of several providers need keys
    /// that tell whose they are, such as `github:583231`.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            claims: None,
            id_claims: None,
        }
    }

    /// Claims that [`Identity`](crate::Identity), [`Claims<T>`](crate::Claims) and policies see; an
    /// object. `sub` is the key unless they have one.
    pub fn claims<T: Serialize + ?Sized>(mut self, claims: &T) -> Self {
        self.claims = Some(serde_json::to_value(claims).map_err(|_| not_an_object()));
        self
    }

    /// The user's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// For a session: an ID token's claims where nobody gave others.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(super) fn session_claims(&self) -> Result<Map<String, Value>, Error> {
        match (&self.claims, &self.id_claims) {
            (None, Some(claims)) => Ok(claims.clone()),
            _ => self.own_claims(),
        }
    }

    /// For a token of ours.
    pub(super) fn own_claims(&self) -> Result<Map<String, Value>, Error> {
        let mut claims = match self.claims.clone().transpose()? {
            None => Map::new(),
            Some(Value::Object(claims)) => claims,
            Some(_) => return Err(not_an_object()),
        };
        claims
            .entry("sub")
            .or_insert_with(|| Value::String(self.key.clone()));
        Ok(claims)
    }
}

fn not_an_object() -> Error {
    Error::configuration(
        "a user's claims are a JSON object: give a struct with named fields, or a map with texts \
         as keys",
    )
}

impl fmt::Debug for OAuth2User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2User").finish_non_exhaustive()
    }
}
