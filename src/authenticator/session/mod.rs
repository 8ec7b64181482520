//! Sessions during a request: the cookie, the state shared by its handlers, and saving.

mod authenticate;
mod cookie;
mod data;
mod form_token;
mod handle;
#[cfg(feature = "client")]
mod login;
#[cfg(feature = "oauth2")]
mod oauth2;
#[cfg(feature = "otp")]
mod otp;
#[cfg(feature = "client")]
mod renewal;
pub(super) mod request_session;
mod save;
mod settings;

pub use cookie::SessionCookie;
pub use data::SessionData;
pub use handle::{Session, SessionMut};
#[cfg(feature = "client")]
pub use login::SessionTokens;

#[cfg(feature = "client")]
pub(super) use renewal::GRACE;
pub(super) use settings::SessionSettings;
