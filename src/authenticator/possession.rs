//! Proof of possession: what a token that is bound to a key or certificate needs beside it.

use super::builder::AuthenticatorBuilder;
use super::certificates::{ClientCertificate, ClientCertificateSource};
use super::cookies::check_name;
use super::sources::{CredentialSource, SourceKind};
use crate::core::{Clock, Error, ErrorKind, mismatch};
use crate::jose::encoding;
use crate::token::confirmation::Confirmation;
use crate::token::dpop::{Dpop, ProofOf, Target};
use crate::token::pool::VerificationPool;
use crate::token::verified::Verified;
use std::{borrow::Cow, sync::Arc};

/// The kinds of bound tokens that an authenticator accepts.
#[derive(Default)]
pub(crate) struct Possession {
    pub(crate) dpop: Option<Dpop>,
    pub(crate) certificates: Option<ClientCertificateSource>,
}

/// What a request presents beside its token. An error counts only for a token that needs the proof.
pub(crate) struct Presented {
    /// Whether the token came with the scheme `DPoP`.
    pub(crate) is_dpop: bool,
    pub(crate) proof: Result<String, Error>,
    pub(crate) method: String,
    /// The public URLs of the request.
    pub(crate) urls: Result<Vec<Target>, Error>,
    pub(crate) certificate: Result<Option<ClientCertificate>, Error>,
}

impl AuthenticatorBuilder {
    /// Accepts tokens that are bound to a key, with a proof in each request (DPoP, RFC 9449).
    ///
    /// Adds [`CredentialSource::dpop`], and the scheme `DPoP` to the challenges. A bound token
    /// (`cnf.jkt`) is refused in every other source, and an unbound one with this scheme. Within a
    /// request the proof is verified once, for all layers and guards of this authenticator. Two
    /// authenticators around one route need different stores: the second would see the proof as a
    /// replay.
    ///
    /// Default: bound tokens are refused.
    ///
    /// ```
    /// # use jamguard::{Authenticator, Dpop};
    /// let dpop = Dpop::builder().public_url("https://api.example.com").build()?;
    /// let builder = Authenticator::builder().dpop(dpop);
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.possession.dpop = Some(dpop);
        self
    }

    /// Accepts tokens that are bound to a TLS client certificate (RFC 8705 section 3).
    ///
    /// The SHA-256 of the request's certificate must be the token's `cnf`, `x5t#S256`. Such a token is
    /// accepted in every source of tokens. Default: bound tokens are refused.
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// use jamguard::ClientCertificateSource;
    /// let builder = Authenticator::builder()
    ///     .client_certificates(ClientCertificateSource::connection());
    /// ```
    pub fn client_certificates(mut self, source: ClientCertificateSource) -> Self {
        self.possession.certificates = Some(source);
        self
    }
}

impl Possession {
    /// Whether any bound tokens are accepted.
    pub(super) fn is_any(&self) -> bool {
        self.dpop.is_some() || self.certificates.is_some()
    }

    /// Adds the source of tokens with the scheme `DPoP`, and checks the settings.
    pub(super) fn add_to(&self, sources: &mut Vec<CredentialSource>) -> Result<(), Error> {
        let named = sources.contains(&CredentialSource::dpop());
        if self.dpop.is_some() && !named {
            let bearer = sources.iter().position(|source| source.0 == SourceKind::Bearer);
            sources.insert(bearer.map_or(0, |at| at + 1), CredentialSource::dpop());
        }
        if self.dpop.is_none() && named {
            return Err(Error::configuration(
                "CredentialSource::dpop() without a way to verify proofs: call .dpop(…) too",
            ));
        }
        let header = self.certificates.as_ref().and_then(ClientCertificateSource::header);
        header.map_or(Ok(()), check_name)
    }

    pub(super) fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        if let Some(dpop) = &self.dpop {
            dpop.follow_clock(clock);
        }
    }

    pub(super) fn follow_pool(&self, pool: &VerificationPool) {
        if let Some(dpop) = &self.dpop {
            dpop.follow_pool(pool);
        }
    }

    /// Whether tokens that are not bound to a key are refused.
    pub(super) fn is_proof_required(&self) -> bool {
        self.dpop.as_ref().is_some_and(Dpop::is_required)
    }

    /// Refuses tokens that are not bound to a key if DPoP is required.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidClaim`].
    pub(super) fn check_bearer(&self) -> Result<(), Error> {
        if self.is_proof_required() {
            return Err(refused(
                "the token is not bound to a key ('cnf.jkt'), and DPoP is required here",
            ));
        }
        Ok(())
    }

    /// Verifies that the sender holds all that the token is bound to.
    ///
    /// Returns the DPoP nonce to send with the response, if a new one is due.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidClaim`] for a token that does not fit the request, and the errors of
    /// [`Dpop`].
    pub(crate) async fn check(
        &self,
        presented: Presented,
        token: &Verified,
    ) -> Result<Option<String>, Error> {
        let unbound = Confirmation::default();
        let bound = token.confirmation().unwrap_or(&unbound);
        if bound.to_other {
            return Err(refused(
                "the token is bound to something that cannot be proven here: its 'cnf' is absent, or \
                 has other members than jkt (RFC 9449) and x5t#S256 (RFC 8705)",
            ));
        }
        match (presented.is_dpop, &bound.key) {
            (true, None) => {
                return Err(refused(
                    "the token came with the scheme DPoP, but is not bound to a key ('cnf.jkt')",
                ));
            }
            (false, Some(_)) => {
                return Err(refused(
                    "the token is bound to a key ('cnf.jkt'): it must come with the scheme DPoP and \
                     a proof, if the authenticator has .dpop(…)",
                ));
            }
            (false, None) => self.check_bearer()?,
            (true, Some(_)) => {}
        }
        if let Some(expected) = &bound.certificate {
            let Some(found) = presented.certificate? else {
                return Err(refused(
                    "the token is bound to a client certificate ('cnf', x5t#S256), and the request \
                     has none: see AuthenticatorBuilder::client_certificates",
                ));
            };
            if found.0 != *expected {
                let how = mismatch(&[encoding::encode(expected)], &[found.thumbprint()]);
                return Err(refused(format!("the token is bound to another certificate: {how}")));
            }
        }
        let Some(dpop) = self.dpop.as_ref().filter(|_| presented.is_dpop) else {
            return Ok(None);
        };
        let (proof, urls) = (presented.proof?, presented.urls?);
        let request = ProofOf { proof: &proof, method: &presented.method, urls: &urls };
        dpop.verify(request, token).await
    }
}

fn refused(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidClaim, message)
}
