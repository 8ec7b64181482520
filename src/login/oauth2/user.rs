//! The result of an OAuth2 login, and the application's user for it.

use crate::authenticator::Authenticator;
use crate::core::{Error, ErrorKind, debug_fields, decode::decode};
use crate::oauth2::{OAuth2Client, TokenResponse};
use crate::token::verified::Verified;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The result of a login at a provider.
///
/// The argument of [`OAuth2LoginBuilder::user`](crate::OAuth2LoginBuilder::user) and
/// [`OAuth2LoginBuilder::on_login`](crate::OAuth2LoginBuilder::on_login).
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
    /// Returns the provider's client, to call its API.
    pub fn client(&self) -> &OAuth2Client {
        &self.client
    }

    /// Returns the tokens of the login.
    pub fn tokens(&self) -> &TokenResponse {
        &self.tokens
    }

    /// Returns the verified ID token of an OpenID Connect provider.
    ///
    /// Signature, issuer, audience, times and `nonce` are verified.
    pub fn id_token(&self) -> Option<&Verified> {
        self.id_token.as_ref()
    }

    /// Returns the path of the login's `?return_to=`, always a path of this site.
    ///
    /// A closure of [`on_login`](crate::OAuth2LoginBuilder::on_login) must redirect there itself.
    pub fn return_to(&self) -> Option<&str> {
        self.return_to.as_deref()
    }

    /// Fetches the user's profile from the provider's userinfo endpoint.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidClaim`] if it is about another user than the ID token (OpenID Connect
    /// Core 1.0 section 5.3.2); [`ErrorKind::ClaimsMismatch`] if it does not fit `T`; the errors of
    /// [`OAuth2Client::userinfo`](crate::oauth2::OAuth2Client::userinfo).
    pub async fn userinfo<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let told: Value = self.client.userinfo(self.tokens.access_token()).await?;
        let subject = self.id_token.as_ref().and_then(Verified::subject);
        if subject.is_some_and(|subject| told["sub"].as_str() != Some(subject)) {
            let message = "the userinfo is about another user than the ID token";
            return Err(Error::new(ErrorKind::InvalidClaim, message));
        }
        // The error of `decode` names the member and shows no value.
        T::deserialize(&told).or_else(|_| decode("the members of the userinfo", &told.to_string()))
    }

    /// Returns the default user: provider name and ID token subject, so that the users of different
    /// providers never collide.
    pub(super) fn user(&self, auth: &Authenticator) -> Result<OAuth2User, Error> {
        let subject = self.id_token.as_ref().and_then(Verified::subject);
        let (Some(id_token), Some(subject)) = (&self.id_token, subject) else {
            return Err(Error::configuration(
                "without an ID token the user is unknown: call .user(…)",
            ));
        };
        let name = self.client.provider().name();
        let mut claims: Map<String, Value> = serde_json::from_str(id_token.raw_claims())
            .map_err(|_| Error::new(ErrorKind::Malformed, "the ID token holds no JSON object"))?;
        // Many providers let users enter addresses that are not theirs.
        if !auth.has_verified_email(id_token) {
            claims.remove("email");
        } else if id_token.issuer_verifies_emails() {
            // A session has no verifier to tell, so the claim must.
            claims.entry("email_verified").or_insert(Value::Bool(true));
        }
        Ok(OAuth2User { key: format!("{name}:{subject}"), claims: None, id_claims: Some(claims) })
    }
}

debug_fields!(OAuth2Arrival, self, client = self.client, tokens = self.tokens);

/// The application's user for a login at a provider: key and claims.
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
    /// Claims of the ID token; a session shows them unchanged.
    id_claims: Option<Map<String, Value>>,
}

impl OAuth2User {
    /// Creates a user with this key: the session's user, or the token's `sub`.
    ///
    /// With several providers, keys need a prefix, such as `github:583231`, to not collide.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), claims: None, id_claims: None }
    }

    /// Sets the claims that the application and its policies see.
    ///
    /// [`Identity`](crate::Identity) and [`Claims<T>`](crate::Claims) show them. They must
    /// serialize to a JSON object. Default of `sub`: the key.
    pub fn claims<T: Serialize + ?Sized>(mut self, claims: &T) -> Self {
        self.claims = Some(serde_json::to_value(claims).map_err(|_| not_an_object()));
        self
    }

    /// Returns the user's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the claims of a session: the ID token's by default.
    pub(super) fn session_claims(&self) -> Result<Map<String, Value>, Error> {
        match (&self.claims, &self.id_claims) {
            (None, Some(claims)) => Ok(claims.clone()),
            _ => self.own_claims(),
        }
    }

    /// Returns the claims of a token that this site issues.
    pub(super) fn own_claims(&self) -> Result<Map<String, Value>, Error> {
        let mut claims = match self.claims.clone().transpose()? {
            None => Map::new(),
            Some(Value::Object(claims)) => claims,
            Some(_) => return Err(not_an_object()),
        };
        claims.entry("sub").or_insert_with(|| Value::String(self.key.clone()));
        Ok(claims)
    }
}

fn not_an_object() -> Error {
    Error::configuration(
        "a user's claims are not a JSON object: give a struct with named fields, or a map with \
         text keys",
    )
}

debug_fields!(OAuth2User, self);
