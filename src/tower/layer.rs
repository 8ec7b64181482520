//! The tower layer, its service and the response future.

use super::body::{RefusalBody, response};
use super::grpc;
use super::head::PartsHead;
use crate::authenticator::Authenticator;
use crate::authenticator::request::{
    Admitted, Attached, Call, Requirement, Respond, RespondTo, RouteGuard,
};
use crate::core::AuthResponse;
use crate::core::now_or_later::NowOrLater::{Later, Now};
use http::header::Entry;
use http::{HeaderMap, HeaderName, Request, Response};
use std::task::{Context, Poll};
use std::{future::Future, pin::Pin, sync::Arc};
use tower_layer::Layer;
use tower_service::Service;

/// A layer that verifies each request's credential and attaches the identity.
///
/// Made by [`Authenticator::layer`]. A request without a credential continues as anonymous; see
/// [how a request is decided](crate#how-a-request-is-decided). Credential headers are marked
/// sensitive, so that inner tracing does not print them. A gRPC request is refused with a gRPC
/// status, such as `UNAUTHENTICATED`; tonic's bodies need [`any_body`](Self::any_body).
///
/// `Router::layer` boxes the service of any layer, and its future, in each request. Around the router
/// nothing is boxed: serve `auth.layer().layer(router)` where allocations count. A request then costs
/// two allocations more than without the layer, instead of six.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// # use jamguard::{Authenticator, Claims};
/// # #[derive(serde::Deserialize)] struct User { email: String }
/// use axum::{Router, routing::get};
///
/// fn app(auth: &Authenticator) -> Router {
///     Router::new()
///         .route("/me", get(|user: Claims<User>| async move { user.email.clone() }))
///         .layer(auth.layer())
/// }
/// # }
/// ```
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct AuthLayer {
    settings: Arc<LayerSettings>,
}

/// The settings of a layer, shared by its services; frameworks clone a service per request.
#[derive(Debug)]
struct LayerSettings {
    auth: Authenticator,
    requirement: Requirement,
    sensitive: Box<[HeaderName]>,
}

impl LayerSettings {
    fn new(auth: &Authenticator, requirement: Requirement) -> Arc<Self> {
        Arc::new(Self {
            auth: auth.clone(),
            requirement,
            sensitive: auth.sensitive_headers().into(),
        })
    }
}

/// Attaches the sender to an admitted request and marks its credential headers sensitive.
pub(super) fn attach<B>(
    request: &mut Request<B>,
    attached: Option<Attached>,
    sensitive: &[HeaderName],
) {
    // An outer layer that attached the sender has marked the headers too.
    if let Some(attached) = attached {
        mark_sensitive(request.headers_mut(), sensitive);
        request.extensions_mut().insert(attached);
    }
}

/// Marks the values of these headers sensitive.
///
/// Not tower-http's service: it clones an `Arc` per request that all threads share.
fn mark_sensitive(headers: &mut HeaderMap, names: &[HeaderName]) {
    let several = headers.len() > headers.keys_len();
    for name in names {
        if !several {
            if let Some(value) = headers.get_mut(name) {
                value.set_sensitive(true);
            }
        } else if let Entry::Occupied(mut values) = headers.entry(name) {
            values.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}

impl Authenticator {
    /// Returns the tower layer, for an axum router, a tonic server, or any `http::Request` service.
    ///
    /// Put a CORS layer outside of it: preflight requests carry no credential.
    pub fn layer(&self) -> AuthLayer {
        AuthLayer { settings: LayerSettings::new(self, Requirement::Nothing) }
    }

    /// Returns the request headers that may hold a credential or a form token.
    ///
    /// The layer marks their values sensitive for the services inside of it, and `Set-Cookie` for
    /// the services around it. Log layers around it need this list too: without it they see the
    /// request's headers before the layer does.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::Router;
    /// use jamguard::Authenticator;
    /// use tower_http::{sensitive_headers::SetSensitiveRequestHeadersLayer, trace::TraceLayer};
    ///
    /// fn app(auth: &Authenticator, router: Router) -> Router {
    ///     router
    ///         .layer(auth.layer())
    ///         .layer(TraceLayer::new_for_http())
    ///         .layer(SetSensitiveRequestHeadersLayer::new(auth.sensitive_headers()))
    /// }
    /// # }
    /// ```
    ///
    /// A token in the query is part of the URI, which `TraceLayer` prints unless its span is
    /// `tower::RequestSpan` (feature `tower-http`).
    pub fn sensitive_headers(&self) -> Vec<HeaderName> {
        let mut names: Vec<HeaderName> = Vec::new();
        let form_token = self.has_sessions().then_some("x-csrf-token");
        for name in self.credential_headers().chain(form_token) {
            if let Ok(name) = name.try_into()
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { inner, settings: self.settings.clone() }
    }
}

impl<S> Layer<S> for RouteGuard {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        let settings = LayerSettings::new(&self.auth, self.requirement.clone());
        AuthService { inner, settings }
    }
}

/// The service that [`AuthLayer`] and [`RouteGuard`] wrap around another service.
///
/// # Example
/// ```
/// use jamguard::{AuthService, Authenticator};
/// use tower::Layer;
///
/// fn guarded<S>(auth: &Authenticator, service: S) -> AuthService<S> {
///     auth.layer().layer(service)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AuthService<S> {
    inner: S,
    settings: Arc<LayerSettings>,
}

impl<S> AuthService<S> {
    /// Returns the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service without the guard.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: RefusalBody,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = AuthFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> AuthFuture<S, B> {
        let settings = &self.settings;
        let outer = request.extensions().get();
        let head = PartsHead::of(&request);
        let respond = match settings.auth.decide(&head, outer, &settings.requirement) {
            // Also without a credential: the cookies may hold a refresh token.
            Now(Ok(Admitted { attached, responder })) => {
                attach(&mut request, attached, &settings.sensitive);
                Respond::handling(self.inner.call(request), responder)
            }
            Now(Err(refused)) => Respond::refused(refusal(refused, &request)),
            Later(decision) => {
                // The future takes the service that was polled ready; a clone replaces it.
                let fresh = self.inner.clone();
                let service = std::mem::replace(&mut self.inner, fresh);
                let settings = settings.clone();
                Respond::deciding(decision, ServiceCall { service, request, settings })
            }
        };
        AuthFuture { respond }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`AuthService`](super::AuthService).
    pub struct AuthFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        respond: Respond<ServiceCall<S, B>, S::Future, S::Response>,
    }
}

impl<S, B, R> Future for AuthFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: RefusalBody,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().respond.poll(cx)
    }
}

/// The call to make once the request is admitted.
struct ServiceCall<S, B> {
    service: S,
    request: Request<B>,
    settings: Arc<LayerSettings>,
}

impl<S, B, R> Call for ServiceCall<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: RefusalBody,
{
    const FUTURE: &'static str = "AuthFuture";
    type Handler = S::Future;
    type Response = Response<R>;
    type Error = S::Error;

    fn call(mut self, Admitted { attached, responder }: Admitted) -> RespondTo<Self> {
        attach(&mut self.request, attached, &self.settings.sensitive);
        Respond::handling(self.service.call(self.request), responder)
    }

    fn refuse(self, refusal: AuthResponse) -> Response<R> {
        self::refusal(refusal, &self.request)
    }
}

/// Returns the response to a refused request.
fn refusal<B, R: RefusalBody>(refusal: AuthResponse, request: &Request<B>) -> Response<R> {
    response(grpc::suited(refusal, request))
}
