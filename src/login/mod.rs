//! Browser logins: JAM's magic link, OAuth2 callbacks, and logout.

mod handlers;
mod logout;
#[cfg(feature = "oauth2")]
pub(crate) mod oauth2;
mod parts;

pub use handlers::{JamLogin, JamLoginBuilder};
pub use parts::{Login, Redirect};
