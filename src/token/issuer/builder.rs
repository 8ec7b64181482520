//! Sets an issuer up, and refuses what its own tokens would be refused for.

use super::claims::Terms;
use super::handle::{Inner, Issuer};
use crate::core::clock::Clock;
use crate::core::error::Error;
use crate::jose::SigningKey;
use crate::token::builder::DEFAULT_LEEWAY;
use crate::token::claims::MAX_DATE;
use crate::token::list::TokenList;
use crate::token::ring::KeyRing;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

/// Sets an [`Issuer`] up.
///
/// # Example
/// ```
/// use jamguard::{ErrorKind, Issuer};
/// let error = Issuer::builder().build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// assert!(error.message().contains(".key("));
/// ```
#[must_use]
pub struct IssuerBuilder {
    keys: Vec<SigningKey>,
    rings: Vec<KeyRing>,
    issuer: Option<String>,
    audiences: Vec<Box<str>>,
    lifetime: Duration,
    any_lifetime: bool,
    leeway: Duration,
    token_type: String,
    clock: Option<Arc<dyn Clock>>,
    jwks_url: Option<String>,
    deny: Vec<TokenList>,
    allow: Vec<TokenList>,
}

impl Default for IssuerBuilder {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            rings: Vec::new(),
            issuer: None,
            audiences: Vec::new(),
            lifetime: DEFAULT_LIFETIME,
            any_lifetime: false,
            leeway: DEFAULT_LEEWAY,
            token_type: "JWT".to_owned(),
            clock: None,
            jwks_url: None,
            deny: Vec::new(),
            allow: Vec::new(),
        }
    }
}

impl IssuerBuilder {
    /// The one key that signs. Its name goes into the header's `kid`: the one that it has, or its
    /// thumbprint; a secret without a name stays without.
    pub fn key(mut self, key: SigningKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Signs with the current key of a ring, which may change and be shared.
    pub fn key_ring(mut self, ring: KeyRing) -> Self {
        self.rings.push(ring);
        self
    }

    /// The `iss` of every token: a URL where others are to find the keys by it. Never set: tokens
    /// have none.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The `aud` of tokens that bring none along. Called again: one more, and `aud` is an array.
    ///
    /// Default: tokens have none, and [`Issuer::verifier`] accepts this issuer's tokens whatever
    /// their `aud`.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into().into_boxed_str());
        self
    }

    /// From `iat` to `exp`, where the claims say nothing else; 15 minutes unless set. It counts
    /// whole seconds.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Lets tokens live for more than a year.
    pub fn danger_lifetime_over_a_year(mut self) -> Self {
        self.any_lifetime = true;
        self
    }

    /// How far the clocks of the verifiers may be off; 60 s unless set, an hour at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The header's `typ`: `JWT` unless set, `at+jwt` for access tokens of RFC 9068.
    pub fn token_type(mut self, typ: impl Into<String>) -> Self {
        self.token_type = typ.into();
        self
    }

    /// The clocks; the ring's unless set, or the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Where the keys are published, for the issuer's metadata; `/.well-known/jwks.json` below the
    /// issuer unless set.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = Some(url.into());
        self
    }

    /// Has the issuer's verifier refuse the tokens of a deny list. Called again: of another too.
    pub fn deny_list(mut self, list: TokenList) -> Self {
        self.deny.push(list);
        self
    }

    /// Enters every token into an allow list when it is issued, and has the issuer's verifier
    /// refuse those that are not in it. Called again: into another too.
    pub fn allow_list(mut self, list: TokenList) -> Self {
        self.allow.push(list);
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change; [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) for a key that cannot
    /// verify what it signs.
    pub fn build(self) -> Result<Issuer, Error> {
        let refuse = |message: &'static str| Err(Error::configuration(message));
        let lifetime = self.lifetime.as_secs();
        if lifetime == 0 {
            return refuse("tokens would expire at once: give .lifetime(…) a second or more");
        }
        if self.lifetime > YEAR && !self.any_lifetime {
            return refuse(
                "tokens would live for more than a year: shorten .lifetime(…), or call \
                 .danger_lifetime_over_a_year()",
            );
        }
        let (ring, clock) = match (&self.keys[..], &self.rings[..]) {
            ([key], []) => {
                let ring = KeyRing::of(key.clone(), self.clock.clone())?;
                let clock = ring.clock().clone();
                (ring, clock)
            }
            ([], [ring]) => {
                let clock = self.clock.unwrap_or_else(|| ring.clock().clone());
                (ring.clone(), clock)
            }
            ([], []) => return refuse("no key: call .key(…) or .key_ring(…)"),
            _ => {
                return refuse(
                    "more than one key or ring: put the keys into one KeyRing, which says when \
                     each of them signs",
                );
            }
        };
        let terms = Terms {
            issuer: self.issuer.map(String::into_boxed_str),
            audiences: self.audiences,
            lifetime,
            max_lifetime: if self.any_lifetime {
                MAX_DATE
            } else {
                YEAR.as_secs()
            },
            leeway: self.leeway.as_secs(),
            overlap: ring.overlap(),
            deny: self.deny,
            allow: self.allow,
        };
        // Also looks at issuer, audiences, leeway, typ and lists.
        let verifier = terms
            .verifier(&ring, &self.token_type, clock.clone())
            .build()?;
        if lifetime.saturating_add(terms.leeway) > terms.overlap {
            return refuse(
                "tokens would outlive their keys: give the key ring an .overlap(…) of at least the \
                 lifetime and the leeway",
            );
        }
        for list in terms.deny.iter().chain(&terms.allow) {
            list.check_lifetime(Some(lifetime), Some(0))?;
        }
        Ok(Issuer(Arc::new(Inner {
            ring,
            terms,
            token_type: self.token_type,
            clock,
            verifier,
            jwks_url: self.jwks_url,
        })))
    }
}

impl fmt::Debug for IssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerBuilder")
            .field("issuer", &self.issuer)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
