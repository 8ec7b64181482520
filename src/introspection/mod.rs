//! Token introspection (RFC 7662, RFC 9701): verifies opaque tokens by asking their authorization
//! server.

mod answer;
mod breaker;
pub(crate) mod builder;
mod credentials;
mod endpoint;
mod handle;
mod signed;
mod verifier;

pub use builder::IntrospectionBuilder;
pub use handle::Introspection;
