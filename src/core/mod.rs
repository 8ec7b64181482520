//! Shared foundations: errors, time, secrets, HTTP responses.

pub(crate) mod attempts;
#[cfg(feature = "client")]
pub(crate) mod call_limit;
pub(crate) mod challenge;
pub(crate) mod clock;
pub(crate) mod debug;
pub(crate) mod decode;
pub(crate) mod error;
#[cfg(feature = "client")]
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod mismatch;
pub(crate) mod random;
#[cfg(feature = "oauth2")]
pub(crate) mod refreshing;
pub(crate) mod sanitize;
pub(crate) mod secret;
pub(crate) mod sharded;
#[cfg(feature = "client")]
pub(crate) mod single_flight;
pub(crate) mod telemetry;
