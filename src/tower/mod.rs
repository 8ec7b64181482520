//! The layer for tower services over `http::Request`: axum's, tonic's, your own.

mod any_body;
mod body;
mod endpoint;
mod future;
mod grpc;
mod head;
mod identity;
mod layer;

pub use any_body::{AnyBody, AnyBodyFuture, AnyBodyLayer};
pub use body::{AuthBody, RefusalBody};
pub use future::AuthFuture;
pub use layer::{AuthLayer, AuthService};

#[cfg(feature = "axum")]
pub(crate) use body::response;
