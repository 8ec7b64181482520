//! Browser logins: JAM's magic link, OAuth2 callbacks, and logout.

mod callback;
pub(crate) mod handlers;
mod logout;
#[cfg(feature = "oauth2")]
pub(crate) mod oauth2;
mod parts;

pub use handlers::{JamLogin, JamLoginBuilder};
#[cfg(feature = "oauth2")]
pub use oauth2::{OAuth2Arrival, OAuth2Login, OAuth2LoginBuilder, OAuth2User};
pub use parts::{Login, Redirect};
