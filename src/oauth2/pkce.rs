//! Proof Key for Code Exchange (RFC 7636), S256 alone.

use crate::core::error::Error;
use crate::core::random::random;
use crate::core::secret::Secret;
use crate::jose::encoding;
use aws_lc_rs::digest;
use std::fmt;

/// A code verifier and its challenge (RFC 7636 section 4): who begins a login and who redeems its
/// code are the same. The `plain` method does not exist here.
///
/// # Example
/// ```
/// use jamguard::oauth2::Pkce;
///
/// let pkce = Pkce::from_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")?;
/// assert_eq!(pkce.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Pkce(Secret);

impl Pkce {
    /// A new one of 256 random bits.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) where the system has no random bits.
    pub fn generate() -> Result<Self, Error> {
        random_text().map(Self)
    }

    /// One whose verifier was kept from when the login began.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where that is not 43 to 128
    /// unreserved characters (RFC 7636 section 4.1).
    pub fn from_verifier(verifier: impl Into<Secret>) -> Result<Self, Error> {
        let verifier = verifier.into();
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let text = verifier.expose();
        if !(43..=128).contains(&text.len()) || !text.bytes().all(unreserved) {
            return Err(Error::configuration(
                "a code verifier is 43 to 128 letters, digits and - . _ ~ (RFC 7636 section 4.1)",
            ));
        }
        Ok(Self(verifier))
    }

    /// The verifier, `code_verifier` of the token request; keep it on the server.
    pub fn verifier(&self) -> &Secret {
        &self.0
    }

    /// The challenge, `code_challenge` of the authorization request: the verifier's SHA-256 in
    /// base64url (RFC 7636 section 4.2).
    pub fn challenge(&self) -> String {
        encoding::encode(digest::digest(&digest::SHA256, self.0.expose().as_bytes()))
    }
}

/// 256 random bits, in base64url.
pub(crate) fn random_text() -> Result<Secret, Error> {
    Ok(Secret::new(encoding::encode(random::<32>()?)))
}

impl fmt::Debug for Pkce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkce(redacted)")
    }
}
