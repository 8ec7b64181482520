//! jamguard
mod core;
pub mod jose;
mod token;
pub use crate::core::challenge::Challenge;
pub use crate::core::clock::{Clock, SystemClock};
pub use crate::core::error::{Error, ErrorKind};
pub use crate::core::secret::Secret;
pub use crate::token::builder::VerifierBuilder;
pub use crate::token::cache::CacheStats;
pub use crate::token::claims::Claims;
pub use crate::token::revocation::{Revocation, RevocationId};
pub use crate::token::verified::Verified;
pub use crate::token::verifier::Verifier;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "client")]
pub mod jwks;
