//! Refresh tokens for logins whose access tokens the application issues.

pub(crate) mod builder;
mod family;
mod text;
mod tokens;

pub use builder::RefreshTokensBuilder;
pub use tokens::{RefreshTokens, Refreshed, ReuseReport};
