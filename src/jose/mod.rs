//! JOSE: compact JWS signatures, their algorithms and keys.
//!
//! Implements compact JWS ([RFC 7515]), JWA ([RFC 7518], [RFC 8037], [RFC 9864]) and JWK
//! ([RFC 7517]). Parsing is strict, keys are parsed once, and each key determines its algorithms.
//!
//! Most applications need only a [`Verifier`](crate::Verifier). These types load keys, and sign and
//! verify payloads that are not claims.
//!
//! ```
//! use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey};
//!
//! let key = SigningKey::generate(Algorithm::ES512)?;
//! let token = Jws::sign(&key, b"any bytes")?;
//! let jws = Jws::verify(&token, &KeySet::from(key.verifying_key()?), &[Algorithm::ES512])?;
//! assert_eq!(jws.payload(), b"any bytes");
//! # Ok::<(), jamguard::Error>(())
//! ```
//!
//! [RFC 7515]: https://www.rfc-editor.org/rfc/rfc7515
//! [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
//! [RFC 7518]: https://www.rfc-editor.org/rfc/rfc7518
//! [RFC 8037]: https://www.rfc-editor.org/rfc/rfc8037
//! [RFC 9864]: https://www.rfc-editor.org/rfc/rfc9864

pub(crate) mod algorithm;
mod certificate;
mod cost;
mod der;
mod disguise;
pub(crate) mod encoding;
mod error;
mod export;
pub(crate) mod header;
mod jwk;
pub(crate) mod jws;
mod key_set;
mod primitive;
#[cfg(feature = "config")]
mod settings;
mod signing_key;
mod verifying_key;

pub use algorithm::Algorithm;
pub(crate) use algorithm::not_allowed;
pub use header::Header;
pub use jwk::Jwk;
pub use jws::Jws;
pub use key_set::KeySet;
pub use signing_key::SigningKey;
pub(crate) use verifying_key::KeyId;
pub use verifying_key::VerifyingKey;
