//! Server-side sessions: typed data under a random id that the client holds in a cookie.
//!
//! [`Sessions`] keeps them in any [`Store`](crate::store::Store).

mod builder;
mod change;
mod end;
// Partly unused without a web framework.
#[cfg_attr(not(any(feature = "tower", feature = "actix")), allow(dead_code))]
mod frame;
mod handle;
mod id;
mod memory;
mod methods;
mod record;
mod rework;
mod view;

pub use builder::{SchemaChange, SessionsBuilder};
pub use change::NewSession;
pub use handle::Sessions;
pub use id::SessionId;
pub use view::{SessionInfo, SessionRecord};

pub(crate) use self::{
    change::{conflict, to_json},
    frame::{Load, Loaded, id_hash},
    methods::Methods,
    record::{from_json, is_any},
    rework::Rotation,
};
#[cfg(feature = "client")]
pub(crate) use record::Tokens;
