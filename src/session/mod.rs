//! Server-side sessions: typed data under a random id that the client holds in a cookie.
//!
//! [`Sessions`] keeps them in any [`Store`](crate::store::Store).

mod amr;
pub(crate) mod builder;
mod end;
#[cfg(all(feature = "oauth2", any(feature = "tower", feature = "actix")))]
mod grant;
mod handle;
mod id;
mod loaded;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
mod login;
mod new_session;
mod record;
mod record_cache;
mod repository;
#[cfg(any(feature = "tower", feature = "actix"))]
mod request;
mod rotate;
mod settings;
mod tokens;
mod view;

pub use builder::SessionsBuilder;
pub use handle::Sessions;
pub use id::SessionId;
pub use new_session::NewSession;
pub use settings::OnTypeMismatch;
pub use view::{SessionInfo, SessionRecord};

pub(crate) use loaded::Loaded;

#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use self::{
    amr::Methods,
    new_session::{conflict, to_json},
    record::{from_json, is_any},
    request::{Load, id_hash},
    rotate::Rotation,
};
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub(crate) use tokens::{RenewalTimes, Tokens};
