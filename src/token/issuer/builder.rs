//! Issuer builder, which rejects settings whose tokens would fail verification.

use super::claims::Terms;
use super::handle::{Inner, Issuer};
use crate::core::settings::{Texts, Time, options, setters};
use crate::core::{Clock, Error, debug_fields, ensure};
use crate::jose::SigningKey;
use crate::token::{list::TokenList, registered::MAX_DATE, ring::KeyRing, rules::DEFAULT_LEEWAY};
use std::{sync::Arc, time::Duration};

const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

options! {
    /// The options of an issuer.
    IssuerOptions {
        /// The `iss` of every token. Default: no `iss`.
        issuer: Option<String> = None,
        /// The `aud` of tokens whose claims have none.
        audience: Texts = Texts::default(),
        /// Time from `iat` to `exp`. Default: 15 minutes. Range: 1 s to 366 days.
        lifetime: Time = Time(Duration::from_secs(15 * 60)),
        /// Allows token lifetimes over a year.
        danger_lifetime_over_a_year: bool = false,
        /// Tolerated clock difference of verifiers. Default: 60 s, at most 1 hour.
        leeway: Time = Time(DEFAULT_LEEWAY),
        /// The header's `typ`. Default: `JWT`.
        token_type: String = "JWT".to_owned(),
        /// URL where the keys are published, for the issuer's metadata.
        jwks_url: Option<String> = None,
    }
}

/// A builder of an [`Issuer`].
///
/// # Example
/// ```
/// use jamguard::{ErrorKind, Issuer};
/// let error = Issuer::builder().build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// assert!(error.message().contains(".key("));
/// ```
#[must_use]
#[derive(Default)]
pub struct IssuerBuilder {
    keys: Vec<SigningKey>,
    rings: Vec<KeyRing>,
    clock: Option<Arc<dyn Clock>>,
    deny: Vec<TokenList>,
    allow: Vec<TokenList>,
    pub(crate) options: IssuerOptions,
}

impl Issuer {
    /// Returns a builder of an issuer, which needs at least a key.
    pub fn builder() -> IssuerBuilder {
        IssuerBuilder::default()
    }
}

impl IssuerBuilder {
    setters! {
        /// Sets the key that signs.
        ///
        /// The header's `kid` is the key's id, or else its thumbprint; a secret without an id gets
        /// no `kid`.
        pub fn key(key: SigningKey) { self.keys.push(key) }

        /// Signs with the current key of a key ring, which may rotate and be shared.
        pub fn key_ring(ring: KeyRing) { self.rings.push(ring) }

        /// Sets the `iss` of every token. Default: no `iss`.
        ///
        /// Use a URL if other services are to discover the keys by it.
        pub fn issuer(issuer: impl Into<String>) { self.options.issuer = Some(issuer.into()) }

        /// Adds an `aud` to tokens whose claims have none. Called more than once, `aud` is an
        /// array.
        ///
        /// Default: no `aud`, and [`Issuer::verifier`] accepts this issuer's tokens with any `aud`.
        pub fn audience(audience: impl Into<String>) {
            self.options.audience.0.push(audience.into())
        }

        /// Sets the time from `iat` to `exp` of tokens whose claims have no `exp`.
        ///
        /// Default: 15 minutes. Range: 1 s to 366 days; fractions of a second are dropped.
        pub fn lifetime(lifetime: Duration) { self.options.lifetime = Time(lifetime) }

        /// Allows token lifetimes over a year.
        pub fn danger_lifetime_over_a_year() { self.options.danger_lifetime_over_a_year = true }

        /// Sets the tolerated clock difference of verifiers. Default: 60 s, at most 1 hour.
        pub fn leeway(leeway: Duration) { self.options.leeway = Time(leeway) }

        /// Sets the header's `typ`. Default: `JWT`. Access tokens of RFC 9068 use `at+jwt`.
        pub fn token_type(typ: impl Into<String>) { self.options.token_type = typ.into() }

        /// Replaces the clock. Default: the key ring's clock, or else the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Some(Arc::new(clock)) }

        /// Sets the URL where the keys are published, for the issuer's metadata.
        ///
        /// Default: `/.well-known/jwks.json` below the issuer.
        pub fn jwks_url(url: impl Into<String>) { self.options.jwks_url = Some(url.into()) }

        /// Makes the issuer's verifier reject the tokens in a deny list. Call again to add another.
        pub fn deny_list(list: TokenList) { self.deny.push(list) }

        /// Adds every issued token to an allow list, which the issuer's verifier requires.
        ///
        /// Call again to add another list.
        pub fn allow_list(list: TokenList) { self.allow.push(list) }
    }

    /// Builds the issuer.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change; [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) for a key whose
    /// signatures cannot be verified.
    pub fn build(self) -> Result<Issuer, Error> {
        let options = self.options;
        let lifetime = options.lifetime.0.as_secs();
        ensure(lifetime > 0, "tokens would expire at once: give .lifetime(…) a second or more")?;
        ensure(
            options.lifetime.0 <= YEAR || options.danger_lifetime_over_a_year,
            "tokens would live for more than a year: shorten .lifetime(…), or call \
             .danger_lifetime_over_a_year()",
        )?;
        ensure(
            !self.keys.is_empty() || !self.rings.is_empty(),
            "no key: call .key(…) or .key_ring(…)",
        )?;
        let (ring, clock) = match (&self.keys[..], &self.rings[..]) {
            ([key], []) => {
                let ring = KeyRing::of(key.clone(), self.clock.clone())?;
                let clock = ring.clock();
                (ring, clock)
            }
            ([], [ring]) => {
                let clock = self.clock.unwrap_or_else(|| ring.clock());
                (ring.clone(), clock)
            }
            _ => {
                return Err(Error::configuration(
                    "more than one key or ring: put the keys into one KeyRing, which determines \
                     when each of them signs",
                ));
            }
        };
        let terms = Terms {
            issuer: options.issuer.map(String::into_boxed_str),
            audiences: options.audience.0.into_iter().map(String::into_boxed_str).collect(),
            lifetime,
            max_lifetime: match options.danger_lifetime_over_a_year {
                true => MAX_DATE,
                false => YEAR.as_secs(),
            },
            leeway: options.leeway.0.as_secs(),
            overlap: ring.schedule().overlap,
            deny: self.deny,
            allow: self.allow,
        };
        // Building the verifier also validates issuer, audiences, leeway, typ and lists.
        let verifier = terms.verifier(&ring, &options.token_type, clock).build()?;
        ensure(
            lifetime.saturating_add(terms.leeway) <= terms.overlap,
            "tokens would outlive their keys: give the key ring an .overlap(…) of at least the \
             lifetime and the leeway",
        )?;
        for list in terms.deny.iter().chain(&terms.allow) {
            list.check_lifetime(Some(lifetime), Some(0))?;
        }
        Ok(Issuer(Arc::new(Inner {
            ring,
            terms,
            token_type: options.token_type,
            clock: verifier.clock(),
            verifier,
            jwks_url: options.jwks_url,
        })))
    }
}

debug_fields!(
    IssuerBuilder,
    self,
    issuer = self.options.issuer,
    lifetime = self.options.lifetime.0
);
