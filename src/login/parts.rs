//! Types of the login handlers: the verified login and the redirect.

use crate::authenticator::request::{Head, credentials, token_cookies};
use crate::authenticator::{Authenticator, Identity};
use crate::core::{AuthResponse, Error, ErrorKind, Secret, telemetry};
use crate::endpoint::handler::{Endpoint, EndpointRequest};
use std::future::{Future, ready};

/// A verified login, for [`JamLoginBuilder::on_login`](crate::JamLoginBuilder::on_login).
///
/// # Example
/// ```
/// use jamguard::{Error, Login, Redirect};
///
/// async fn arrived(login: Login) -> Result<Redirect, Error> {
///     #[derive(serde::Deserialize)]
///     struct User { email: String }
///
///     let user: &User = login.identity().claims()?;
///     println!("{} logged in", user.email);
///     Ok(Redirect::to("/welcome"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Login {
    pub(super) identity: Identity,
    pub(super) refresh_token: Option<Secret>,
}

impl Login {
    /// Returns the identity; its [`token`](Identity::token) is the ID token.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the refresh token, if the app allows refreshing.
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }
}

/// A redirect response: `303 See Other` with `no-store` and `no-referrer`.
///
/// # Example
/// ```
/// use jamguard::Redirect;
/// let next = Redirect::to("/welcome").with_header("set-cookie", "theme=dark; Path=/");
/// ```
#[derive(Clone, Debug)]
pub struct Redirect(pub(super) AuthResponse);

impl Redirect {
    /// Creates a redirect to this URL.
    ///
    /// Never take the URL from a request unchecked: that is an open redirect.
    pub fn to(url: impl Into<String>) -> Self {
        Self(private(AuthResponse::new(303).with_header("location", url.into())))
    }

    /// Adds a header. `set-cookie` may be added several times.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.add_header(name, value);
        self
    }
}

/// Returns a handler for one method, however it is mounted; other methods are answered 405.
///
/// The client learns only an error's kind. One with status 500 or above is logged as a warning.
pub(super) fn endpoint<F>(
    name: &'static str,
    method: &'static str,
    auth: &Authenticator,
    answer: impl Fn(&EndpointRequest<'_>) -> F + Send + Sync + 'static,
) -> Endpoint
where
    F: Future<Output = Result<AuthResponse, Error>> + Send + 'static,
{
    let auth = auth.clone();
    Endpoint::new(name, move |request| {
        if request.method() != method {
            return Box::pin(ready(private(AuthResponse::new(405).with_header("allow", method))));
        }
        let (auth, answer) = (auth.clone(), answer(request));
        Box::pin(async move {
            answer.await.unwrap_or_else(|error| {
                let refusal = private(auth.challenge(&error));
                if refusal.status() >= 500 {
                    telemetry::warn("a login or logout failed", &error);
                }
                refusal
            })
        })
    })
}

/// Keeps the response out of caches, and the tokens of its URL out of `Referer` headers.
pub(super) fn private(answer: AuthResponse) -> AuthResponse {
    answer.with_header("cache-control", "no-store").with_header("referrer-policy", "no-referrer")
}

/// Returns the `idToken` and `refreshToken` of the redirect's query.
pub(super) fn query_tokens(query: &str) -> Result<(Secret, Option<Secret>), Error> {
    let only = |name: &str| {
        let mut values = credentials::parameter(query, name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => match std::str::from_utf8(&value) {
                Ok(text) if token_cookies::is_value(text) => Ok(Some(Secret::new(text))),
                _ => Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "a token in the redirect has characters that tokens never have",
                )),
            },
            (Some(_), Some(_)) => {
                Err(Error::new(ErrorKind::InvalidRequest, "a token is repeated in the redirect"))
            }
        }
    };
    let id_token = only("idToken")?
        .ok_or_else(|| Error::new(ErrorKind::InvalidRequest, "the redirect has no idToken"))?;
    Ok((id_token, only("refreshToken")?))
}

/// Checks that a path stays on this site: `//host` and `/\host` would leave it.
pub(super) fn check_local(path: &str) -> Result<(), Error> {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'\\');
    if local {
        Ok(())
    } else {
        Err(Error::configuration("the home is not a path of this site: use one such as /welcome"))
    }
}
