//! The handler that publishes the metadata of a protected resource.

use super::handler::Endpoint;
use super::keys::{Known, MAX_AGE};
use crate::authenticator::request::Head;
use crate::core::AuthResponse;
use crate::token::protected_resource::ProtectedResource;

impl ProtectedResource {
    /// Returns the handler of the metadata, for each of [`metadata_paths`](Self::metadata_paths).
    ///
    /// It answers `GET`, and the preflight requests of browsers: pages of all origins may read the
    /// metadata. Mount it outside of guards, for all methods. `metadata_routes` (axum) and
    /// `actix_metadata_routes` (actix-web) do that.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, routing::any_service};
    ///
    /// // The second resource of a host: at its canonical path alone.
    /// fn routes(resource: &jamguard::ProtectedResource) -> Router {
    ///     Router::new()
    ///         .route(&resource.metadata_paths()[0], any_service(resource.metadata_endpoint()))
    /// }
    /// # }
    /// ```
    pub fn metadata_endpoint(&self) -> Endpoint {
        let resource = self.clone();
        Endpoint::new("protected-resource-metadata", move |request| {
            let answer = match request.method() {
                "GET" | "HEAD" => {
                    let metadata = resource.metadata().to_owned();
                    Known::of(request).answer("application/json", metadata, MAX_AGE)
                }
                "OPTIONS" => AuthResponse::new(204)
                    .with_header("access-control-allow-methods", "GET")
                    .with_header("access-control-allow-headers", "mcp-protocol-version")
                    .with_header("access-control-max-age", "86400"),
                _ => AuthResponse::new(405).with_header("allow", "GET, HEAD, OPTIONS"),
            };
            let answer = answer.with_header("access-control-allow-origin", "*");
            Box::pin(std::future::ready(answer))
        })
    }
}
