//! The builder of [`Dpop`].

use super::target::Target;
use super::verifier::{Dpop, Inner};
use crate::core::settings::{Texts, Time, options, setters};
use crate::core::{Clock, Error, PartClock, SystemClock, debug_fields, ensure};
use crate::jose::{Algorithm, algorithm::Algorithms};
use crate::store::{MemoryStore, SealingKeys, Store};
use crate::token::pool::PartPool;
use std::{sync::Arc, time::Duration};

/// The default algorithms, the recommended ones first.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::Ed25519,
    Algorithm::EdDSA,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
const MAX_WINDOW: Duration = Duration::from_secs(600);
const MAX_NONCE_LIFETIME: Duration = Duration::from_secs(24 * 3600);

options! {
    /// The options of DPoP.
    DpopOptions {
        /// Accepted algorithms of proofs. Default: all asymmetric ones but RS256, RS384 and RS512.
        algorithms: Algorithms = Algorithms::default(),
        /// Public URL of the application, such as `https://api.example.com`, or a list of them.
        /// A path is the part that a proxy removes.
        public_url: Texts = Texts::default(),
        /// Takes the public URL from `X-Forwarded-Proto` and `X-Forwarded-Host`, which a proxy must set.
        danger_trust_forwarded_headers: bool = false,
        /// Refuses tokens that are not bound to a key.
        required: bool = false,
        /// How far `iat` of a proof may be from now. Default: 1 minute, at most 10 minutes.
        window: Time = Time(Duration::from_secs(60)),
        /// How long a nonce of this server is accepted. Default: 5 minutes, at most 24 hours.
        nonce_lifetime: Time = Time(Duration::from_secs(300)),
    }
}

/// A builder of [`Dpop`].
///
/// # Example
/// ```
/// use jamguard::{Dpop, store::{MemoryStore, SealingKeys}};
///
/// # let key = SealingKeys::generate_key()?;
/// let dpop = Dpop::builder()
///     .public_url("https://api.example.com")
///     .store(MemoryStore::new()) // several nodes: a RedisStore
///     .nonces(SealingKeys::from_base64url(key.expose())?)
///     .required()
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct DpopBuilder {
    store: Option<Arc<dyn Store>>,
    nonces: Option<SealingKeys>,
    clock: Arc<dyn Clock>,
    pub(crate) options: DpopOptions,
}

impl Dpop {
    /// Returns a builder.
    pub fn builder() -> DpopBuilder {
        DpopBuilder {
            store: None,
            nonces: None,
            clock: Arc::new(SystemClock),
            options: DpopOptions::default(),
        }
    }
}

impl DpopBuilder {
    setters! {
        /// Sets the public URL of the application, with which `htu` of a proof is compared.
        ///
        /// Such as `https://api.example.com`. With a path, such as `https://example.com/api`, the
        /// path is put before the request's: for a proxy that removes it. Call again for another
        /// public name.
        pub fn public_url(url: impl Into<String>) { self.options.public_url.0.push(url.into()) }

        /// Takes the public URL from the headers `X-Forwarded-Proto` and `X-Forwarded-Host`.
        ///
        /// Only behind a proxy that replaces both in every request: a client that can set them uses
        /// a proof that was made for another server. A request without them is answered 500.
        ///
        /// Excludes [`public_url`](Self::public_url). The path is taken as the request has it:
        /// behind a proxy that removes a part, use `public_url`.
        pub fn danger_trust_forwarded_headers() {
            self.options.danger_trust_forwarded_headers = true
        }

        /// Refuses tokens that are not bound to a key, in every source of tokens.
        ///
        /// Default: they are accepted as bearer tokens. Sessions are not affected.
        pub fn required() { self.options.required = true }

        /// Sets the accepted algorithms of proofs.
        ///
        /// Default: ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384 and PS512.
        pub fn algorithms(algorithms: impl IntoIterator<Item = Algorithm>) {
            self.options.algorithms.0.extend(algorithms)
        }

        /// Sets how far `iat` of a proof may be from now, in the past and in the future.
        ///
        /// Default: 1 minute. Range: 1 second to 10 minutes.
        pub fn window(window: Duration) { self.options.window = Time(window) }

        /// Sets the store that remembers used proofs. Default: the memory of this process.
        ///
        /// All nodes need the same store: otherwise a proof can be used once at each of them. A
        /// record has about 60 bytes and lives for at most three times the
        /// [`window`](Self::window). While the store is down or full, requests with proofs are
        /// answered 503.
        pub fn store(store: impl Store) { self.store = Some(Arc::new(store)) }

        /// Requires a nonce of this server in every proof (RFC 9449 sections 8 and 9).
        ///
        /// A proof cannot then be made long before its use. A request without a current nonce is
        /// answered 401 with `use_dpop_nonce` and the header `DPoP-Nonce`. A new nonce comes with
        /// each response to a proof whose nonce has reached half of its
        /// [lifetime](Self::nonce_lifetime). Nonces are sealed times: nothing is stored, and all
        /// nodes with the same keys accept them.
        ///
        /// Clients in browsers of other origins can read the header only if CORS exposes it:
        /// `Access-Control-Expose-Headers: DPoP-Nonce, WWW-Authenticate`.
        pub fn nonces(keys: SealingKeys) { self.nonces = Some(keys) }

        /// Sets how long a nonce is accepted. Default: 5 minutes. Range: 1 second to 24 hours.
        pub fn nonce_lifetime(lifetime: Duration) { self.options.nonce_lifetime = Time(lifetime) }

        /// Replaces the clock. Default: the system clock; an authenticator's clock replaces it.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the verifier of proofs.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what to
    /// change.
    pub fn build(self) -> Result<Dpop, Error> {
        let options = self.options;
        let Algorithms(mut algorithms) = options.algorithms;
        if algorithms.is_empty() {
            algorithms = ALGORITHMS.to_vec();
        }
        ensure(
            !algorithms.iter().any(|algorithm| algorithm.is_symmetric()),
            "HS256, HS384 and HS512 need a shared secret, and DPoP proofs have public keys: remove \
             them from .algorithms([…]) (RFC 9449 section 4.3)",
        )?;
        let urls = &options.public_url.0;
        ensure(
            !urls.is_empty() || options.danger_trust_forwarded_headers,
            "no public URL to compare the proofs' htu with: call .public_url(\"https://…\"), or \
             .danger_trust_forwarded_headers() behind a proxy that sets X-Forwarded-Proto and \
             X-Forwarded-Host",
        )?;
        ensure(
            urls.is_empty() || !options.danger_trust_forwarded_headers,
            "both .public_url(…) and .danger_trust_forwarded_headers() are set: keep one of the two",
        )?;
        let urls = urls.iter().map(|url| match Target::parse(url) {
            Some(target) if !url.contains(['?', '#']) => Ok(target),
            _ => Err(Error::configuration(format!(
                "'{url}' is not a public URL: write it as clients do, such as \
                 https://api.example.com, without a query"
            ))),
        });
        let urls = urls.collect::<Result<_, _>>()?;
        let second = Duration::from_secs(1);
        ensure(
            (second..=MAX_WINDOW).contains(&options.window.0),
            "the window for iat of DPoP proofs must be between 1 second and 10 minutes",
        )?;
        ensure(
            (second..=MAX_NONCE_LIFETIME).contains(&options.nonce_lifetime.0),
            "the lifetime of DPoP nonces must be between 1 second and 24 hours",
        )?;
        let names: Vec<_> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
        Ok(Dpop(Arc::new(Inner {
            algorithm_names: names.join(" "),
            algorithms,
            urls,
            required: options.required,
            window: options.window.0,
            store: self.store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
            nonces: self.nonces,
            nonce_lifetime: options.nonce_lifetime.0,
            clock: PartClock::new(self.clock),
            pool: PartPool::new(None),
        })))
    }
}

debug_fields!(DpopBuilder, self, public_url = self.options.public_url.0);
