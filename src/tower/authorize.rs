//! [`RouteGuard`] as tower-http's `AsyncAuthorizeRequest`.

use super::body::response;
use super::grpc;
use super::head::PartsHead;
use super::layer::attach;
use crate::authenticator::request::{Attached, Decision, RouteGuard};
use crate::core::now_or_later::NowOrLater::{Later, Now};
use axum::body::Body;
use http::{Request, Response};
use std::task::{Context, Poll};
use std::{future::Future, pin::Pin};
use tower_http::auth::AsyncAuthorizeRequest;

/// For [`AsyncRequireAuthorizationLayer`](tower_http::auth::AsyncRequireAuthorizationLayer), with
/// axum's response body.
///
/// tower-http shows a guard the request and not the response. Behind [`Authenticator::layer`] of
/// the same authenticator nothing is missing: that layer saves sessions and sets cookies and
/// `Vary`. Without it, admitted requests get no `Vary`, dead cookies stay, and an authenticator
/// with [`sessions`] or [`silent_refresh`] answers every request 500, because it could not save
/// the session or the renewed token. A layer inside of the guard verifies the credential again.
/// The guard as a layer has none of these limits: `.layer(auth.require(…))`.
///
/// [`Authenticator::layer`]: crate::Authenticator::layer
/// [`sessions`]: crate::AuthenticatorBuilder::sessions
/// [`silent_refresh`]: crate::AuthenticatorBuilder::silent_refresh
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// # use jamguard::Authenticator;
/// use axum::{Router, routing::get};
/// use jamguard::policy::role;
/// use tower_http::auth::AsyncRequireAuthorizationLayer;
///
/// fn app(auth: &Authenticator) -> Router {
///     Router::new()
///         .route("/admin", get(|| async { "all of them" }))
///         .layer(AsyncRequireAuthorizationLayer::new(auth.require(role("admin"))))
/// }
/// # }
/// ```
impl<B> AsyncAuthorizeRequest<B> for RouteGuard {
    type RequestBody = B;
    type ResponseBody = Body;
    type Future = AuthorizeFuture<B>;

    fn authorize(&mut self, request: Request<B>) -> AuthorizeFuture<B> {
        let attached = request.extensions().get::<Attached>();
        let head = PartsHead::of(&request);
        let decision = self.auth.decide_without_response(&head, attached, &self.requirement);
        AuthorizeFuture { waiting: Some((decision, request)), guard: self.clone() }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`RouteGuard`] as an `AsyncAuthorizeRequest`: the request, or a refusal.
    pub struct AuthorizeFuture<B> {
        waiting: Option<(Decision, Request<B>)>,
        guard: RouteGuard,
    }
}

impl<B> Future for AuthorizeFuture<B> {
    type Output = Result<Request<B>, Response<Body>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // A caller's bug: without a panic it would wait forever.
        #[expect(clippy::panic)]
        let Some((decision, mut request)) = this.waiting.take() else {
            panic!("AuthorizeFuture polled after completion");
        };
        let decision = match decision {
            Now(decision) => decision,
            Later(mut decision) => match decision.as_mut().poll(cx) {
                Poll::Ready(decision) => decision,
                Poll::Pending => {
                    *this.waiting = Some((Later(decision), request));
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready(match decision {
            Ok(admitted) => {
                let sensitive = this.guard.auth.sensitive_headers();
                let mut attached = admitted.attached;
                if let Some(attached) = &mut attached {
                    // A layer inside of this one still sets `Vary` and cookies.
                    attached.sees_response = false;
                }
                attach(&mut request, attached, &sensitive);
                Ok(request)
            }
            Err(refusal) => Err(response(grpc::suited(refusal, &request))),
        })
    }
}
