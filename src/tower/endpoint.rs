//! [`Endpoint`] as a tower service, and axum routes of endpoints.

use super::body::{AuthBody, response};
use super::head::PartsHead;
use crate::endpoint::Endpoint;
use crate::token::protected_resource::ProtectedResource;
use axum::{Router, routing::any_service};
use http::{Request, Response};
use std::task::{Context, Poll};
use std::{convert::Infallible, future::Future, pin::Pin};
use tower_service::Service;

impl<B> Service<Request<B>> for Endpoint {
    type Response = Response<AuthBody<String>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.answer(&PartsHead::of(&request));
        Box::pin(async move { Ok(response(answer.await)) })
    }
}

impl ProtectedResource {
    /// Returns the axum routes of the metadata, to merge into a router outside of its guards.
    ///
    /// Routers with two protected resources of one host mount the second one's
    /// [endpoint](Self::metadata_endpoint) at its canonical path alone: axum panics for a path that
    /// has two routes.
    pub fn metadata_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let endpoint = self.metadata_endpoint();
        // The paths may begin with `:`, which axum 0.7 took for a parameter.
        let routes = Router::new().without_v07_checks();
        self.metadata_paths()
            .iter()
            .fold(routes, |routes, path| routes.route_service(path, any_service(endpoint.clone())))
    }
}
