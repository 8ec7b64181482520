//! Remote JWK sets: fetched on first use, refreshed ahead of expiry, one fetch at a time.
//!
//! ```no_run
//! use jamguard::{Verifier, jose::Algorithm, jwks::RemoteKeySet};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), jamguard::Error> {
//! let keys = RemoteKeySet::builder("https://issuer.example/.well-known/jwks.json")
//!     .max_stale(Duration::from_secs(1800))
//!     .build()?;
//! let verifier = Verifier::builder()
//!     .jwks(keys)                                 // or .jwks_url("https://…"), or .discover(…)
//!     .algorithms([Algorithm::RS256])
//!     .issuer("https://issuer.example")
//!     .audience("api")
//!     .build()?;
//! # Ok(()) }
//! ```

mod alb;
pub(crate) mod builder;
mod by_kid;
pub(crate) mod discovery;
pub(crate) mod fetch;
pub(crate) mod location;
mod origin;
mod remote;
mod verifier;

pub use alb::AwsAlb;
pub use builder::RemoteKeySetBuilder;
pub use fetch::{Fetch, FetchedDocument};
pub use remote::RemoteKeySet;
