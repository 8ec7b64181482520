//! A login between its beginning and its callback.

use super::answer;
use super::client::OAuth2Client;
use super::endpoints::Endpoints;
use super::pkce::{Pkce, random_text};
use super::request::TokenRequest;
use crate::core::error::{Error, ErrorKind};
use crate::core::mismatch::mismatch;
use crate::core::secret::Secret;
use serde_json::json;
use std::fmt;
use std::time::Duration;
use url::form_urlencoded;

/// Enough for a second factor, too short to be found later.
pub(crate) const LOGIN_TIMEOUT: Duration = Duration::from_secs(600);

/// What is kept of a login until its callback: `state`, PKCE verifier, `nonce`, and whose it is.
///
/// Keep it on the server, where only the browser that began finds it, and take it out when that
/// comes back: it serves once. [`OAuth2Login`](crate::OAuth2Login) does all of that.
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
pub struct Pending {
    state: Secret,
    verifier: Secret,
    nonce: Option<Secret>,
    provider: String,
    client_id: String,
    sends_iss: bool,
    scopes: Vec<String>,
    /// Unix seconds.
    until: u64,
}

impl Pending {
    pub(super) fn new(
        client: &OAuth2Client,
        endpoints: &Endpoints,
        scopes: &[String],
        pkce: &Pkce,
    ) -> Result<Self, Error> {
        let client = &client.0;
        let openid = client.provider.is_oidc && scopes.iter().any(|scope| scope == "openid");
        Ok(Self {
            state: random_text()?,
            verifier: pkce.verifier().clone(),
            nonce: openid.then(random_text).transpose()?,
            provider: client.provider.name().to_owned(),
            client_id: client.client_id.clone(),
            sends_iss: endpoints.sends_iss,
            scopes: scopes.to_vec(),
            until: (client.clock.now() + LOGIN_TIMEOUT).as_secs(),
        })
    }

    /// The `state`, by which the callback finds it.
    pub fn state(&self) -> &Secret {
        &self.state
    }

    /// The `nonce` that the ID token must hold; none where no ID token was asked for.
    pub fn nonce(&self) -> Option<&Secret> {
        self.nonce.as_ref()
    }

    /// All of it as JSON, to be kept on the server; [`from_json`](Self::from_json) reads it.
    pub fn expose_json(&self) -> Secret {
        self.to_json(self.state.expose())
    }

    /// The same without the `state`, for a place that is found by it.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn expose_json_without_state(&self) -> Secret {
        self.to_json("")
    }

    /// Reads what was written without the `state`, for whoever found it by that.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn from_json_with_state(json: &str, state: Secret) -> Result<Self, Error> {
        let pending = Self::from_json(json)?;
        Ok(Self { state, ..pending })
    }

    fn to_json(&self, state: &str) -> Secret {
        let json = json!({
            "state": state,
            "verifier": self.verifier.expose(),
            "nonce": self.nonce.as_ref().map(Secret::expose),
            "provider": self.provider,
            "client_id": self.client_id,
            "sends_iss": self.sends_iss,
            "scopes": self.scopes,
            "until": self.until,
        });
        Secret::new(json.to_string())
    }

    /// Reads what [`expose_json`](Self::expose_json) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where it is anything else.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        #[derive(serde::Deserialize)]
        struct Kept {
            state: String,
            verifier: String,
            nonce: Option<String>,
            provider: String,
            client_id: String,
            sends_iss: bool,
            scopes: Vec<String>,
            until: u64,
        }
        let kept: Kept = serde_json::from_str(json).map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                "this is no login as .expose_json() writes it",
            )
        })?;
        Ok(Self {
            state: Secret::new(kept.state),
            verifier: Secret::new(kept.verifier),
            nonce: kept.nonce.map(Secret::new),
            provider: kept.provider,
            client_id: kept.client_id,
            sends_iss: kept.sends_iss,
            scopes: kept.scopes,
            until: kept.until,
        })
    }
}

impl OAuth2Client {
    /// Checks the query of a callback against the login that it belongs to, and gives the request
    /// that exchanges its code.
    ///
    /// `state` must be the login's, `iss` the provider's (RFC 9207), and the login at most ten
    /// minutes old.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCallback`] where it does not belong to the login;
    /// [`ErrorKind::AccessDenied`] where the user said no; [`ErrorKind::ClientRefused`] and
    /// [`ErrorKind::Unavailable`] for other errors of the provider's, with their
    /// [code](Error::oauth2_code); [`ErrorKind::InvalidRequest`] for a query that is no callback.
    pub fn callback(&self, pending: Pending, query: &str) -> Result<TokenRequest, Error> {
        let callback = Callback::parse(query)?;
        let client = &self.0;
        // The state first: of a forged callback nothing else is looked at.
        match &callback.state {
            None => return Err(invalid("the callback has no state")),
            Some(state) if *state != pending.state => {
                return Err(invalid("the callback's state is not the login's"));
            }
            Some(_) => {}
        }
        let own =
            pending.provider == client.provider.name() && pending.client_id == client.client_id;
        if !own {
            return Err(invalid("the login was begun at another provider"));
        }
        if client.clock.now().as_secs() >= pending.until {
            return Err(invalid("the login took longer than ten minutes"));
        }
        match (&callback.iss, client.provider.issuer.as_deref()) {
            (None, _) if pending.sends_iss => {
                return Err(invalid(
                    "the callback has no iss, which this provider sends",
                ));
            }
            (None, _) => {}
            (Some(iss), Some(issuer)) if iss == issuer => {}
            (Some(iss), Some(issuer)) => {
                let how = mismatch(&[issuer], &[iss]);
                let message = format!("the callback's iss is another provider's: {how}");
                return Err(Error::new(ErrorKind::InvalidCallback, message));
            }
            (Some(_), None) => {
                return Err(invalid(
                    "the callback has an iss, and nothing says which is right: call .issuer(…) on \
                     the provider",
                ));
            }
        }
        if let Some(code) = callback.error.as_ref().filter(|code| !code.is_empty()) {
            let secrets = [pending.verifier.expose(), pending.state.expose()];
            let words = callback.error_description.as_deref();
            return Err(answer::refusal(Some(code), words, &secrets));
        }
        let code = callback
            .code
            .filter(|code| !code.expose().is_empty())
            .ok_or_else(|| bad_query("the callback has neither a code nor an error"))?;
        let pkce = Pkce::from_verifier(pending.verifier)?;
        Ok(self
            .exchange_code(code, &pkce)
            .granted_before(pending.scopes))
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
                // Others must be ignored (RFC 6749 section 4.1.2).
                _ => false,
            };
            if twice {
                return Err(bad_query("a parameter comes twice in the callback"));
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

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
