//! Shared foundations: errors, time, secrets, HTTP responses.

pub(crate) mod attempts;
pub(crate) mod challenge;
pub(crate) mod clock;
pub(crate) mod debug;
pub(crate) mod decode;
mod dpop_challenge;
pub(crate) mod error;
pub(crate) mod future;
pub(crate) mod hash;
pub(crate) mod json;
pub(crate) mod lock;
pub(crate) mod mismatch;
pub(crate) mod name;
pub(crate) mod now_or_later;
pub(crate) mod on_drop;
pub(crate) mod problem;
pub(crate) mod random;
#[cfg(feature = "client")]
mod remote;
pub(crate) mod sanitize;
pub(crate) mod secret;
pub(crate) mod set_cache;
pub(crate) mod settings;
pub(crate) mod sharded;
pub(crate) mod single_flight;
pub(crate) mod sync;
pub(crate) mod telemetry;
pub(crate) mod web_url;

#[cfg(feature = "client")]
pub(crate) use self::remote::{call_limit, detached, http, network, quote, refreshing};
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
