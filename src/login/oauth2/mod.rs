//! Logins at OAuth2 providers: handlers for the redirect, the callback and logout.

pub(crate) mod builder;
mod callback;
mod handlers;
mod pending;
mod user;

pub use builder::OAuth2LoginBuilder;
pub use handlers::OAuth2Login;
pub use user::{OAuth2Arrival, OAuth2User};
