//! The authenticator: its settings, and authentication outside of HTTP.

use super::context::HandlerContext;
use super::cookies::{Attributes, LoginCookies};
use super::credentials::CredentialSource;
use super::csrf::OriginCheck;
use super::enrich::Enricher;
use super::identity::{CredentialKind, Identity};
use super::routing::Routing;
use super::session::SessionSettings;
use crate::core::{AuthResponse, Error, sharded::Striped, telemetry};
use crate::token::{claims::Claimed, verified::Verified};
use std::{fmt, sync::Arc};

/// Verifies the credential of a request and returns an [`Identity`]. Cheap to clone.
///
/// [`layer`](Self::layer) (tower, axum) and [`actix`](Self::actix) put it in front of an
/// application; [`authenticate`](Self::authenticate) verifies a token outside of HTTP.
///
/// # Example
/// ```
/// # #[cfg(feature = "client")] {
/// use jamguard::{Authenticator, JamApp};
/// let auth = Authenticator::builder()
///     .jam(JamApp::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895"))
///     .build()?;
/// # }
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct Authenticator(pub(super) Arc<Settings>, Bearers);

/// How to treat an invalid header or query credential where login is optional.
#[derive(Clone, Copy)]
enum Bearers {
    AsSet,
    Lenient,
}

pub(crate) struct Settings {
    pub(crate) routing: Arc<Routing>,
    pub(crate) sources: Vec<CredentialSource>,
    pub(crate) cookies: Option<LoginCookies>,
    pub(crate) contexts: Striped<Arc<HandlerContext>>,
    pub(super) enricher: Option<Enricher>,
    pub(crate) lenient_headers: bool,
    pub(crate) strict_cookies: bool,
    pub(crate) origins: OriginCheck,
    #[cfg(feature = "client")]
    pub(crate) refresh: Option<super::refresh::Refresher>,
    pub(super) sessions: Option<Arc<SessionSettings>>,
}

impl Authenticator {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings), Bearers::AsSet)
    }

    /// Returns this authenticator with invalid header and query credentials treated as anonymous.
    ///
    /// For login and refresh routes, to which clients come with a stale token. Guards still reject
    /// it. Use this layer instead of the other one, which would reject the request first.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, routing::{get, post}};
    /// use jamguard::{Authenticator, Identity};
    ///
    /// fn app(auth: &Authenticator) -> Router {
    ///     let entrance = Router::new()
    ///         .route("/login", post(|| async { "welcome" }))
    ///         .layer(auth.ignore_invalid_bearer().layer());
    ///     Router::new()
    ///         .route("/me", get(|user: Identity| async move { format!("{:?}", user.subject()) }))
    ///         .layer(auth.layer())
    ///         .merge(entrance)
    /// }
    /// # }
    /// ```
    ///
    /// In actix-web: `web::resource("/login").wrap(auth.ignore_invalid_bearer().actix())` beside a
    /// `web::scope("")` with `.wrap(auth.actix())`.
    /// For all routes: [`ignore_invalid_bearer`](crate::AuthenticatorBuilder::ignore_invalid_bearer).
    #[must_use = "this returns a new authenticator and does not change the original"]
    pub fn ignore_invalid_bearer(&self) -> Self {
        Self(self.0.clone(), Bearers::Lenient)
    }

    /// Verifies a token that comes from outside of HTTP: a WebSocket message, a queue.
    ///
    /// Calls the [enrich hook](crate::AuthenticatorBuilder::enrich) as for a request.
    ///
    /// # Errors
    /// The errors of [`Verifier::verify`](crate::Verifier::verify);
    /// [`ErrorKind::UnknownIssuer`](crate::ErrorKind::UnknownIssuer) if no verifier matches; errors
    /// of the enrich hook.
    ///
    /// ```
    /// # async fn example(auth: jamguard::Authenticator, message: &str) -> Result<(), jamguard::Error> {
    /// let identity = auth.authenticate(message).await?;
    /// # Ok(()) }
    /// ```
    pub async fn authenticate(&self, token: &str) -> Result<Identity, Error> {
        let verified = self.verify(token).await.inspect_err(telemetry::refused)?;
        let mut identity = self.identity(verified.into(), CredentialKind::Direct);
        if let Some(enricher) = &self.0.enricher {
            enricher.enrich(&mut identity).await?;
        }
        Ok(identity)
    }

    /// Drops the cached [enrichment](crate::AuthenticatorBuilder::enrich) of a user.
    ///
    /// `subject` is the user's `sub` or, without one, the verified `email`; it matches every
    /// issuer. Requests that start after this returns call the hook again; in other processes, once
    /// the store has notified them.
    ///
    /// # Errors
    /// Errors of the [store](crate::AuthenticatorBuilder::enrichment_store). This process has forgotten
    /// the user even then.
    pub async fn forget(&self, subject: &str) -> Result<(), Error> {
        match &self.0.enricher {
            Some(enricher) => enricher.forget(subject).await,
            None => Ok(()),
        }
    }

    /// Removes a token from the caches of all verifiers, so that its next use verifies it in full.
    ///
    /// See [`Verifier::forget_token`](crate::Verifier::forget_token).
    ///
    /// ```
    /// # fn example(auth: jamguard::Authenticator, revoked: &str) {
    /// // The authorization server has notified this one that it revoked the token.
    /// auth.forget_token(revoked);
    /// # }
    /// ```
    pub fn forget_token(&self, token: &str) {
        self.0.routing.forget(token);
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Error> {
        self.0.routing.verify(token.as_bytes(), |_| Ok(())).await
    }

    /// Returns the `Vary` value: the request headers of all sources, `None` without any.
    pub(crate) fn vary(&self) -> Option<&str> {
        self.context().vary()
    }

    /// Returns the request headers that may hold credentials.
    #[cfg(feature = "tower")]
    pub(crate) fn credential_headers(&self) -> impl Iterator<Item = &str> {
        self.0.sources.iter().filter_map(CredentialSource::vary)
    }

    /// Returns the response to an error, after the application's hook, and logs the error.
    pub(crate) fn challenge(&self, error: &Error) -> AuthResponse {
        self.context().challenge(error)
    }

    /// Returns this thread's context.
    pub(super) fn context(&self) -> &Arc<HandlerContext> {
        self.0.contexts.mine()
    }

    pub(super) fn identity(&self, claimed: Claimed, kind: CredentialKind) -> Identity {
        Identity::new(claimed, kind, self.context().clone())
    }

    /// Returns the origin check.
    pub(crate) fn origins(&self) -> &OriginCheck {
        &self.0.origins
    }

    /// Whether the authenticator has sessions.
    #[cfg(any(feature = "tower", feature = "client"))]
    pub(crate) fn has_sessions(&self) -> bool {
        self.0.sessions.is_some()
    }

    /// Whether the response to an admitted request may carry a session or a renewed token.
    #[cfg(feature = "tower-http")]
    pub(super) fn changes_responses(&self) -> bool {
        #[cfg(feature = "client")]
        if self.0.refresh.is_some() {
            return true;
        }
        self.has_sessions()
    }

    /// Whether an invalid cookie refuses the request even where login is optional.
    pub(super) fn is_strict(&self) -> bool {
        self.0.strict_cookies
    }

    pub(super) fn is_lenient(&self) -> bool {
        self.0.lenient_headers || matches!(self.1, Bearers::Lenient)
    }

    /// Returns the `Set-Cookie` value that removes a dead credential.
    pub(super) fn removal(&self, name: &str) -> String {
        match &self.0.cookies {
            Some(cookies) if cookies.id_name() == name => cookies.remove_id(),
            _ => Attributes::default().remove(name),
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("sources", &self.0.sources).finish_non_exhaustive()
    }
}
