//! JWS signature algorithms and their registered names.

use crate::core::{Error, ErrorKind, mismatch};
use std::{fmt, str::FromStr};

/// Defines the algorithms with their names in a header's `alg`, which are the variants' names.
macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A JWS signature algorithm (RFC 7518 section 3, RFC 8037, RFC 9864).
        ///
        /// # Example
        /// ```
        /// use jamguard::jose::Algorithm;
        /// assert_eq!("ES512".parse::<Algorithm>()?, Algorithm::ES512);
        /// assert!("none".parse::<Algorithm>().is_err());
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Algorithm {
            $($(#[$doc])* $name,)+
        }

        impl Algorithm {
            /// All supported algorithms.
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$name),+];

            /// Returns the name used in a header's `alg`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }
    };
}

algorithms! {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    PS256,
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
    PS384,
    /// RSASSA-PSS with SHA-512 and a salt of 64 bytes.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519 under its older name (RFC 8037).
    EdDSA,
    /// Ed25519 under its fully specified name (RFC 9864).
    Ed25519,
}

/// Signature algorithms, in the configuration file one or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Algorithms(pub(crate) Vec<Algorithm>);

/// The kind of key that an algorithm takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Oct,
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl KeyType {
    /// Returns the name used in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Oct => "secret",
            Self::Rsa => "RSA",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Returns the bytes of a coordinate and of the private number; `None` for non-EC keys.
    pub(crate) const fn coordinate_len(self) -> Option<usize> {
        match self {
            Self::P256 => Some(32),
            Self::P384 => Some(48),
            Self::P521 => Some(66),
            Self::Oct | Self::Rsa | Self::Ed25519 => None,
        }
    }
}

impl Algorithm {
    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => KeyType::Oct,
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => {
                KeyType::Rsa
            }
            Self::ES256 => KeyType::P256,
            Self::ES384 => KeyType::P384,
            Self::ES512 => KeyType::P521,
            Self::EdDSA | Self::Ed25519 => KeyType::Ed25519,
        }
    }

    pub(crate) fn is_symmetric(self) -> bool {
        self.key_type() == KeyType::Oct
    }

    /// Returns the algorithms that a key of this type may be used with.
    pub(crate) fn of(key_type: KeyType) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |a| a.key_type() == key_type)
    }

    /// Returns the length of the algorithm's hash in bytes.
    pub(crate) const fn hash_len(self) -> usize {
        match self {
            Self::HS256 | Self::RS256 | Self::PS256 | Self::ES256 => 32,
            Self::HS384 | Self::RS384 | Self::PS384 | Self::ES384 => 48,
            _ => 64,
        }
    }

    /// Finds the algorithm of a header's `alg`, case-sensitively (RFC 7515 section 4.1.1).
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

/// Returns the error for a token whose `alg` is not one of `allowed`.
pub(crate) fn not_allowed(allowed: &[Algorithm], found: Algorithm) -> Error {
    let names: Vec<&str> = allowed.iter().map(|allowed| allowed.name()).collect();
    let how = mismatch(&names, &[found.name()]);
    Error::new(ErrorKind::UnsupportedAlgorithm, format!("the token's alg is not allowed: {how}"))
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|a| a.name()).collect();
            let message = format!("unknown algorithm; use one of {}", names.join(", "));
            Error::new(ErrorKind::UnsupportedAlgorithm, message)
        })
    }
}
