//! The tower layer and its service.

use super::body::RefusalBody;
use super::future::AuthFuture;
use super::grpc;
use super::head::PartsHead;
use crate::authenticator::{Admission, Attached, Authenticator, Need, Pass, RouteGuard};
use crate::core::sharded::Striped;
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// A layer that verifies each request's credential and attaches the identity.
///
/// Made by [`Authenticator::layer`]. A request without a credential continues as anonymous; see
/// [how a request is decided](crate#how-a-request-is-decided). Credential headers are marked
/// sensitive, so that inner tracing does not print them. A gRPC request is refused with a gRPC
/// status, such as `UNAUTHENTICATED`; tonic's bodies need [`any_body`](Self::any_body).
///
/// A layer inside an axum `Router` costs two more allocations per request than
/// `auth.layer().layer(router)`.
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
    gate: Arc<Gate>,
}

/// State shared by the services of a layer; frameworks clone a service per request.
#[derive(Debug)]
pub(super) struct Gate {
    auth: Authenticator,
    handles: Striped<Arc<Authenticator>>,
    need: Need,
    pub(super) vary: Vary,
    sensitive: Box<[HeaderName]>,
}

impl Gate {
    fn new(auth: &Authenticator, need: Need) -> Arc<Self> {
        Arc::new(Self {
            auth: auth.clone(),
            handles: Striped::new(|| Arc::new(auth.clone())),
            need,
            vary: Vary::on(auth.vary()),
            sensitive: auth.sensitive_headers().into(),
        })
    }

    fn service<S>(self: &Arc<Self>, inner: S) -> AuthService<S> {
        AuthService { inner, gate: self.clone() }
    }

    /// Attaches the outcome to an admitted request and marks its credential headers sensitive.
    pub(super) fn attach<B>(&self, request: &mut Request<B>, pass: &mut Pass) {
        attach(request, pass, || self.handle(), &self.sensitive);
    }

    /// Returns this thread's handle.
    pub(super) fn handle(&self) -> Arc<Authenticator> {
        self.handles.mine().clone()
    }
}

/// Attaches the outcome to an admitted request and marks its credential headers sensitive.
pub(super) fn attach<B>(
    request: &mut Request<B>,
    pass: &mut Pass,
    auth: impl FnOnce() -> Arc<Authenticator>,
    sensitive: &[HeaderName],
) {
    // An outer layer that attached the outcome has marked the headers too.
    if let Some(attached) = pass.attachment(auth) {
        mark_sensitive(request.headers_mut(), sensitive);
        request.extensions_mut().insert(attached);
    }
}

/// Marks the values of these headers sensitive.
///
/// Not tower-http's service: it clones an `Arc` per request that all threads share.
pub(super) fn mark_sensitive(headers: &mut HeaderMap, names: &[HeaderName]) {
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

/// The `Vary` header. Usual values are static: threads do not contend for a reference count.
#[derive(Clone, Debug)]
pub(super) enum Vary {
    Nothing,
    Usual(&'static HeaderValue),
    Own(Arc<HeaderValue>),
}

impl Vary {
    fn on(names: Option<String>) -> Self {
        static AUTHORIZATION: HeaderValue = HeaderValue::from_static("authorization");
        static COOKIE: HeaderValue = HeaderValue::from_static("cookie");
        static BOTH: HeaderValue = HeaderValue::from_static("authorization, cookie");
        let Some(names) = names else {
            return Self::Nothing;
        };
        match [&AUTHORIZATION, &COOKIE, &BOTH].into_iter().find(|usual| *usual == &names) {
            Some(usual) => Self::Usual(usual),
            None => names.try_into().map_or(Self::Nothing, |names| Self::Own(Arc::new(names))),
        }
    }

    pub(super) fn value(&self) -> Option<HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Usual(value) => Some((*value).clone()),
            Self::Own(value) => Some((**value).clone()),
        }
    }
}

impl Authenticator {
    /// Returns the tower layer, for an axum router, a tonic server, or any `http::Request` service.
    ///
    /// Put a CORS layer outside of it: preflight requests carry no credential.
    pub fn layer(&self) -> AuthLayer {
        AuthLayer { gate: Gate::new(self, Need::Nothing) }
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
        self.gate.service(inner)
    }
}

impl<S> Layer<S> for RouteGuard {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        Gate::new(&self.auth, self.need.clone()).service(inner)
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
    gate: Arc<Gate>,
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
        let attached = request.extensions().get::<Attached>();
        let gate = &self.gate;
        match gate.auth.admit(&PartsHead::of(&request), attached, &gate.need) {
            Admission::Now(Ok(mut pass)) => {
                // Also without a credential: the cookies may hold a refresh token.
                gate.attach(&mut request, &mut pass);
                let answer = self.inner.call(request);
                AuthFuture::passed(answer, pass.edits, gate)
            }
            Admission::Now(Err(challenge)) => {
                AuthFuture::refused(grpc::suited(challenge, &request))
            }
            Admission::Later(admission) => {
                // The future takes the service that was polled ready; a clone replaces it.
                let fresh = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, fresh);
                AuthFuture::later(admission, ready, request, gate.clone())
            }
        }
    }
}
