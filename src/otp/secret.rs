//! [`OtpSecret`]: the secret that an authenticator and the server share.

use crate::core::{Error, ErrorKind, Secret};
use aws_lc_rs::{digest, rand};
use data_encoding::BASE32_NOPAD;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Required minimum: 128 bits (RFC 4226 section 4, R6).
const MIN: usize = 16;
/// The length of secrets in early authenticators, some still in use: 80 bits.
const SHORT: usize = 10;
/// The block size of SHA-512; an HMAC hashes longer keys first.
const MAX: usize = 128;
/// RFC 4648 section 6.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BITS_OF_LETTER: usize = 5;
/// Recommended length: 160 bits (RFC 4226 section 4, R6).
const DEFAULT: usize = 20;

/// The shared secret of a user's authenticator.
///
/// Redacted in `Debug`, wiped on drop, compared in constant time.
///
/// # Example
/// ```
/// use jamguard::otp::OtpSecret;
///
/// let secret = OtpSecret::generate()?;                       // 160 bits
/// let typed = OtpSecret::from_base32("gezd gnbv gy3t qojq gezd gnbv gy3t qojq")?;
/// assert_eq!(typed, OtpSecret::from_bytes(b"12345678901234567890")?);
/// assert_eq!(format!("{secret:?}"), "OtpSecret(redacted)");
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct OtpSecret(Zeroizing<Vec<u8>>);

impl OtpSecret {
    /// Generates a secret of 160 random bits (RFC 4226 section 4, R6).
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system's random source fails.
    pub fn generate() -> Result<Self, Error> {
        Self::generate_bytes(DEFAULT)
    }

    /// Generates a secret of this many random bytes, 16 to 128.
    ///
    /// RFC 6238 section 5.1 recommends the length of the hash: 32 for SHA-256 and 64 for SHA-512.
    /// Not every app accepts more than 20.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] for another length; [`ErrorKind::Internal`] if the system's random
    /// source fails.
    pub fn generate_bytes(length: usize) -> Result<Self, Error> {
        check(length, MIN)?;
        let mut bytes = Zeroizing::new(vec![0; length]);
        rand::fill(&mut bytes)
            .map_err(|_| Error::new(ErrorKind::Internal, "the system's random source failed"))?;
        Ok(Self(bytes))
    }

    /// Creates a secret from 16 to 128 bytes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] for another length (RFC 4226 section 4, R6).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::checked(bytes, MIN)
    }

    /// Parses a secret in base32 (RFC 4648 section 6).
    ///
    /// Accepts either case, with or without padding, with spaces anywhere. Spare bits of the last
    /// letter are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if the text is not base32, or does not hold 16 to 128 bytes.
    pub fn from_base32(text: &str) -> Result<Self, Error> {
        Self::read(text, MIN)
    }

    /// Creates a secret from 10 to 128 bytes, for existing short secrets.
    ///
    /// RFC 4226 requires at least 16 bytes (128 bits).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] for another length.
    ///
    /// ```
    /// use jamguard::otp::OtpSecret;
    /// let old = OtpSecret::danger_from_short_bytes(b"1234567890")?;
    /// assert_eq!(old, OtpSecret::danger_from_short_base32("GEZDGNBVGY3TQOJQ")?);
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn danger_from_short_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::checked(bytes, SHORT)
    }

    /// Parses a secret of 10 to 128 bytes in base32, for existing short secrets.
    ///
    /// Early authenticators got 80 bits; RFC 4226 requires at least 128.
    ///
    /// # Errors
    /// The errors of [`from_base32`](Self::from_base32), with a minimum of 10 bytes.
    pub fn danger_from_short_base32(text: &str) -> Result<Self, Error> {
        Self::read(text, SHORT)
    }

    /// Derives a secret as the SHA-1 of a text, like jamlib's `otp_key_from_string`.
    ///
    /// For authenticators that were enrolled with such a secret. It is as public as the text, which
    /// in that library's example is an e-mail address. Use [`generate`](Self::generate) for new
    /// secrets.
    ///
    /// ```
    /// use jamguard::otp::OtpSecret;
    /// let secret = OtpSecret::danger_from_text("some.email@mail.com");
    /// assert_eq!(secret.to_base32().expose(), "O54O6YRKTH3IPNEBIUMKMK3FZ35OF6Q5");
    /// ```
    pub fn danger_from_text(text: &str) -> Self {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        Self(Zeroizing::new(hash.as_ref().to_vec()))
    }

    /// Returns the secret in base32, upper case without padding, to type into an app.
    pub fn to_base32(&self) -> Secret {
        Secret::new(BASE32_NOPAD.encode(&self.0))
    }

    /// Returns the bytes of the secret. Keep them out of logs.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    fn checked(bytes: &[u8], min: usize) -> Result<Self, Error> {
        check(bytes.len(), min)?;
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    fn read(text: &str, min: usize) -> Result<Self, Error> {
        let no_base32 = || {
            let message = "a one-time password's secret is base32: letters, and digits from 2 to 7";
            Error::new(ErrorKind::InvalidKey, message)
        };
        let text = text.trim_end_matches(|c: char| c == '=' || c.is_ascii_whitespace());
        let typed = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
        // Nothing valid is cut off: the rest is of a text that is too long or not base32.
        let mut letters = Zeroizing::new(Vec::with_capacity(text.len().min(2 * MAX)));
        letters.extend(typed.take(2 * MAX).map(|letter| letter.to_ascii_uppercase()));
        let length = BASE32_NOPAD.decode_len(letters.len()).map_err(|_| no_base32())?;
        check(length, min)?;
        // Some tools leave spare bits set; every reader ignores them (RFC 4648 section 3.5).
        let spare = letters.len() * BITS_OF_LETTER % 8;
        if let Some(last) = letters.last_mut() {
            let place = ALPHABET.iter().position(|letter| letter == last);
            let place = place.ok_or_else(no_base32)?;
            *last = ALPHABET[place >> spare << spare];
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        BASE32_NOPAD.decode_mut(&letters, &mut bytes).map_err(|_| no_base32())?;
        Ok(Self(bytes))
    }
}

fn check(length: usize, min: usize) -> Result<(), Error> {
    if (min..=MAX).contains(&length) {
        return Ok(());
    }
    let existing = match length {
        SHORT..MIN => {
            "; an authenticator's that exists already can be read by \
             OtpSecret::danger_from_short_base32 or danger_from_short_bytes"
        }
        _ => "",
    };
    Err(Error::new(
        ErrorKind::InvalidKey,
        format!(
            "a one-time password's secret has {length} bytes and needs {min} to {MAX}: make one \
             with OtpSecret::generate(){existing}"
        ),
    ))
}

impl PartialEq for OtpSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for OtpSecret {}

impl fmt::Debug for OtpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpSecret(redacted)")
    }
}
