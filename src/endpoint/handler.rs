//! The framework-independent handler.

use crate::authenticator::request::{Head, HeaderKey};
use crate::core::{AuthResponse, BoxFuture};
use std::{fmt, sync::Arc};

type Answer = dyn Fn(&EndpointRequest<'_>) -> BoxFuture<AuthResponse> + Send + Sync;

/// A ready-made handler for axum and actix-web.
///
/// A tower service for axum's `get_service` and `post_service`, and a handler for actix-web's
/// `web::get().to(…)` and `web::post().to(…)`.
///
/// # Example
/// ```
/// # #[cfg(all(feature = "axum", feature = "actix"))] {
/// # fn example(issuer: jamguard::Issuer) -> Result<(), jamguard::Error> {
/// let keys = issuer.jwks_endpoint()?;
///
/// // axum
/// use axum::{Router, routing::get_service};
/// let app: Router = Router::new().route("/.well-known/jwks.json", get_service(keys.clone()));
///
/// // actix-web
/// use actix_web::{App, web};
/// let app = App::new().route("/.well-known/jwks.json", web::get().to(keys));
/// # Ok(()) }
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoint {
    name: &'static str,
    answer: Arc<Answer>,
}

impl Endpoint {
    /// Creates a handler. Its future does not borrow the request: the closure reads it before.
    pub(crate) fn new(
        name: &'static str,
        answer: impl Fn(&EndpointRequest<'_>) -> BoxFuture<AuthResponse> + Send + Sync + 'static,
    ) -> Self {
        Self { name, answer: Arc::new(answer) }
    }

    pub(crate) fn answer(&self, head: &impl Head) -> BoxFuture<AuthResponse> {
        (self.answer)(&EndpointRequest(head))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.name).finish()
    }
}

/// The request of an endpoint, of either framework: all of its headers.
pub(crate) struct EndpointRequest<'r>(&'r dyn AnyHead);

/// [`Head`] as a trait object, which cannot have a method that returns an opaque iterator.
trait AnyHead {
    fn values<'a>(&'a self, name: HeaderKey<'a>) -> Vec<&'a [u8]>;
    fn query(&self) -> Option<&str>;
    fn method(&self) -> &str;
    fn authority(&self) -> Option<&str>;
}

impl<H: Head> AnyHead for H {
    fn values<'a>(&'a self, name: HeaderKey<'a>) -> Vec<&'a [u8]> {
        self.header(name).collect()
    }

    fn query(&self) -> Option<&str> {
        Head::query(self)
    }

    fn method(&self) -> &str {
        Head::method(self)
    }

    fn authority(&self) -> Option<&str> {
        Head::authority(self)
    }
}

impl Head for EndpointRequest<'_> {
    fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.0.values(name).into_iter()
    }

    fn query(&self) -> Option<&str> {
        self.0.query()
    }

    fn method(&self) -> &str {
        self.0.method()
    }

    fn authority(&self) -> Option<&str> {
        self.0.authority()
    }
}
