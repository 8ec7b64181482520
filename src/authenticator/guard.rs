//! Guards: what a route asks of a request beyond a look at its credential.

use super::gate::Authenticator;

/// Refuses requests without a valid credential, before their body is read.
///
/// For a route, a router or a whole service: it is a tower layer and an actix-web middleware.
/// Behind [`Authenticator::layer`] or [`Authenticator::actix`] it uses what they found; without
/// them it authenticates by itself.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// # use jamguard::Authenticator;
/// use axum::{Router, routing::get};
///
/// fn app(auth: &Authenticator) -> Router {
///     Router::new()
///         .route("/account", get(|| async { "yours" }).route_layer(auth.require_login()))
///         .route("/", get(|| async { "everybody's" }))
///         .layer(auth.layer())
/// }
/// # }
/// ```
#[must_use = "it guards only what it is put around"]
#[derive(Clone, Debug)]
pub struct RequireLogin {
    pub(crate) auth: Authenticator,
}

impl Authenticator {
    /// A guard for routes that need a login, for tower, axum and actix-web.
    pub fn require_login(&self) -> RequireLogin {
        RequireLogin { auth: self.clone() }
    }
}
