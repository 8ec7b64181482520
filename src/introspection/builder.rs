//! Builder of an introspection, with validation of its settings.

use super::answer::Kinds;
use super::breaker::Breaker;
use super::credentials::{Client, Credentials};
use super::endpoint::Place;
use super::handle::{Inner, Introspection};
use super::signed::Signed;
use crate::core::http::HttpClient;
use crate::core::network::{NetworkOptions, network_methods};
use crate::core::settings::{Texts, Time, options, setters};
use crate::core::{
    Clock, Error, PartClock, Secret, SystemClock, call_limit::CallLimit, debug_fields, ensure,
    single_flight::SingleFlight, telemetry::Counter,
};
use crate::jose::{Algorithm, SigningKey, algorithm::Algorithms};
use crate::jwks::{builder::RemoteKeySetBuilder, discovery::Discovery};
use std::{sync::Arc, sync::atomic::AtomicBool, time::Duration};

/// Concurrent calls to the endpoint.
const PARALLEL: usize = 64;
const MAX_TIMEOUT: Duration = Duration::from_secs(55);

options! {
    /// How opaque tokens are introspected, and for how long the answers are remembered.
    IntrospectionOptions {
        /// URL at which the issuer of `discover` is reached. Default: the issuer itself.
        discover_at: Option<String> = None,
        /// Requires answers that are signed with one of these algorithms. Needs `discover`.
        signed_answers: Option<Algorithms> = None,
        /// How long an active token is accepted without asking again. Default: 30 s, at most 1 hour; 0 asks each time.
        active_ttl: Time = Time(Duration::from_secs(30)),
        /// How long an inactive token is rejected without asking again. Default: 1 s, at most 1 minute.
        inactive_ttl: Time = Time(Duration::from_secs(1)),
        /// Longest wait for an answer. Default: 5 s, at most 55 s.
        timeout: Time = Time(Duration::from_secs(5)),
        /// Audience of client assertions. Default: the issuer, or else the endpoint's URL.
        assertion_audience: Option<String> = None,
        /// Required `aud` of signed answers. Default: the client id.
        answer_audience: Option<String> = None,
        /// Additional names of access tokens in the answers' `token_type`.
        token_types: Texts = Texts::default(),
        /// Accepts answers that do not name the token's kind, such as those about refresh tokens.
        danger_accept_missing_token_type: bool = false,
    }
}

/// A builder of an [`Introspection`].
///
/// # Example
/// ```
/// use jamguard::{Introspection, jose::{Algorithm, SigningKey}};
/// use std::time::Duration;
///
/// let key = SigningKey::generate(Algorithm::ES256)?.with_key_id("2026-11");
/// let introspection = Introspection::discover("https://issuer.example")
///     .private_key_jwt("client id", key)
///     .active_ttl(Duration::from_secs(10))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct IntrospectionBuilder {
    place: Place,
    client: Option<Client>,
    clock: Arc<dyn Clock>,
    pub(crate) network: NetworkOptions,
    pub(crate) options: IntrospectionOptions,
}

impl Introspection {
    /// Returns a builder for the introspection endpoint at `url`: https, or http on loopback.
    ///
    /// Name the issuer with [`VerifierBuilder::issuer`](crate::VerifierBuilder::issuer): without one,
    /// any `iss` or none is accepted.
    pub fn builder(url: impl Into<String>) -> IntrospectionBuilder {
        IntrospectionBuilder::new(Place::Url(url.into()))
    }

    /// Returns a builder for the introspection endpoint of an issuer.
    ///
    /// Its metadata (OpenID Connect discovery or RFC 8414) names the endpoint. Answers must have exactly this
    /// `iss`, or none (RFC 7662 section 2.2), which then counts as this one.
    pub fn discover(issuer: impl Into<String>) -> IntrospectionBuilder {
        IntrospectionBuilder::new(Place::Issuer(Discovery::of(issuer)))
    }
}

impl IntrospectionBuilder {
    fn new(place: Place) -> Self {
        Self {
            place,
            client: None,
            clock: Arc::new(SystemClock),
            network: NetworkOptions::default(),
            options: IntrospectionOptions::default(),
        }
    }

    setters! {
        /// Sets the URL at which the issuer is reached, if that is not its name. Default: the
        /// issuer.
        ///
        /// See [`RemoteKeySetBuilder::discover_at`](crate::jwks::RemoteKeySetBuilder::discover_at).
        /// Needs [`discover`](Introspection::discover).
        pub fn discover_at(url: impl Into<String>) { self.options.discover_at = Some(url.into()) }
    }

    network_methods!();

    /// Authenticates with a secret in the `Authorization` header (`client_secret_basic`).
    pub fn client_secret_basic(
        self,
        client_id: impl Into<String>,
        secret: impl Into<Secret>,
    ) -> Self {
        self.client(client_id, Credentials::SecretBasic(secret.into()))
    }

    /// Authenticates with a secret in the form (`client_secret_post`).
    pub fn client_secret_post(
        self,
        client_id: impl Into<String>,
        secret: impl Into<Secret>,
    ) -> Self {
        self.client(client_id, Credentials::SecretPost(secret.into()))
    }

    /// Authenticates with an assertion that this key signs (`private_key_jwt`, RFC 7523).
    ///
    /// A key from a shared secret makes it `client_secret_jwt`.
    pub fn private_key_jwt(self, client_id: impl Into<String>, key: SigningKey) -> Self {
        self.client(client_id, Credentials::PrivateKeyJwt(key))
    }

    fn client(mut self, id: impl Into<String>, credentials: Credentials) -> Self {
        self.client = Some(Client { id: id.into(), credentials });
        self
    }

    setters! {
        /// Sets the audience of client assertions.
        ///
        /// Default: the issuer, or the endpoint's URL if the issuer is unknown.
        pub fn assertion_audience(audience: impl Into<String>) {
            self.options.assertion_audience = Some(audience.into())
        }

        /// Requires signed answers (RFC 9701), with one of these algorithms and a key of the
        /// issuer.
        ///
        /// Needs [`discover`](Introspection::discover). An unsigned answer is then an outage, not a
        /// refusal. Default: unsigned answers, which the connection protects.
        pub fn signed_answers(algorithms: impl IntoIterator<Item = Algorithm>) {
            self.options.signed_answers = Some(Algorithms(algorithms.into_iter().collect()))
        }

        /// Sets the required `aud` of signed answers, if it is not the client id (RFC 9701 section
        /// 5).
        pub fn answer_audience(audience: impl Into<String>) {
            self.options.answer_audience = Some(audience.into())
        }

        /// Sets how long an active token is accepted without asking again.
        ///
        /// Default: 30 s, at most 1 hour; never past the token's `exp`. A token that is revoked at
        /// the server may be accepted for this long. Zero asks for each request.
        pub fn active_ttl(ttl: Duration) { self.options.active_ttl = Time(ttl) }

        /// Sets how long an inactive token is rejected without asking again.
        ///
        /// Default: 1 s, at most 1 minute.
        pub fn inactive_ttl(ttl: Duration) { self.options.inactive_ttl = Time(ttl) }

        /// Sets how long a request waits for an answer.
        ///
        /// Default: 5 s, at most 55 s. Half of it is for the call, and half for waiting until fewer
        /// than 64 calls are in progress.
        pub fn timeout(timeout: Duration) { self.options.timeout = Time(timeout) }

        /// Adds a name that the server's answers use for access tokens.
        ///
        /// Every member `token_type`, `token_use` and `typ` of an answer must be such a name.
        /// Letter case is ignored. Always accepted: `Bearer`, `DPoP`, `access_token`, `access` and
        /// `at+jwt`.
        pub fn token_type(name: impl Into<String>) { self.options.token_types.0.push(name.into()) }

        /// Accepts answers that do not name the kind of the token.
        ///
        /// Many servers call their refresh tokens active too. Use this if the server introspects
        /// access tokens only, or if an audience or a claim that only access tokens have is
        /// required. Default: an answer must have `token_type`, `token_use` or `typ`.
        pub fn danger_accept_missing_token_type() {
            self.options.danger_accept_missing_token_type = true
        }

        /// Replaces the clock of assertions and signed answers. Default: the system clock.
        ///
        /// The clock of the verifier replaces it.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the introspection. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<Introspection, Error> {
        let options = self.options;
        let Some(client) = self.client else {
            return Err(Error::configuration(
                "introspection without credentials: call .client_secret_basic(…), \
                 .client_secret_post(…) or .private_key_jwt(…) with those of this service (RFC 7662 \
                 section 2.1)",
            ));
        };
        client.check()?;
        let timeout = options.timeout.0;
        ensure(
            !timeout.is_zero() && timeout <= MAX_TIMEOUT,
            "the timeout of introspection must be over 0 and at most 55 s",
        )?;
        ensure(
            options.active_ttl.0 <= Duration::from_secs(3600),
            "active_ttl is over an hour: a token that was revoked would be accepted that long",
        )?;
        ensure(
            options.inactive_ttl.0 <= Duration::from_secs(60),
            "inactive_ttl is over a minute: a token that becomes active would be rejected that long",
        )?;
        ensure(
            options.token_types.0.iter().all(|name| !name.trim().is_empty()),
            "an empty name in .token_type(…): give it the one that the server sends",
        )?;
        let clock = PartClock::new(self.clock);
        let http = HttpClient::new(timeout, &self.network)?;
        let place = self.place.reached_at(options.discover_at)?;
        let signed = match (options.signed_answers, &place) {
            (None, _) if options.answer_audience.is_some() => {
                return Err(Error::configuration(
                    "answer_audience without signed answers: call .signed_answers(…) too",
                ));
            }
            (None, _) => None,
            (Some(Algorithms(algorithms)), Place::Issuer(discovery)) => {
                let audience = options.answer_audience.as_deref().unwrap_or(&client.id);
                let mut keys = RemoteKeySetBuilder::of_issuer(discovery.clone());
                keys.network = self.network;
                let keys = keys.timeout(timeout).clock(clock.clone()).build()?;
                let issuer = &discovery.issuer;
                Some(Signed::new(keys, issuer, audience, &algorithms, clock.clone())?)
            }
            (Some(_), Place::Url(_)) => {
                return Err(Error::configuration(
                    "signed answers need the issuer's keys: use Introspection::discover(…)",
                ));
            }
        };
        Ok(Introspection(Arc::new(Inner {
            endpoint: place.endpoint(&http, clock.clone())?,
            place,
            client,
            assertion_audience: options.assertion_audience,
            signed,
            kinds: Kinds {
                names: options.token_types.0,
                accept_unnamed: options.danger_accept_missing_token_type,
            },
            active_ttl: options.active_ttl.0,
            http,
            clock,
            limit: CallLimit::new(PARALLEL, timeout),
            breaker: Breaker::default(),
            flight: SingleFlight::shared_for(options.inactive_ttl.0),
            calls: Counter::new("jamguard_introspections_total"),
            failures: Counter::new("jamguard_introspection_failures_total"),
            failing: AtomicBool::new(false),
        })))
    }
}

debug_fields!(IntrospectionBuilder, self, place = self.place.name());
