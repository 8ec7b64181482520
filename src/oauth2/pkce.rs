//! Proof Key for Code Exchange (RFC 7636), S256 only.

use crate::core::{Error, Secret, ensure, random::random, sha256};
use crate::jose::encoding;
use std::fmt;

/// A code verifier and its challenge (RFC 7636 section 4).
///
/// It proves that the client that redeems a code also started the login. The `plain` method is not
/// supported.
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
    /// Generates a verifier of 256 random bits.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system has no random bits.
    pub fn generate() -> Result<Self, Error> {
        random_text().map(Self)
    }

    /// Restores the PKCE of a login from its stored verifier.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if it is not 43 to 128
    /// unreserved characters (RFC 7636 section 4.1).
    pub fn from_verifier(verifier: impl Into<Secret>) -> Result<Self, Error> {
        let verifier = verifier.into();
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let text = verifier.expose();
        ensure(
            (43..=128).contains(&text.len()) && text.bytes().all(unreserved),
            "a code verifier must be 43 to 128 letters, digits or -._~ (RFC 7636 section 4.1)",
        )?;
        Ok(Self(verifier))
    }

    /// Returns the `code_verifier` of the token request; keep it on the server.
    pub fn verifier(&self) -> &Secret {
        &self.0
    }

    /// Returns the `code_challenge` of the authorization request.
    ///
    /// The SHA-256 of the verifier in base64url (RFC 7636 section 4.2).
    pub fn challenge(&self) -> String {
        encoding::encode(sha256(self.0.expose()))
    }
}

/// Returns 256 random bits in base64url.
pub(crate) fn random_text() -> Result<Secret, Error> {
    Ok(Secret::new(encoding::encode(random::<32>()?)))
}

impl fmt::Debug for Pkce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkce(redacted)")
    }
}
