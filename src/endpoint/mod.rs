//! Framework-independent handlers, among them the ones that publish an issuer's keys.

mod handler;
mod keys;

pub use handler::Endpoint;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub(crate) use handler::EndpointRequest;
