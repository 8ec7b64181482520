//! Tokens of our own: what goes into them, who signs them.

mod builder;
mod claims;
mod handle;

pub use builder::IssuerBuilder;
pub use claims::NewClaims;
pub use handle::Issuer;
