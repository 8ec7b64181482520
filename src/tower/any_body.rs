//! Layers for services whose response body is not `From<Vec<u8>>`, such as tonic's.

use super::body::AuthBody;
use crate::authenticator::request::RouteGuard;
use crate::tower::AuthLayer;
use http::{Request, Response};
use std::task::{Context, Poll, ready};
use std::{future::Future, pin::Pin};
use tower_layer::Layer;
use tower_service::Service;

impl AuthLayer {
    /// Returns this layer for services whose response body is not `From<Vec<u8>>`.
    ///
    /// The response body becomes an [`AuthBody`]: the service's own or a refusal's.
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// use tower::Layer;
    ///
    /// fn guarded<S: Clone>(auth: &Authenticator, grpc: S) -> impl Clone {
    ///     auth.layer().any_body().layer(grpc)
    /// }
    /// ```
    pub fn any_body(self) -> AnyBodyLayer<Self> {
        AnyBodyLayer(self)
    }
}

impl RouteGuard {
    /// Returns this guard for tower services whose response body is not `From<Vec<u8>>`.
    ///
    /// See [`AuthLayer::any_body`].
    pub fn any_body(self) -> AnyBodyLayer<Self> {
        AnyBodyLayer(self)
    }
}

/// A layer for services with any response body. Made by [`AuthLayer::any_body`].
///
/// # Example
/// ```
/// use jamguard::{AuthLayer, Authenticator, tower::AnyBodyLayer};
///
/// fn layer(auth: &Authenticator) -> AnyBodyLayer<AuthLayer> {
///     auth.layer().any_body()
/// }
/// ```
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct AnyBodyLayer<L>(L);

impl<S, L: Layer<AnyBody<S>>> Layer<S> for AnyBodyLayer<L> {
    type Service = L::Service;

    fn layer(&self, inner: S) -> L::Service {
        self.0.layer(AnyBody(inner))
    }
}

/// A service with [`AuthBody`] responses: the inner service of [`AnyBodyLayer`].
///
/// # Example
/// ```
/// use jamguard::{AuthService, Authenticator, tower::AnyBody};
/// use tower::Layer;
///
/// fn guarded<S>(auth: &Authenticator, service: S) -> AuthService<AnyBody<S>> {
///     auth.layer().any_body().layer(service)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AnyBody<S>(S);

impl<S, B, R> Service<Request<B>> for AnyBody<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<AuthBody<R>>;
    type Error = S::Error;
    type Future = AnyBodyFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        AnyBodyFuture { answer: self.0.call(request) }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`AnyBody`].
    pub struct AnyBodyFuture<F> {
        #[pin]
        answer: F,
    }
}

impl<F, R, E> Future for AnyBodyFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<AuthBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.project().answer.poll(cx));
        Poll::Ready(answer.map(|response| response.map(AuthBody::inner)))
    }
}
