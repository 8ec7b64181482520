//! Framework-independent handlers, among them the ones that publish an issuer's keys.

pub(crate) mod handler;
mod keys;

pub use handler::Endpoint;
