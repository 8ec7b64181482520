//! Sessions as requests meet them: the cookie, the state that a request's handlers share, and the
//! one write when they have answered.

mod admission;
mod closing;
mod cookie;
mod data;
mod form_token;
mod handle;
mod settings;
pub(super) mod visit;

pub use cookie::SessionCookie;
pub use data::SessionData;
pub use handle::{Session, SessionMut};

pub(super) use settings::SessionSettings;
