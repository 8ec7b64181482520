//! Server-side sessions: typed data under a random id that the client holds in a cookie.
//!
//! [`Sessions`] keeps them in any [`Store`](crate::store::Store).

mod amr;
pub(crate) mod builder;
mod end;
#[cfg(feature = "oauth2")]
mod grant;
mod handle;
mod id;
mod loaded;
#[cfg(feature = "client")]
mod login;
mod new_session;
mod record;
mod record_cache;
mod repository;
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

pub(crate) use self::{
    amr::Methods,
    loaded::Loaded,
    new_session::{conflict, to_json},
    record::{from_json, is_any},
    repository::{Load, id_hash},
    rotate::Rotation,
};
#[cfg(feature = "client")]
pub(crate) use tokens::{RenewalTimes, Tokens};
