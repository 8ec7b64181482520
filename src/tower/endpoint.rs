//! [`Endpoint`] as a tower service.

use super::body::{AuthBody, response};
use super::head::PartsHead;
use crate::endpoint::Endpoint;
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
