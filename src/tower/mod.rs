//! Tower layer and service over `http::Request`, for axum, tonic and other tower services.

mod any_body;
#[cfg(feature = "tower-http")]
mod authorize;
mod body;
mod endpoint;
mod extensions;
mod grpc;
mod head;
mod layer;
mod mcp;
#[cfg(feature = "tower-http")]
mod request_span;

#[cfg(feature = "tower-http")]
pub use self::{authorize::AuthorizeFuture, request_span::RequestSpan};
pub use any_body::{AnyBody, AnyBodyFuture, AnyBodyLayer};
pub use body::{AuthBody, RefusalBody};
pub use layer::{AuthFuture, AuthLayer, AuthService};
pub use mcp::McpService;

#[cfg(feature = "axum")]
pub(crate) use self::{body::response, head::PartsHead};
