//! Sessions during a request: the cookie, the state shared by its handlers, and saving.

mod authenticate;
mod data;
mod form_token;
mod handle;
#[cfg(feature = "oauth2")]
mod id_tokens;
#[cfg(feature = "client")]
mod login;
#[cfg(feature = "oauth2")]
mod oauth2;
#[cfg(feature = "otp")]
mod otp;
#[cfg(feature = "client")]
mod renewal;
#[cfg(feature = "client")]
mod renewals;
mod request_session;
mod save;

pub use data::SessionData;
pub use handle::{Session, SessionMut};
#[cfg(feature = "client")]
pub use login::SessionTokens;

#[cfg(feature = "client")]
pub(crate) use renewals::Renewals;
pub(super) use request_session::OpenSession;
pub(crate) use request_session::RequestSession;
pub(super) use save::Saved;
