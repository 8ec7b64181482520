//! Proof of possession: what a token that is bound to a key or certificate needs beside it.

use super::certificates::{ClientCertificate, ClientCertificateSource};
use crate::core::{Error, ErrorKind, mismatch};
use crate::jose::encoding;
use crate::token::confirmation::Confirmation;
use crate::token::dpop::{Dpop, ProofOf, Target};
use crate::token::verified::Verified;

/// The kinds of bound tokens that an authenticator accepts.
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

impl Possession {
    /// Whether the token is a bearer token, and accepted as one.
    pub(crate) fn is_bearer(&self, token: &Verified) -> bool {
        token.confirmation().is_none() && !self.dpop.as_ref().is_some_and(Dpop::is_required)
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
                "the token is bound to something that cannot be proven here: its 'cnf' has other \
                 members than jkt (RFC 9449) and x5t#S256 (RFC 8705)",
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
            (false, None) if self.dpop.as_ref().is_some_and(Dpop::is_required) => {
                return Err(refused(
                    "the token is not bound to a key ('cnf.jkt'), and DPoP is required here",
                ));
            }
            _ => {}
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

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidClaim, message)
}
