//! What every other module stands on: errors, time, secrets, wire answers.

pub(crate) mod challenge;
pub(crate) mod clock;
pub(crate) mod error;
#[cfg(feature = "client")]
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod random;
pub(crate) mod secret;
pub(crate) mod striped;
pub(crate) mod telemetry;
