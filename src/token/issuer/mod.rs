//! Issuing of the application's own tokens.

pub(crate) mod builder;
mod claims;
mod handle;

pub use builder::IssuerBuilder;
pub use claims::NewClaims;
pub use handle::Issuer;
