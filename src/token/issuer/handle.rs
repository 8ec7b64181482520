//! Token issuer: signs claims.

use super::claims::{self, NewClaims, Terms};
use crate::core::{Clock, Error, Secret, debug_fields};
use crate::jose::jws::{self, DEFAULT_MAX_LEN};
use crate::token::{builder::VerifierBuilder, ring::KeyRing, verifier::Verifier};
use serde::Serialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// An issuer of the application's own tokens. Cheap to clone.
///
/// # Example
/// ```
/// use jamguard::{Authenticator, Issuer, jose::{Algorithm, SigningKey}};
/// use std::time::Duration;
///
/// #[derive(serde::Serialize)]
/// struct User { sub: String, email: String }
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let issuer = Issuer::builder()
///     .key(SigningKey::generate(Algorithm::ES512)?)      // or .key_ring(…), which rotates
///     .issuer("https://issuer.example")
///     .audience("api")
///     .lifetime(Duration::from_secs(15 * 60))
///     .build()?;
///
/// let ann = User { sub: "42".into(), email: "ann@example.com".into() };
/// let token = issuer.issue(&ann).await?;
///
/// let verified = issuer.verifier().verify(token.expose()).await?;
/// assert_eq!(verified.subject(), Some("42"));
/// let auth = Authenticator::builder().verifier(issuer.verifier()).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Issuer(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) ring: KeyRing,
    pub(super) terms: Terms,
    pub(super) token_type: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) verifier: Verifier,
    pub(super) jwks_url: Option<String>,
}

impl Issuer {
    /// Creates claims with the issuer's lifetime, to inspect or store before signing.
    ///
    /// They contain `jti` (a random UUID), `iat` and `exp`, then the data. [`issue`](Self::issue)
    /// signs them.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the data is not a JSON
    /// object, or has a member `jti`, `iat` or `exp`.
    pub fn claims<T: Serialize + ?Sized>(&self, data: &T) -> Result<NewClaims, Error> {
        NewClaims::new(data, self.now(), self.0.terms.lifetime)
    }

    /// Creates claims with another lifetime, in whole seconds.
    ///
    /// # Errors
    /// Returns the errors of [`claims`](Self::claims). [`issue`](Self::issue) later rejects a
    /// lifetime of zero, and one over a year.
    pub fn claims_for<T: Serialize + ?Sized>(
        &self,
        lifetime: Duration,
        data: &T,
    ) -> Result<NewClaims, Error> {
        NewClaims::new(data, self.now(), lifetime.as_secs())
    }

    /// Signs claims of any type that serializes to a JSON object.
    ///
    /// Missing `jti`, `iat`, `exp`, `iss` and `aud` are added, so that plain data becomes a valid
    /// token. Given values are kept if this issuer's own verifier accepts them. The header has
    /// `alg`, `typ`, and the key's `kid` if it has one.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the claims are not a JSON
    /// object, or a verifier would reject the token;
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if no key is current; a store's
    /// error if the store of the key ring or of an allow list fails.
    pub async fn issue<T: Serialize + ?Sized>(&self, claims: &T) -> Result<Secret, Error> {
        let issuer = &*self.0;
        let own = claims::to_text(claims)?;
        let (payload, expires) = issuer.terms.complete(&own, self.now())?;
        let key = issuer.ring.signer(expires + issuer.terms.leeway).await?;
        let mut header = json!({"alg": key.algorithm().name(), "typ": issuer.token_type});
        if let Some(kid) = key.key_id() {
            header["kid"] = kid.into();
        }
        let token = jws::sign_with_header(&key, &header, payload.as_bytes())?;
        if token.len() > DEFAULT_MAX_LEN {
            return Err(Error::configuration(format!(
                "the token would have {} bytes; verifiers accept at most {DEFAULT_MAX_LEN}: put \
                 less data into it",
                token.len()
            )));
        }
        let token = Secret::new(token);
        for list in &issuer.terms.allow {
            list.add_unverified(token.expose()).await?;
        }
        Ok(token)
    }

    /// Returns the verifier of this issuer's tokens, with the same keys and rules.
    ///
    /// It follows changes of the keys. Clones of one verifier share one cache.
    ///
    /// For an issuer without an audience it accepts tokens with any `aud`, and without `aud`: all
    /// tokens under its keys are for this application. If other services verify this issuer's
    /// tokens too, give the issuer an [`audience`](super::IssuerBuilder::audience) for each of them, and
    /// each verifier its own.
    pub fn verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    /// Returns a builder preset like [`verifier`](Self::verifier), to add rules.
    ///
    /// For an issuer without an audience, an audience set here is required.
    pub fn verifier_builder(&self) -> VerifierBuilder {
        self.0.terms.verifier(&self.0.ring, &self.0.token_type, self.0.clock.clone())
    }

    /// Returns the key ring that signs.
    pub fn key_ring(&self) -> &KeyRing {
        &self.0.ring
    }

    fn now(&self) -> u64 {
        self.0.clock.now().as_secs()
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.0.terms.issuer.as_deref()
    }

    pub(crate) fn jwks_url(&self) -> Option<&str> {
        self.0.jwks_url.as_deref()
    }
}

impl Terms {
    pub(super) fn verifier(
        &self,
        ring: &KeyRing,
        token_type: &str,
        clock: Arc<dyn Clock>,
    ) -> VerifierBuilder {
        let mut rules = Verifier::builder()
            .key_ring(ring.clone())
            .token_type(token_type)
            .leeway(Duration::from_secs(self.leeway))
            .clock(clock);
        if self.audiences.is_empty() {
            rules = rules.any_audience_until_named();
        }
        rules = self.issuer.iter().fold(rules, |rules, issuer| rules.issuer(&**issuer));
        rules = self.audiences.iter().fold(rules, |rules, audience| rules.audience(&**audience));
        rules = self.deny.iter().cloned().fold(rules, VerifierBuilder::deny_list);
        self.allow.iter().cloned().fold(rules, VerifierBuilder::allow_list)
    }
}

debug_fields!(Issuer, self, issuer = self.issuer(), jwks_url = self.jwks_url(), ring = self.0.ring);
