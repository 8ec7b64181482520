//! Shared foundations: errors, time, secrets, HTTP responses.

#[cfg(feature = "oauth2")]
pub(crate) mod aging;
pub(crate) mod attempts;
#[cfg(feature = "client")]
pub(crate) mod call_limit;
pub(crate) mod challenge;
pub(crate) mod clock;
pub(crate) mod decode;
pub(crate) mod error;
#[cfg(feature = "client")]
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod mismatch;
pub(crate) mod quoted;
pub(crate) mod random;
pub(crate) mod secret;
#[cfg(feature = "client")]
pub(crate) mod single_flight;
pub(crate) mod striped;
pub(crate) mod telemetry;
