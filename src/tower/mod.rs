//! Tower layer and service over `http::Request`, for axum, tonic and other tower services.

mod any_body;
mod body;
mod endpoint;
mod extensions;
mod grpc;
mod head;
mod layer;

pub use any_body::{AnyBody, AnyBodyFuture, AnyBodyLayer};
pub use body::{AuthBody, RefusalBody};
pub use layer::{AuthFuture, AuthLayer, AuthService};

#[cfg(feature = "axum")]
pub(crate) use body::response;
#[cfg(feature = "axum")]
pub(crate) use head::PartsHead;
