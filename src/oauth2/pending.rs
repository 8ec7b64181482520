//! A login between its start and its callback.

use super::answer;
use super::client::OAuth2Client;
use super::exposed::Exposed;
use super::pkce::Pkce;
use super::request::TokenRequest;
use crate::core::{Error, ErrorKind, Secret, debug_fields, mismatch};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use url::form_urlencoded;

/// Enough time for a second factor, and too short for later misuse.
pub(crate) const LOGIN_TIMEOUT: Duration = Duration::from_secs(600);

/// The state of a login until its callback: `state`, PKCE verifier, `nonce` and provider.
///
/// Store it on the server, accessible only to the browser that started the login, and remove it
/// when the callback arrives: it is valid for one callback. [`OAuth2Login`](crate::OAuth2Login)
/// does all of that.
///
/// # Example
/// ```
/// # use jamguard::{Error, oauth2::{OAuth2Client, Pending, Provider}};
/// # async fn example() -> Result<(), Error> {
/// let client = OAuth2Client::builder(Provider::github(), "client id")
///     .redirect_url("https://app.example/callback")
///     .build()?;
/// let (_, pending) = client.authorize().begin().await?.into_parts();
///
/// let state = pending.state().expose().to_owned();
/// assert!(client.callback(pending.clone(), "code=abc&state=forged").is_err());
/// assert!(client.callback(pending, &format!("code=abc&state={state}")).is_ok());
/// # Ok(()) }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Pending(pub(crate) Parts);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) state: Exposed,
    pub(super) verifier: Exposed,
    pub(super) nonce: Option<Exposed>,
    pub(super) provider: String,
    pub(super) client_id: String,
    pub(super) sends_iss: bool,
    pub(super) scopes: Vec<String>,
    /// Unix seconds.
    pub(super) until: u64,
}

impl Pending {
    /// Returns the `state`, which identifies the login in the callback.
    pub fn state(&self) -> &Secret {
        &self.0.state.0
    }

    /// Returns the `nonce` that the ID token must have, if the login requests one.
    pub fn nonce(&self) -> Option<&Secret> {
        self.0.nonce.as_ref().map(|nonce| &nonce.0)
    }

    /// Returns all of it as JSON for storage on the server.
    ///
    /// [`from_json`](Self::from_json) reads it.
    pub fn expose_json(&self) -> Secret {
        Secret::new(json!(self.0).to_string())
    }

    /// Reads the JSON of [`expose_json`](Self::expose_json).
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for any other text.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        serde_json::from_str(json).map(Self).map_err(|_| {
            let message = "the text is not a pending login written by .expose_json()";
            Error::new(ErrorKind::Malformed, message)
        })
    }
}

impl OAuth2Client {
    /// Checks a callback against its login, and returns the request that exchanges the code.
    ///
    /// `state` must be the login's, `iss` the provider's (RFC 9207), and the login at most ten
    /// minutes old.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCallback`] if the callback does not belong to the login;
    /// [`ErrorKind::AccessDenied`] if the user declined; [`ErrorKind::ClientRefused`] and
    /// [`ErrorKind::Unavailable`] for other errors from the provider, with their
    /// [code](Error::oauth2_code); [`ErrorKind::InvalidRequest`] for a query that is not a
    /// callback.
    pub fn callback(&self, pending: Pending, query: &str) -> Result<TokenRequest, Error> {
        let pending = pending.0;
        let callback = Callback::parse(query)?;
        let client = &self.0;
        // The state first: nothing else of a forged callback is read.
        match &callback.state {
            None => return Err(invalid("the callback has no state")),
            Some(state) if *state != pending.state.0 => {
                return Err(invalid("the callback's state differs from the login's"));
            }
            Some(_) => {}
        }
        let own =
            pending.provider == client.provider.name() && pending.client_id == client.client_id;
        if !own {
            return Err(invalid("the login was started at another provider"));
        }
        if client.clock.now().as_secs() >= pending.until {
            return Err(invalid("the login took longer than ten minutes"));
        }
        match (&callback.iss, client.provider.options.issuer.as_deref()) {
            (None, _) if pending.sends_iss => {
                return Err(invalid("the callback has no iss, which this provider sends"));
            }
            (None, _) => {}
            (Some(iss), Some(issuer)) if iss == issuer => {}
            (Some(iss), Some(issuer)) => {
                let how = mismatch(&[issuer], &[iss]);
                let message = format!("the callback's iss is not this provider's: {how}");
                return Err(Error::new(ErrorKind::InvalidCallback, message));
            }
            (Some(_), None) => {
                return Err(invalid(
                    "the callback has an iss, but the provider's issuer is unknown: call .issuer(…) \
                     on the provider",
                ));
            }
        }
        if let Some(code) = callback.error.as_ref().filter(|code| !code.is_empty()) {
            let secrets = [pending.verifier.0.expose(), pending.state.0.expose()];
            let words = callback.error_description.as_deref();
            return Err(answer::refusal(Some(code), words, &secrets));
        }
        let code = callback
            .code
            .filter(|code| !code.expose().is_empty())
            .ok_or_else(|| bad_query("the callback has neither a code nor an error"))?;
        let pkce = Pkce::from_verifier(pending.verifier.0)?;
        Ok(self.exchange_code(code, &pkce).granted_before(pending.scopes))
    }
}

/// The parameters of a callback (RFC 6749 section 4.1.2, RFC 9207 section 2).
#[derive(Default)]
pub(crate) struct Callback {
    pub(crate) state: Option<Secret>,
    code: Option<Secret>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Callback {
    pub(crate) fn parse(query: &str) -> Result<Self, Error> {
        let mut callback = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            let twice = match &*name {
                "state" => callback.state.replace(Secret::new(value)).is_some(),
                "code" => callback.code.replace(Secret::new(value)).is_some(),
                "iss" => callback.iss.replace(value).is_some(),
                "error" => callback.error.replace(value).is_some(),
                "error_description" => callback.error_description.replace(value).is_some(),
                // Unknown parameters must be ignored (RFC 6749 section 4.1.2).
                _ => false,
            };
            if twice {
                return Err(bad_query("the callback has a parameter twice"));
            }
        }
        Ok(callback)
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidCallback, message)
}

fn bad_query(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

debug_fields!(Pending, self, provider = self.0.provider);
