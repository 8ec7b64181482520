//! The layer for tower services over `http::Request`: axum's, tonic's, your own.

mod body;
mod endpoint;
mod future;
mod grpc;
mod head;
mod identity;
mod layer;

pub use body::AuthBody;
pub use future::AuthFuture;
pub use layer::{AuthLayer, AuthService};

#[cfg(feature = "axum")]
pub(crate) use body::response;
