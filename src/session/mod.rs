//! Server-side sessions: typed data under a random id that the client holds in a cookie.
//!
//! [`Sessions`] keeps them in any [`Store`](crate::store::Store).

pub(crate) mod builder;
mod end;
mod new_session;
// Partly unused without a web framework.
mod amr;
mod handle;
mod id;
mod record;
mod record_cache;
#[cfg_attr(not(any(feature = "tower", feature = "actix")), allow(dead_code))]
mod repository;
mod rotate;
mod view;

pub use builder::{OnTypeMismatch, SessionsBuilder};
pub use handle::Sessions;
pub use id::SessionId;
pub use new_session::NewSession;
pub use view::{SessionInfo, SessionRecord};

pub(crate) use self::{
    amr::Methods,
    new_session::{conflict, to_json},
    record::{from_json, is_any},
    repository::{Load, Loaded, id_hash},
    rotate::Rotation,
};
#[cfg(feature = "client")]
pub(crate) use record::Tokens;
