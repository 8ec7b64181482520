//! Authentication of a request: finds and verifies the credential, returns identity or refusal.

use super::answer::Edits;
use super::builder::AuthenticatorBuilder;
#[cfg(feature = "client")]
use super::cookie_renewal::Renewal;
use super::cookies::{Attributes, LoginCookies};
use super::credentials::{self, CredentialSource, Head, SourceKind};
use super::csrf::OriginCheck;
use super::enrich::Enricher;
use super::identity::{CredentialKind, Identity};
use super::judge::Judge;
use super::routing::Routing;
use super::session::{
    SessionSettings,
    request_session::{Open, Visit},
};
use crate::core::challenge::AuthResponse;
use crate::core::error::{Error, ErrorKind};
use crate::core::future::BoxFuture;
use crate::core::sharded::Striped;
use crate::core::telemetry;
use crate::token::claim_set::Claimed;
use crate::token::verified::Verified;
use crate::token::verifier::Step;
use std::fmt;
use std::ops::Range;
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
    pub(crate) judges: Striped<Arc<Judge>>,
    pub(super) enricher: Option<Enricher>,
    pub(crate) lenient_headers: bool,
    pub(crate) strict_cookies: bool,
    pub(crate) origins: OriginCheck,
    #[cfg(feature = "client")]
    pub(crate) refresh: Option<super::refresh::Refresher>,
    #[cfg(feature = "client")]
    pub(crate) grace: std::time::Duration,
    pub(super) sessions: Option<Arc<SessionSettings>>,
}

/// What the layer attaches to the request for guards and extractors.
#[derive(Clone)]
pub(crate) struct Attached {
    /// The thread's own handle: cloned per request without contention.
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) outcome: Outcome,
    /// `None` if the authenticator has no sessions.
    pub(super) visit: Option<Arc<Visit>>,
}

/// The result of authenticating a request.
#[derive(Clone)]
pub(crate) enum Outcome {
    Known(Identity),
    /// No credential.
    Anonymous,
    /// An invalid credential where login is optional.
    Ignored(Error),
}

impl Outcome {
    /// Returns the identity, if the sender is known.
    pub(crate) fn known(&self) -> Option<&Identity> {
        match self {
            Self::Known(identity) => Some(identity),
            _ => None,
        }
    }
}

/// An admitted request.
pub(crate) struct Pass {
    /// `None` if an outer layer attached it.
    outcome: Option<Outcome>,
    pub(crate) edits: Edits,
}

impl Pass {
    /// Returns what to attach, or `None` if an outer layer did. `auth` is the thread's own handle.
    pub(crate) fn attachment(
        &mut self,
        auth: impl FnOnce() -> Arc<Authenticator>,
    ) -> Option<Attached> {
        Some(Attached {
            outcome: self.outcome.take()?,
            auth: auth(),
            visit: self.edits.visit.as_ref().map(Open::visit),
        })
    }

    pub(super) fn with(outcome: Outcome, edits: Edits) -> Self {
        Self { outcome: Some(outcome), edits }
    }

    /// A request that an outer layer has authenticated.
    pub(super) fn attached() -> Self {
        Self { outcome: None, edits: Edits::default() }
    }

    pub(super) fn known(&self) -> Option<&Identity> {
        self.outcome.as_ref()?.known()
    }

    pub(super) fn sender(&mut self) -> Option<&mut Identity> {
        match &mut self.outcome {
            Some(Outcome::Known(identity)) => Some(identity),
            _ => None,
        }
    }
}

/// The decision about a request. A refusal is the whole response.
pub(crate) enum Admission {
    Now(Result<Pass, AuthResponse>),
    Later(BoxFuture<Result<Pass, AuthResponse>>),
}

/// The request's credential before the decision.
pub(super) enum Begun {
    Nothing,
    /// The credential is malformed, or denied by the origin check.
    Unreadable(Error),
    /// Two different cookies of one name. Ignored where login is optional: browsers send cookies
    /// unasked.
    Ambiguous(Error),
    Token {
        step: Step,
        /// Index of the source.
        place: usize,
        #[cfg(feature = "client")]
        // Boxed: rarely present, and this enum is moved for each request.
        renewal: Option<Box<Renewal>>,
    },
}

impl Admission {
    pub(super) async fn wait(self) -> Result<Pass, AuthResponse> {
        match self {
            Self::Now(decision) => decision,
            Self::Later(decision) => decision.await,
        }
    }
}

impl Authenticator {
    /// Returns a builder.
    pub fn builder() -> AuthenticatorBuilder {
        AuthenticatorBuilder::new()
    }

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
    /// For all routes: [`AuthenticatorBuilder::ignore_invalid_bearer`].
    #[must_use = "this returns a new authenticator and does not change the original"]
    pub fn ignore_invalid_bearer(&self) -> Self {
        Self(self.0.clone(), Bearers::Lenient)
    }

    /// Verifies a token that comes from outside of HTTP: a WebSocket message, a queue.
    ///
    /// Calls the [enrich hook](AuthenticatorBuilder::enrich) as for a request.
    ///
    /// # Errors
    /// The errors of [`Verifier::verify`](crate::Verifier::verify);
    /// [`ErrorKind::UnknownIssuer`] if no verifier matches; errors of the enrich hook.
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

    /// Drops the cached [enrichment](AuthenticatorBuilder::enrich) of a user.
    ///
    /// `subject` is the user's `sub` or, without one, the verified `email`; it matches every
    /// issuer. Requests that start after this returns call the hook again; in other processes, once
    /// the store has notified them.
    ///
    /// # Errors
    /// Errors of the [store](AuthenticatorBuilder::enrichment_store). This process has forgotten
    /// the user even then.
    pub async fn forget(&self, subject: &str) -> Result<(), Error> {
        match &self.0.enricher {
            Some(enricher) => enricher.forget(subject).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Error> {
        let step = self.0.routing.begin(token.as_bytes(), |_| Ok(()));
        step.wait().await
    }

    #[cfg(feature = "client")]
    pub(crate) fn cookies(&self) -> Option<&LoginCookies> {
        self.0.cookies.as_ref()
    }

    /// Returns the `Vary` value: the request headers of all sources, `None` without any.
    pub(crate) fn vary(&self) -> Option<String> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.0.sources.iter().filter_map(CredentialSource::vary) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Returns the request headers that may hold credentials.
    #[cfg(feature = "tower")]
    pub(crate) fn credential_headers(&self) -> impl Iterator<Item = &str> {
        self.0.sources.iter().filter_map(CredentialSource::vary)
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

    /// Returns the response to an error, after the application's hook, and logs the error.
    pub(crate) fn challenge(&self, error: &Error) -> AuthResponse {
        self.judge().challenge(error)
    }

    /// Returns this thread's judge.
    pub(super) fn judge(&self) -> &Arc<Judge> {
        self.0.judges.mine()
    }

    /// Whether policies treat the token's email address as verified.
    #[cfg_attr(not(feature = "oauth2"), allow(dead_code))]
    pub(crate) fn has_verified_email(&self, token: &Verified) -> bool {
        let identity = self.identity(token.clone().into(), CredentialKind::Bearer);
        identity.verified_email().is_some()
    }

    pub(super) fn identity(&self, claimed: Claimed, kind: CredentialKind) -> Identity {
        Identity::new(claimed, kind, self.judge().clone())
    }

    pub(super) fn refuse(&self, error: &Error, edits: Edits) -> AuthResponse {
        let mut challenge = self.challenge(error);
        if edits.vary
            && let Some(names) = self.vary()
        {
            challenge.add_header("vary", names);
        }
        if !edits.cookies.is_empty() {
            challenge = challenge.with_header("cache-control", "no-store");
        }
        for cookie in edits.cookies {
            challenge.add_header("set-cookie", cookie);
        }
        challenge
    }

    /// Returns the origin check.
    pub(crate) fn origins(&self) -> &OriginCheck {
        &self.0.origins
    }

    /// Whether this site's cookies are also sent over plain http, as in development.
    #[cfg(feature = "oauth2")]
    pub(crate) fn has_plain_cookies(&self) -> bool {
        let cookies = self.0.cookies.as_ref();
        if let Some(sessions) = &self.0.sessions {
            return !sessions.is_secure();
        }
        cookies.is_some_and(|cookies| !cookies.is_secure())
    }

    #[cfg(feature = "client")]
    pub(super) fn refresher(&self) -> Option<&super::refresh::Refresher> {
        self.0.refresh.as_ref()
    }

    /// Returns how long a session outlives its ID token while JAM is unreachable.
    #[cfg(feature = "client")]
    pub(super) fn grace(&self) -> std::time::Duration {
        self.0.grace
    }

    #[cfg(feature = "client")]
    pub(super) fn session_settings(&self) -> Option<&Arc<SessionSettings>> {
        self.0.sessions.as_ref()
    }

    /// Returns the number of sources.
    pub(super) fn sources(&self) -> usize {
        self.0.sources.len()
    }

    pub(super) fn refuses_cookies(&self) -> bool {
        self.0.strict_cookies
    }

    /// Authenticates a request. With `required`, one without an identity is refused.
    pub(super) fn admit_sender(&self, head: &impl Head, required: bool) -> Admission {
        if let Some(sessions) = &self.0.sessions {
            return self.admit_visitor(head, sessions, required);
        }
        let begun = self.begin(head, 0..self.0.sources.len());
        self.admit_begun(begun, required)
    }

    /// Starts verifying the first credential that these sources hold.
    pub(super) fn begin(&self, head: &impl Head, sources: Range<usize>) -> Begun {
        let first = sources.start;
        let sources = self.0.sources.get(sources).unwrap_or_default();
        let (found, place) = match credentials::find(head, sources) {
            Ok(Some(found)) => found,
            Ok(None) => return Begun::Nothing,
            Err((error, source)) => match source.0 {
                SourceKind::Cookie(_) => return Begun::Ambiguous(error),
                _ => return Begun::Unreadable(error),
            },
        };
        if let Err(error) = credentials::check_alone(head, &self.0.sources, found.source) {
            return Begun::Unreadable(error);
        }
        if matches!(found.source.0, SourceKind::Cookie(_))
            && let Err(error) = self.0.origins.check(head)
        {
            return Begun::Unreadable(error);
        }
        let step = self.0.routing.begin(&found.token, |token| found.check_form(token));
        #[cfg(feature = "client")]
        let renewal = self.renewal(head, found.source, &step).map(|refresh_token| {
            let id_token = found.token.into_owned();
            Box::new(Renewal { id_token, refresh_token })
        });
        Begun::Token {
            step,
            place: first + place,
            #[cfg(feature = "client")]
            renewal,
        }
    }

    /// Decides by the outcome of [`begin`](Self::begin).
    pub(super) fn admit_begun(&self, begun: Begun, required: bool) -> Admission {
        let (step, place) = match begun {
            Begun::Nothing => {
                return Admission::Now(match required {
                    true => Err(self.refuse(&missing(), Edits::vary())),
                    false => Ok(Pass::with(Outcome::Anonymous, Edits::vary())),
                });
            }
            Begun::Unreadable(error) => {
                return Admission::Now(self.conclude(Err(error), None, required));
            }
            Begun::Ambiguous(error) => {
                return Admission::Now(match required || self.0.strict_cookies {
                    true => Err(self.refuse(&error, Edits::vary())),
                    false => {
                        telemetry::refused(&error);
                        Ok(Pass::with(Outcome::Ignored(error), Edits::vary()))
                    }
                });
            }
            #[cfg(feature = "client")]
            Begun::Token { step, place, renewal: Some(renewal) } => {
                let auth = self.clone();
                let Renewal { id_token, refresh_token } = *renewal;
                return Admission::Later(Box::pin(async move {
                    let source = auth.0.sources.get(place);
                    match step.wait().await {
                        Err(error) if error.kind() == ErrorKind::Expired => {
                            let token = refresh_token.expose();
                            auth.renewed(&id_token, token, error, source, required).await
                        }
                        answer => auth.conclude(answer, source, required),
                    }
                }));
            }
            Begun::Token { step, place, .. } => (step, place),
        };
        match step {
            Step::Done(answer) => {
                Admission::Now(self.conclude(answer, self.0.sources.get(place), required))
            }
            step @ Step::Wait(_) => {
                let auth = self.clone();
                Admission::Later(Box::pin(async move {
                    let answer = step.wait().await;
                    auth.conclude(answer, auth.0.sources.get(place), required)
                }))
            }
        }
    }

    /// Turns a verification result into a decision, by the token's source.
    pub(super) fn conclude(
        &self,
        answer: Result<Verified, Error>,
        source: Option<&CredentialSource>,
        required: bool,
    ) -> Result<Pass, AuthResponse> {
        let mut edits = Edits::vary();
        let error = match answer {
            Ok(verified) => {
                let kind = source.map_or(CredentialKind::Direct, kind_of);
                let known = Outcome::Known(self.identity(verified.into(), kind));
                return Ok(Pass::with(known, edits));
            }
            Err(error) => error,
        };
        let optional = match source.map(|source| &source.0) {
            // No readable credential.
            None => false,
            _ if error.kind() == ErrorKind::InvalidRequest => false,
            Some(SourceKind::Cookie(name)) => {
                if error.kind().is_final() {
                    edits.cookies.push(self.removal(name));
                }
                !self.0.strict_cookies && error.kind() != ErrorKind::Unavailable
            }
            Some(_) => self.is_lenient() && error.kind() != ErrorKind::Unavailable,
        };
        if required || !optional {
            return Err(self.refuse(&error, edits));
        }
        telemetry::refused(&error);
        Ok(Pass::with(Outcome::Ignored(error), edits))
    }

    fn is_lenient(&self) -> bool {
        self.0.lenient_headers || matches!(self.1, Bearers::Lenient)
    }

    /// Returns the `Set-Cookie` value that removes a dead credential.
    fn removal(&self, name: &str) -> String {
        match &self.0.cookies {
            Some(cookies) if cookies.id_name() == name => cookies.remove_id(),
            _ => Attributes::default().remove(name),
        }
    }
}

pub(super) fn missing() -> Error {
    Error::new(ErrorKind::MissingCredentials, "the request has no credential")
}

fn kind_of(source: &CredentialSource) -> CredentialKind {
    match &source.0 {
        SourceKind::Bearer => CredentialKind::Bearer,
        SourceKind::Header(_) => CredentialKind::Header,
        SourceKind::Cookie(_) => CredentialKind::Cookie,
        SourceKind::Query(_) => CredentialKind::Query,
        SourceKind::Session => CredentialKind::Session,
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("sources", &self.0.sources).finish_non_exhaustive()
    }
}
