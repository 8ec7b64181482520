//! Verifier builder, which rejects invalid configurations with a message that says what to change.

use super::audiences::Audiences;
use super::cache::TokenCache;
use super::epochs::Epochs;
use super::firebase_emulator::EmulatorSigner;
use super::introspector::{Introspector, KIND_MEMBERS};
use super::issuers::{IssuerTemplate, Issuers};
use super::keys::{KeySource, StaticKeys};
use super::list::{Kind, Lists, TokenList};
use super::pool::{PartPool, VerificationPool};
use super::registered::{Expected, Leniency, TextRule};
use super::ring::KeyRing;
use super::rules::{DEFAULT_LEEWAY, MAX_LEEWAY, Rules};
use super::verified::Revocation;
use super::verifier::{Inner, Verifier};
use crate::core::settings::{Time, options, setters};
use crate::core::{Clock, Error, PartClock, SystemClock, debug_fields, ensure};
use crate::jose::{Algorithm, KeySet, VerifyingKey, jws::DEFAULT_MAX_LEN};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{sync::Arc, time::Duration};

/// What a verifier gives to the source of its keys.
#[cfg_attr(not(feature = "oauth2"), allow(dead_code))]
pub(crate) struct SourceContext {
    pub(crate) clock: Arc<dyn Clock>,
    /// The algorithms that the application named.
    pub(crate) algorithms: Vec<Algorithm>,
    /// The templates of the accepted issuer families.
    pub(crate) templates: Vec<IssuerTemplate>,
}

/// Builds a key source.
type MakeSource = Box<dyn FnOnce(&SourceContext) -> Result<Arc<dyn KeySource>, Error> + Send>;

options! {
    /// The options of a verifier.
    VerifierOptions {
        /// Requires access tokens of RFC 9068: `typ` `at+jwt`, and all claims that it requires.
        access_token_profile: bool = false,
        /// Required `typ`, such as `at+jwt`.
        token_type: Option<String> = None,
        /// Accepts tokens without `aud` whose client is one of `client_ids`.
        client_id_instead_of_audience: bool = false,
        /// Declares that the issuer verifies every e-mail address that it puts into tokens.
        issuer_verifies_emails: bool = false,
        /// Requires a `kid` in the header.
        require_key_id: bool = false,
        /// Tries up to four keys for a token without `kid`. Default: several fitting keys are an error.
        try_several_keys: bool = false,
        /// Reads a `sub` that is an integer as its decimal digits.
        numeric_subject: bool = false,
        /// Reads `exp`, `nbf` and `iat` that are strings of digits.
        danger_accept_text_dates: bool = false,
        /// Accepts tokens without `exp`.
        danger_accept_missing_exp: bool = false,
        /// Accepts expired tokens.
        danger_accept_expired: bool = false,
        /// Accepts tokens bound to a client's key (`cnf`) without a proof of that key.
        danger_accept_bound_tokens: bool = false,
        /// Tolerated clock difference to the issuer. Default: 60 s, at most 1 hour.
        leeway: Time = Time(DEFAULT_LEEWAY),
        /// Longest accepted token, in bytes. Default: 16 KiB. Range: 64 bytes to 1 MiB.
        max_token_len: usize = DEFAULT_MAX_LEN,
        /// Cache of verified tokens, in bytes. Default: 64 MiB. At least 64 KiB; 0 disables the cache.
        cache_bytes: u64 = 64 << 20,
    }
}

/// A builder of a [`Verifier`].
///
/// # Example
/// ```
/// use jamguard::{ErrorKind, Verifier};
/// let error = Verifier::builder().build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// assert!(error.message().contains(".algorithms("));
/// ```
#[must_use]
#[derive(Default)]
pub struct VerifierBuilder {
    pub(super) keys: KeySet,
    /// Sources of keys that may change; more than one is an error.
    pub(super) sources: Vec<MakeSource>,
    /// Servers that are asked about opaque tokens; more than one is an error.
    pub(super) introspectors: Vec<Arc<dyn Introspector>>,
    /// Whether each key of the source is limited to one algorithm, and may be a secret.
    pinned: bool,
    pub(super) algorithms: Vec<Algorithm>,
    pub(crate) issuers: Issuers,
    pub(super) audiences: Audiences,
    /// The required `typ` of tokens that have one.
    pub(crate) token_type_if_present: Option<Box<str>>,
    /// The AWS load balancers whose tokens are accepted, instead of JWTs in standard form.
    pub(crate) load_balancers: Vec<Box<str>>,
    required: Vec<Box<str>>,
    pub(super) required_either: Vec<[Box<str>; 2]>,
    pub(super) texts: Vec<TextRule>,
    pub(super) firebase_emulator: Option<EmulatorSigner>,
    clock: Option<Arc<dyn Clock>>,
    revocation: Option<Arc<dyn Revocation>>,
    pool: Option<VerificationPool>,
    /// Each with the kind of list it was added as.
    lists: Vec<(Kind, TokenList)>,
    pub(crate) options: VerifierOptions,
}

impl Verifier {
    /// Returns a builder of a verifier, which needs at least keys and algorithms.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::default()
    }
}

impl VerifierBuilder {
    setters! {
        /// Adds a key.
        pub fn key(key: VerifyingKey) { self.keys.push(key) }
    }

    /// Adds the keys of a fixed JWK set.
    ///
    /// # Errors
    /// Returns the errors of [`KeySet::from_json`].
    pub fn jwks_json(mut self, json: &str) -> Result<Self, Error> {
        for key in KeySet::from_json(json)?.iter() {
            self.keys.push(key.clone());
        }
        Ok(self)
    }

    /// Takes the keys from a source that may change them.
    pub(crate) fn source(
        mut self,
        make: impl FnOnce(&SourceContext) -> Result<Arc<dyn KeySource>, Error> + Send + 'static,
    ) -> Self {
        self.sources.push(Box::new(make));
        self
    }

    setters! {
        /// Uses each key of the source for its own algorithms only; it may be a secret.
        pub(crate) fn pinned() { self.pinned = true }
    }

    /// Takes the keys from a key ring, as they change.
    ///
    /// Each key is used for its own algorithm only, so [`algorithms`](Self::algorithms) is
    /// optional.
    pub fn key_ring(self, ring: KeyRing) -> Self {
        self.pinned().source(move |_| Ok(Arc::new(ring)))
    }

    setters! {
        /// Sets the accepted signature algorithms.
        pub fn algorithms(algorithms: impl IntoIterator<Item = Algorithm>) {
            self.algorithms = algorithms.into_iter().collect()
        }

        /// Requires this `typ`, such as `at+jwt` (RFC 9068). Case and `application/` do not matter.
        ///
        /// Default: a token passes without `typ`, with `JWT`, with `at+jwt` or with a free text. A
        /// `typ` that names another kind of token ([RFC 8725] section 3.11) is rejected, so that a
        /// token made for another purpose under the same key is not a valid credential:
        ///
        /// | `typ` | kind of token |
        /// |---|---|
        /// | `logout+jwt` | a logout token of OpenID Connect |
        /// | `dpop+jwt` | a DPoP proof, signed by a client (RFC 9449) |
        /// | `token-introspection+jwt` | an introspection answer (RFC 9701) |
        /// | `secevent+jwt` | a security event (RFC 8417) |
        /// | `rt+jwt` | a refresh token |
        /// | any other `…+jwt` or `…+sd-jwt` | proofs, requests, statements, credentials |
        ///
        /// [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725#section-3.11
        pub fn token_type(typ: impl Into<String>) { self.options.token_type = Some(typ.into()) }
    }

    /// Requires a claim that names the token's kind to be one of these strings.
    ///
    /// Issuers that sign several kinds of tokens with one key and do not set `typ` distinguish them
    /// by a claim:
    ///
    /// | issuer | claim | access token | others |
    /// |---|---|---|---|
    /// | Amazon Cognito | `token_use` | `access` | `id` |
    /// | Cloudflare Access | `type` | `app` | `org` |
    /// | Django REST framework, Simple JWT | `token_type` | `access` | `refresh`, `sliding` |
    /// | Flask-JWT-Extended | `type` | `access` | `refresh` |
    /// | FusionAuth | `tty` | `at` | |
    /// | JustAuthenticateMe | `token_use` | | `id` ([`JamApp`](crate::JamApp) requires it) |
    /// | Keycloak | `typ` | `Bearer` | `ID`, `Refresh`, `Offline`, `Logout` |
    ///
    /// ```
    /// # use jamguard::{Verifier, jose::{Algorithm, SigningKey}};
    /// # let key = SigningKey::generate(Algorithm::RS256)?.verifying_key()?;
    /// let cognito = Verifier::builder()
    ///     .key(key)                                   // or .jwks_url(…), or .discover(…)
    ///     .algorithms([Algorithm::RS256])
    ///     .issuer("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1b2c3")
    ///     .token_kind("token_use", ["access"])
    ///     .client_ids(["4tl4f1mb"])
    ///     .client_id_instead_of_audience()            // Cognito's access tokens have no aud
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn token_kind<S: Into<String>>(
        mut self,
        claim: impl Into<String>,
        kinds: impl IntoIterator<Item = S>,
    ) -> Self {
        self.texts.push(TextRule {
            claim: claim.into().into_boxed_str(),
            expected: Expected::OneOf(kinds.into_iter().map(|kind| kind.into().into()).collect()),
        });
        self
    }

    /// Requires these claims to be present.
    pub fn require<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.required.extend(claims.into_iter().map(|name| name.into().into_boxed_str()));
        self
    }

    /// Requires a claim to be exactly this string, such as `hd` = `example.com`.
    pub fn require_text(mut self, claim: impl Into<String>, text: impl Into<String>) -> Self {
        self.texts.push(TextRule {
            claim: claim.into().into_boxed_str(),
            expected: Expected::OneOf(vec![text.into().into_boxed_str()]),
        });
        self
    }

    /// Requires a claim to be a non-empty string.
    pub fn require_any_text(mut self, claim: impl Into<String>) -> Self {
        self.texts
            .push(TextRule { claim: claim.into().into_boxed_str(), expected: Expected::NotEmpty });
        self
    }

    setters! {
        /// Declares that the issuer verifies every e-mail address that it puts into tokens.
        ///
        /// [`email_domain`](crate::policy::email_domain) and enrichment by address then accept its
        /// tokens, and the sessions that start with them, without a claim such as `email_verified`.
        /// A claim that contradicts the declaration still applies.
        ///
        /// Default: the claim is needed. Do not declare this for an issuer where users or tenants
        /// enter addresses themselves, such as a multi-tenant application of Microsoft Entra ID.
        pub fn issuer_verifies_emails() { self.options.issuer_verifies_emails = true }

        /// Tries up to four keys for a token without `kid`, if several fit its algorithm.
        ///
        /// For issuers that publish several keys and set no `kid`. A token with a `kid` is never
        /// tried with other keys. Default: rejected, because each key costs a verification.
        pub fn try_several_keys() { self.options.try_several_keys = true }

        /// Reads a `sub` that is an integer as its decimal digits.
        ///
        /// [`Verified::subject`](crate::Verified::subject), lists and policies then see a string;
        /// the claims that handlers decode stay as they are. Default: rejected, because `sub` is a
        /// string (RFC 7519 section 4.1.2).
        pub fn numeric_subject() { self.options.numeric_subject = true }

        /// Reads `exp`, `nbf` and `iat` that are strings of digits.
        ///
        /// Other software may take such a date for absent and accept the token for ever. Default:
        /// rejected, because dates are numbers (RFC 7519 section 4.1.4).
        pub fn danger_accept_text_dates() { self.options.danger_accept_text_dates = true }

        /// Requires a `kid` in the header.
        pub fn require_key_id() { self.options.require_key_id = true }

        /// Accepts tokens without `exp`, which are then valid until their key is removed.
        pub fn danger_accept_missing_exp() { self.options.danger_accept_missing_exp = true }

        /// Accepts tokens past their `exp` for as long as their key is known.
        ///
        /// Cannot be combined with a list, whose entries end with their tokens.
        pub fn danger_accept_expired() { self.options.danger_accept_expired = true }

        /// Accepts tokens bound to a client's key (`cnf`, RFC 7800) without a proof of that key.
        ///
        /// They are treated as bearer tokens: a thief of such a token can use it. Use this for
        /// services behind a gateway that verifies the proof. Default: rejected, unless the
        /// authenticator verifies the proof ([`dpop`](crate::AuthenticatorBuilder::dpop),
        /// [`client_certificates`](crate::AuthenticatorBuilder::client_certificates)).
        pub fn danger_accept_bound_tokens() { self.options.danger_accept_bound_tokens = true }

        /// Sets the tolerated clock difference to the issuer. Default: 60 s, at most 1 hour.
        pub fn leeway(leeway: Duration) { self.options.leeway = Time(leeway) }

        /// Sets the longest accepted token, in bytes. Default: 16 KiB. Range: 64 bytes to 1 MiB.
        pub fn max_token_len(bytes: usize) { self.options.max_token_len = bytes }

        /// Replaces the clock. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Some(Arc::new(clock)) }

        /// Checks at each verification, cached or not, whether the token is revoked.
        pub fn revocation(revocation: impl Revocation) {
            self.revocation = Some(Arc::new(revocation))
        }

        /// Rejects the tokens in a deny list, cached or not. Call again to add another list.
        ///
        /// [`Verifier::danger_without_lists`] returns a verifier that skips the lists.
        pub fn deny_list(list: TokenList) { self.lists.push((Kind::Deny, list)) }

        /// Rejects tokens that are not in an allow list, cached or not.
        ///
        /// Call again to add another list; tokens must be in all of them.
        pub fn allow_list(list: TokenList) { self.lists.push((Kind::Allow, list)) }

        /// Sets the size of the cache of verified tokens, in bytes.
        ///
        /// Default: 64 MiB. At least 64 KiB; 0 disables the cache.
        pub fn cache_bytes(bytes: u64) { self.options.cache_bytes = bytes }
    }

    /// Sets the pool that checks costly signatures. Default: one that all verifiers share.
    ///
    /// [`AuthenticatorBuilder::verification_pool`](crate::AuthenticatorBuilder::verification_pool)
    /// replaces it.
    pub fn verification_pool(mut self, pool: VerificationPool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says
    /// what to change.
    pub fn build(mut self) -> Result<Verifier, Error> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let named = self.algorithms.clone();
        if self.pinned && self.algorithms.is_empty() {
            self.algorithms = Algorithm::ALL.to_vec();
        }
        self.issuers.complete();
        self.check_keys()?;
        let options = self.options;
        self.audiences.client_instead = options.client_id_instead_of_audience;
        let kinds = self.introspectors.iter().flat_map(|_| KIND_MEMBERS);
        let read = self.issuers.claims().chain(self.audiences.claims().iter().copied());
        let read = read.chain(kinds);
        self.texts.extend(read.map(TextRule::read));
        ensure(
            options.leeway.0 <= MAX_LEEWAY,
            "the leeway is over an hour: it is for clocks that are a little off; issue longer \
             tokens instead",
        )?;
        ensure(
            options.cache_bytes == 0 || options.cache_bytes >= 64 * 1024,
            "the token cache is under 64 KiB: give it room, or switch it off with 0",
        )?;
        let mut rules = Rules {
            algorithms: self.algorithms,
            issuers: self.issuers,
            audiences: self.audiences,
            token_type: options.token_type.map(String::into_boxed_str),
            token_type_if_present: self.token_type_if_present,
            required: self.required,
            required_either: self.required_either,
            texts: self.texts,
            accept_bound: options.danger_accept_bound_tokens,
            issuer_verifies_emails: options.issuer_verifies_emails,
            require_kid: options.require_key_id,
            try_several_keys: options.try_several_keys,
            lenient: Leniency {
                text_dates: options.danger_accept_text_dates,
                numeric_subject: options.numeric_subject,
            },
            load_balancers: self.load_balancers,
            require_exp: !options.danger_accept_missing_exp,
            check_exp: !options.danger_accept_expired,
            leeway: options.leeway.0.as_secs(),
            max_len: options.max_token_len,
        };
        if options.access_token_profile {
            rules.require_access_token_profile()?;
        }
        rules.check_settings()?;
        let clock = PartClock::new(self.clock.unwrap_or_else(|| Arc::new(SystemClock)));
        let has_keys = !self.sources.is_empty() || !self.keys.is_empty();
        let introspector = self.introspectors.pop();
        if let Some(introspector) = &introspector {
            let clock: Arc<dyn Clock> = clock.clone();
            introspector.follow_clock(&clock);
        }
        let keys: Arc<dyn KeySource> = match self.sources.pop() {
            Some(make) => make(&SourceContext {
                clock: clock.clone(),
                algorithms: named,
                templates: rules.issuers.templates(),
            })?,
            None => Arc::new(StaticKeys::new(self.keys)),
        };
        for (kind, list) in &self.lists {
            list.check_use(*kind, &rules)?;
        }
        let inner = Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            rules,
            keys,
            has_keys,
            introspector,
            firebase_emulator: self.firebase_emulator,
            clock,
            revocation: self.revocation,
            epochs: Epochs::new(),
            cache: TokenCache::new(options.cache_bytes),
            pool: PartPool::new(self.pool),
        };
        let lists = Lists::new(self.lists.into_iter().map(|(_, list)| list));
        Ok(Verifier { inner: Arc::new(inner), lists, accepts_bound: false })
    }

    /// Checks that there are keys from one source, for each of the algorithms, or introspection.
    fn check_keys(&self) -> Result<(), Error> {
        if self.check_introspection()? {
            return Ok(());
        }
        ensure(
            !self.algorithms.is_empty(),
            "no algorithms: call .algorithms([…]) with the algorithms of the issuer",
        )?;
        match (self.sources.len(), self.keys.is_empty()) {
            (0, true) => Err(Error::configuration(
                "no keys: call .key(…), .jwks_json(…), .jwks_url(…) or .key_ring(…); for opaque \
                 tokens, .introspection(…)",
            )),
            (1, true) => ensure(
                self.pinned || !self.algorithms.iter().any(|a| a.is_symmetric()),
                "HS256, HS384 and HS512 need a shared secret, which a published key set never \
                 holds: remove them from .algorithms([…])",
            ),
            (0, false) => {
                let keyless = |a: &&Algorithm| !self.keys.iter().any(|key| key.allows(**a));
                match self.algorithms.iter().find(keyless) {
                    None => Ok(()),
                    Some(algorithm) => Err(Error::configuration(format!(
                        "no key is for {algorithm}: add one, or remove {algorithm} from \
                         .algorithms([…])"
                    ))),
                }
            }
            _ => Err(Error::configuration(
                "keys from two sources: use one of .jwks_url(…), .jwks(…), .discover(…) and \
                 .key_ring(…), or .key(…) and .jwks_json(…)",
            )),
        }
    }
}

debug_fields!(VerifierBuilder, self, issuers = self.issuers.names(), algorithms = self.algorithms);
