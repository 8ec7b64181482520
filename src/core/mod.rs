//! Shared foundations: errors, time, secrets, HTTP responses.

#[cfg(feature = "client")]
mod ask_detached;
pub(crate) mod attempts;
#[cfg(feature = "client")]
pub(crate) mod call_limit;
pub(crate) mod challenge;
pub(crate) mod clock;
pub(crate) mod debug;
pub(crate) mod decode;
#[cfg(feature = "client")]
pub(crate) mod detached;
mod dpop_challenge;
pub(crate) mod error;
pub(crate) mod future;
pub(crate) mod hash;
#[cfg(feature = "client")]
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod lock;
pub(crate) mod mismatch;
pub(crate) mod name;
#[cfg(feature = "client")]
pub(crate) mod network;
pub(crate) mod now_or_later;
pub(crate) mod on_drop;
pub(crate) mod problem;
#[cfg(feature = "client")]
pub(crate) mod quote;
pub(crate) mod random;
#[cfg(feature = "client")]
pub(crate) mod refreshing;
pub(crate) mod sanitize;
pub(crate) mod secret;
pub(crate) mod set_cache;
pub(crate) mod settings;
pub(crate) mod sharded;
pub(crate) mod single_flight;
pub(crate) mod sync;
pub(crate) mod telemetry;
pub(crate) mod web_url;

// What most modules use.
pub(crate) use self::{
    attempts::Attempts,
    challenge::AuthResponse,
    clock::{Clock, PartClock, SystemClock, millis},
    debug::debug_fields,
    error::{Error, ErrorKind, ensure},
    future::BoxFuture,
    hash::sha256,
    lock::lock,
    mismatch::mismatch,
    on_drop::OnDrop,
    secret::Secret,
};
