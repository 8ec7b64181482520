//! Refresh tokens for logins that the application issues tokens for itself.

mod builder;
mod family;
mod text;
mod tokens;

pub use builder::RefreshTokensBuilder;
pub use tokens::{RefreshTokens, Refreshed, Reuse};
