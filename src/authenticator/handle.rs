//! The authenticator: its settings, and authentication outside of HTTP.

use super::context::HandlerContext;
use super::cookies::LoginCookies;
use super::enrich::Enricher;
use super::identity::{CredentialKind, Identity};
use super::origins::OriginCheck;
use super::routing::Routing;
use super::session_settings::SessionSettings;
use super::sources::CredentialSource;
use crate::core::{Error, debug_fields, sharded::Striped, telemetry};
use crate::token::{claims::Claimed, verified::Verified};
use std::sync::Arc;

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
    #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
    pub(super) refresh: Option<super::request::refresh::Refresher>,
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

    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Error> {
        self.0.routing.verify(token.as_bytes(), |_| Ok(())).await
    }

    /// Returns this thread's context.
    pub(super) fn context(&self) -> &Arc<HandlerContext> {
        self.0.contexts.mine()
    }

    pub(super) fn identity(&self, claimed: Claimed, kind: CredentialKind) -> Identity {
        Identity::new(claimed, kind, None, self.context().clone())
    }

    pub(super) fn is_lenient(&self) -> bool {
        self.0.lenient_headers || matches!(self.1, Bearers::Lenient)
    }
}

debug_fields!(
    Authenticator,
    self,
    sources = self.0.sources,
    cookies = self.0.cookies,
    sessions = self.0.sessions,
    ignore_invalid_bearer = self.is_lenient(),
    refuse_invalid_cookies = self.0.strict_cookies,
    origins = self.0.origins,
    vary = self.context().vary(),
);
