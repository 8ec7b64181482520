//! Requests to other servers: the HTTP client, its limits, and values fetched ahead of their expiry.

mod ask_detached;
pub(crate) mod call_limit;
pub(crate) mod detached;
#[cfg(feature = "oauth2")]
mod dpop;
pub(crate) mod http;
pub(crate) mod network;
pub(crate) mod quote;
pub(crate) mod refreshing;
