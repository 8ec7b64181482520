//! Framework-independent handlers, among them the ones that publish keys and metadata.

pub(crate) mod handler;
mod keys;
mod resource;

pub use handler::Endpoint;
