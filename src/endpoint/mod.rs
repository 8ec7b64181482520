//! Framework-independent handlers, among them the ones that publish an issuer's keys.

mod handler;
mod keys;

#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub(crate) use handler::Asked;
pub use handler::Endpoint;
