//! Kinds and hash algorithms of one-time passwords.

use crate::core::Error;
use aws_lc_rs::hmac;
use serde::Deserialize;
use std::{fmt, str::FromStr};

/// What a code is derived from besides the secret: the time or a counter.
///
/// # Example
/// ```
/// use jamguard::otp::OtpKind;
/// assert_eq!("totp".parse::<OtpKind>()?, OtpKind::Totp);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(description = "Time-based or counter-based codes.")
)]
#[serde(rename_all = "snake_case")]
pub enum OtpKind {
    /// The time (RFC 6238).
    Totp,
    /// A counter that increases with each code (RFC 4226).
    Hotp,
}

impl OtpKind {
    /// Returns the name as in an `otpauth` URI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
        }
    }
}

impl fmt::Display for OtpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OtpKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        [Self::Totp, Self::Hotp]
            .into_iter()
            .find(|kind| name.eq_ignore_ascii_case(kind.as_str()))
            .ok_or_else(|| {
                Error::configuration("a one-time password is of the kind 'totp' or 'hotp'")
            })
    }
}

/// The hash inside the HMAC.
///
/// Every authenticator app supports SHA-1, and many support nothing else. The collisions that broke
/// it for signatures do not affect an HMAC.
///
/// # Example
/// ```
/// use jamguard::otp::OtpAlgorithm;
/// assert_eq!("sha256".parse::<OtpAlgorithm>()?, OtpAlgorithm::Sha256);
/// assert_eq!(OtpAlgorithm::default().to_string(), "SHA1");
/// # Ok::<(), jamguard::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OtpAlgorithm {
    /// HMAC-SHA-1.
    #[default]
    #[serde(alias = "sha1")]
    Sha1,
    /// HMAC-SHA-256.
    #[serde(alias = "sha256")]
    Sha256,
    /// HMAC-SHA-512.
    #[serde(alias = "sha512")]
    Sha512,
}

#[cfg(all(test, feature = "config"))]
crate::core::settings::schemas::schema!(OtpAlgorithm, "OtpAlgorithm", {
    "description": "Upper case as in `otpauth` URIs, or lower case.",
    "type": "string",
    "enum": ["SHA1", "SHA256", "SHA512", "sha1", "sha256", "sha512"]
});

impl OtpAlgorithm {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// Returns the name as in an `otpauth` URI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    pub(super) fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

impl fmt::Display for OtpAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Accepts `SHA256`, `sha256` and `SHA-256` alike.
impl FromStr for OtpAlgorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let name = name.replacen('-', "", 1);
        Self::ALL
            .into_iter()
            .find(|algorithm| name.eq_ignore_ascii_case(algorithm.as_str()))
            .ok_or_else(|| {
                Error::configuration(
                    "the algorithm of a one-time password is SHA1, SHA256 or SHA512",
                )
            })
    }
}
