//! Logins at OAuth2 providers: handlers for the redirect, the callback and logout.

mod arrival;
mod arriving;
mod builder;
mod handlers;
mod remembered;

pub use arrival::{OAuth2Arrival, OAuth2User};
pub use builder::OAuth2LoginBuilder;
pub use handlers::OAuth2Login;
