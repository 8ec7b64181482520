//! The authenticator: its settings, and authentication outside of HTTP.

use super::context::HandlerContext;
use super::cookies::LoginCookies;
use super::enrich::Enricher;
use super::identity::{CredentialKind, Identity};
use super::origins::OriginCheck;
use super::possession::{Possession, Presented};
use super::routing::Routing;
use super::session_settings::SessionSettings;
use super::sources::CredentialSource;
use crate::core::{Error, debug_fields, sharded::Striped, telemetry};
use crate::token::confirmation::not_a_bearer_token;
use crate::token::dpop::{DpopRequest, Target, invalid};
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
    /// `None` if bound tokens are refused.
    pub(super) possession: Option<Arc<Possession>>,
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
    /// Calls the [enrich hook](crate::AuthenticatorBuilder::enrich) as for a request. A token that is
    /// bound to a key or certificate is refused, and every token if
    /// [DPoP is required](crate::DpopBuilder::required): for DPoP, use
    /// [`authenticate_dpop`](Self::authenticate_dpop).
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
        let verified = self.verify_bearer(token).await.inspect_err(telemetry::refused)?;
        self.enriched(verified, CredentialKind::Direct).await
    }

    /// Verifies a DPoP-bound token and its proof, for a request that no layer of this crate sees.
    ///
    /// # Errors
    /// The errors of [`authenticate`](Self::authenticate);
    /// [`ErrorKind::InvalidProof`](crate::ErrorKind::InvalidProof) and
    /// [`ErrorKind::NonceRequired`](crate::ErrorKind::NonceRequired) for the proof;
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) without
    /// [`dpop`](crate::AuthenticatorBuilder::dpop).
    ///
    /// ```
    /// use jamguard::DpopRequest;
    ///
    /// # async fn example(auth: jamguard::Authenticator, token: &str, proof: &str) -> Result<(), jamguard::Error> {
    /// let request = DpopRequest::new("GET", "https://api.example.com/orders", proof);
    /// let identity = auth.authenticate_dpop(token, request).await?;
    /// # Ok(()) }
    /// ```
    pub async fn authenticate_dpop(
        &self,
        token: &str,
        request: DpopRequest<'_>,
    ) -> Result<Identity, Error> {
        let verified = self.verify_dpop(token, request).await.inspect_err(telemetry::refused)?;
        self.enriched(verified, CredentialKind::Dpop).await
    }

    async fn verify_dpop(&self, token: &str, request: DpopRequest<'_>) -> Result<Verified, Error> {
        let possession = self.0.possession.as_ref().filter(|possession| possession.dpop.is_some());
        let possession = possession.ok_or_else(|| {
            Error::configuration("the authenticator has no DPoP settings: call .dpop(…)")
        })?;
        let url = Target::parse(request.url).ok_or_else(|| {
            invalid(format!("'{}' is not the absolute URL of a request", request.url))
        });
        let presented = Presented {
            is_dpop: true,
            proof: Ok(request.proof.to_owned()),
            method: request.method.to_owned(),
            urls: url.map(|url| vec![url]),
            certificate: Ok(None),
        };
        let verified = self.0.routing.verify(token.as_bytes(), |_| Ok(())).await?;
        possession.check(presented, &verified).await?;
        Ok(verified)
    }

    async fn enriched(&self, token: Verified, kind: CredentialKind) -> Result<Identity, Error> {
        let mut identity = self.identity(token.into(), kind);
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

    /// Verifies a token without a proof, which is refused if DPoP is required.
    pub(super) async fn verify_bearer(&self, token: &str) -> Result<Verified, Error> {
        let verified = self.verify(token).await?;
        self.0.possession.as_ref().map_or(Ok(()), |possession| possession.check_bearer())?;
        Ok(verified)
    }

    /// Verifies a token that is not bound to a key or certificate.
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Error> {
        let verified = self.0.routing.verify(token.as_bytes(), |_| Ok(())).await?;
        // With proofs of possession, the verifiers leave the binding to the authenticator.
        match verified.confirmation() {
            None => Ok(verified),
            Some(_) => Err(not_a_bearer_token()),
        }
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
