//! Session ids: the secret that the client holds, and the hash that the store keeps.

use crate::core::{Error, ErrorKind, Secret, random::random, sha256};
use crate::jose::encoding;
use std::fmt;
use zeroize::Zeroizing;

const BYTES: usize = 32;
/// The length of these bytes in base64url.
pub(super) const CHARACTERS: usize = 43;

/// A session id: 256 random bits as 43 characters of base64url.
///
/// It is a bearer credential: a client that has it has the session. Redacted in `Debug`, wiped on
/// drop, compared in constant time. The store keeps only its SHA-256.
///
/// # Example
/// ```
/// use jamguard::SessionId;
/// # fn example(sent: &str) -> Result<(), jamguard::Error> {
/// let id = SessionId::parse(sent)?;
/// assert_eq!(id.expose(), sent);
/// assert_eq!(format!("{id:?}"), "SessionId(redacted)");
/// # Ok(()) }
/// # example(&"A".repeat(43)).unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId {
    text: Secret,
    hash: Hash,
}

impl SessionId {
    /// Parses an id that a client sent.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if the text is not an id, such as one with a character more or
    /// less.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match Hash::of(text.as_bytes()) {
            Some(hash) => Ok(Self { text: Secret::new(text), hash }),
            None => Err(Error::new(ErrorKind::Malformed, "not a session id")),
        }
    }

    pub(super) fn generate() -> Result<Self, Error> {
        let bytes = Zeroizing::new(random::<BYTES>()?);
        Ok(Self { text: Secret::new(encoding::encode(*bytes)), hash: Hash::of_bytes(&bytes) })
    }

    /// Returns the id as text, for the cookie. Keep it out of logs.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    pub(super) fn hash(&self) -> Hash {
        self.hash
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(redacted)")
    }
}

/// The SHA-256 of an id: it finds the session but gives no access to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hash(pub(super) [u8; BYTES]);

impl Hash {
    /// Hashes an id; `None` if the text is not one. Different texts are never the same id.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        encoding::decode_exact(text, &mut *bytes)?;
        Some(Self::of_bytes(&bytes))
    }

    fn of_bytes(bytes: &[u8; BYTES]) -> Self {
        Self(sha256(bytes))
    }

    /// Parses a hash from base64url.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut hash = [0; BYTES];
        encoding::decode_exact(text, &mut hash)?;
        Some(Self(hash))
    }
}
