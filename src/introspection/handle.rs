//! Introspection of tokens: one call per token at a time, remembered for a moment.

use super::answer::{self, Kinds, MAX_BODY};
use super::breaker::Breaker;
use super::credentials::Client;
use super::endpoint::{Endpoint, Place};
use super::signed::{self, Signed};
use crate::core::hash::{Sha256, sha256};
use crate::core::http::{HttpClient, HttpRequest};
use crate::core::{
    BoxFuture, Clock, Error, ErrorKind, PartClock, Secret, SystemClock, call_limit::CallLimit,
    debug_fields, single_flight::SingleFlight, telemetry,
};
use crate::token::introspector::{Active, Introspector};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{sync::Arc, time::Duration};

/// The introspection endpoint of an authorization server (RFC 7662), for opaque tokens. Cheap to
/// clone.
///
/// [`VerifierBuilder::introspection`](crate::VerifierBuilder::introspection) gives it to a verifier,
/// whose rules, lists and cache then apply to opaque tokens as to JWTs:
///
/// - An answer counts only if its member `active` is the JSON value `true`. An answer without a
///   boolean `active`, HTML, an error or no answer is an outage (503) and says nothing about the
///   token.
/// - `iss`, `aud`, `exp`, `nbf`, `iat` and all other claims are checked by the verifier's rules. An
///   absent `iss` counts as the issuer of [`discover`](Self::discover), or as the verifier's only
///   issuer; any other `iss` is rejected.
/// - The answer must be about an access token: its `token_type`, `token_use` or `typ` says so.
/// - Answers are remembered for [`active_ttl`](super::IntrospectionBuilder::active_ttl) and never
///   past `exp`. [`Verifier::forget_token`](crate::Verifier::forget_token) ends that sooner, and
///   deny lists are checked for each request.
/// - Concurrent requests with one token share one call. While the server fails, it is tried every
///   half second, and other requests are answered at once.
/// - The syntax of tokens is `b64token` of RFC 6750 section 2.1. They are sent in the body of a POST
///   and never logged.
///
/// # Example
/// ```
/// use jamguard::{Authenticator, Introspection, Verifier};
///
/// # fn main() -> Result<(), jamguard::Error> {
/// let introspection = Introspection::discover("https://issuer.example")
///     .client_secret_basic("client id", "client secret")
///     .build()?;
/// let verifier = Verifier::builder().introspection(introspection).audience("api").build()?;
/// let auth = Authenticator::builder().verifier(verifier).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Introspection(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) place: Place,
    pub(super) endpoint: Endpoint,
    pub(super) client: Client,
    pub(super) assertion_audience: Option<String>,
    /// `None` if answers need no signature.
    pub(super) signed: Option<Signed>,
    pub(super) kinds: Kinds,
    pub(super) active_ttl: Duration,
    pub(super) http: HttpClient,
    pub(super) clock: Arc<PartClock>,
    pub(super) limit: CallLimit,
    pub(super) breaker: Breaker,
    /// Running calls, and the latest answers by the token's hash.
    pub(super) flight: SingleFlight<Sha256, Answer>,
    pub(super) calls: telemetry::Counter,
    pub(super) failures: telemetry::Counter,
    /// Whether the latest call failed; the first failure is logged.
    pub(super) failing: AtomicBool,
}

/// The claims of an active token.
#[derive(Clone)]
pub(super) struct Answer {
    claims: Arc<str>,
    /// When the question was sent, in real monotonic time.
    asked_at: Duration,
}

impl Introspection {
    /// Returns the number of calls to the endpoint so far.
    pub fn calls(&self) -> u64 {
        self.0.calls.total()
    }
}

impl Inner {
    /// Asks the server, unless it fails at the moment.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] for every failure except a refusal of the token or of this client.
    async fn ask(&self, token: &Secret) -> Result<Answer, Error> {
        self.breaker.admit()?;
        let asked_at = SystemClock.monotonic();
        self.calls.add();
        let answer = match self.limit.run(self.call(token.expose())).await {
            Ok(claims) => Ok(Answer { claims: claims.into(), asked_at }),
            Err(error) if is_refusal(&error) => Err(error),
            Err(error) => return Err(self.failed(error)),
        };
        self.breaker.close();
        self.failing.store(false, Ordering::Relaxed);
        answer
    }

    /// Notes a failure and returns it as an outage, unless this server is at fault.
    fn failed(&self, error: Error) -> Error {
        self.failures.add();
        // One token may cause an answer of this kind, which must not shut the others out.
        let is_odd =
            matches!(error.kind(), ErrorKind::UnexpectedStatus | ErrorKind::UnexpectedBody);
        let error = match error.kind().is_fault() || error.kind() == ErrorKind::Unavailable {
            true => error,
            false => {
                let message = format!("the introspection of a token failed: {error}");
                Error::new(ErrorKind::Unavailable, message).with_source(error)
            }
        };
        if !self.failing.swap(true, Ordering::Relaxed) {
            telemetry::warn("an introspection failed", &error);
        }
        if !is_odd {
            self.breaker.open(&error);
        }
        error
    }

    /// Sends one request and returns the claims of the answer.
    async fn call(&self, token: &str) -> Result<String, Error> {
        let url = self.endpoint.url().await?;
        let audience = match (&self.assertion_audience, self.place.issuer()) {
            (Some(audience), _) => audience,
            (None, Some(issuer)) => issuer,
            (None, None) => url.as_str(),
        };
        let form = self.client.form(token, audience, self.clock.now())?;
        let request = HttpRequest::post(url, MAX_BODY).form(form).accept(match &self.signed {
            Some(_) => signed::MEDIA_TYPE,
            None => "application/json",
        });
        let answer = self.http.send(self.client.add_to_header(request)).await?;
        let body = answer::body(&answer, token)?;
        let claims = match &self.signed {
            None => body.to_owned(),
            Some(signed) if answer.is(signed::MEDIA_TYPE) => signed.open(body).await?,
            Some(_) => {
                return Err(answer::unexpected(
                    "the answer of the introspection endpoint is not signed (RFC 9701): configure \
                     this client for signed answers at the server, or omit .signed_answers(…)",
                ));
            }
        };
        answer::check_active(&claims, &self.kinds)?;
        Ok(claims)
    }
}

/// Whether an error rejects the token.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Inactive | ErrorKind::WrongType)
}

impl Introspector for Introspection {
    fn issuer(&self) -> Option<&str> {
        self.0.place.issuer()
    }

    fn place(&self) -> &str {
        self.0.place.name()
    }

    fn ask(&self, token: &str) -> BoxFuture<Result<Active, Error>> {
        let (inner, token) = (self.0.clone(), Secret::new(token));
        Box::pin(async move {
            let age = |answer: &Answer| SystemClock.monotonic().saturating_sub(answer.asked_at);
            let call = || {
                let (inner, token) = (inner.clone(), token.clone());
                async move { inner.ask(&token).await }
            };
            let key = sha256(token.expose());
            let lasts = |answer: &Result<Answer, Error>| match answer {
                Ok(answer) => age(answer) < inner.active_ttl,
                Err(error) => is_refusal(error),
            };
            let answer = inner.flight.ask_detached(key, call, lasts).await?;
            let usable_for = inner.active_ttl.saturating_sub(age(&answer));
            Ok(Active { claims: answer.claims, usable_for })
        })
    }

    fn forget(&self, token: &str) {
        self.0.flight.forget(&sha256(token));
    }

    fn forget_all(&self) {
        self.0.flight.forget_all();
    }

    fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.0.clock.follow(clock);
    }
}

debug_fields!(Introspection, self, place = self.0.place.name());
