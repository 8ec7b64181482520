//! Ready-made handlers, the same for every framework, and those that publish an issuer's keys.

mod handler;
mod keys;

pub use handler::Endpoint;
