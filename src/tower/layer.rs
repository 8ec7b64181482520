//! The layer and its service.

use super::body::RefusalBody;
use super::future::AuthFuture;
use super::grpc;
use super::head::PartsHead;
use crate::authenticator::{Admission, Attached, Authenticator, Need, Pass, RouteGuard};
use crate::core::striped::Striped;
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Verifies each request's credential and attaches the identity; made by
/// [`Authenticator::layer`].
///
/// A request without a credential goes on as anonymous; what happens to an invalid one is said
/// there. The credential's header is marked sensitive, so that traces inside do not show it. A gRPC
/// request is refused with a gRPC status, such as `UNAUTHENTICATED`; tonic's bodies need
/// [`any_body`](Self::any_body).
///
/// A layer inside an axum `Router` costs two boxes more per request than one around it, by
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
#[must_use = "it guards only what it is put around"]
#[derive(Clone, Debug)]
pub struct AuthLayer {
    gate: Arc<Gate>,
}

/// What the services of a layer share; frameworks clone a service per request.
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
            sensitive: auth
                .credential_headers()
                .filter_map(|name| name.try_into().ok())
                .collect(),
        })
    }

    fn service<S>(self: &Arc<Self>, inner: S) -> AuthService<S> {
        AuthService {
            inner,
            gate: self.clone(),
        }
    }

    /// Leaves an admitted request's outcome in it, and marks its credentials, so that no trace
    /// inside shows them.
    pub(super) fn attach<B>(&self, request: &mut Request<B>, pass: &mut Pass) {
        // Where an outer layer attached it, that one marked them as well.
        if let Some(attached) = pass.attachment(|| self.handle()) {
            self.mark(request.headers_mut());
            request.extensions_mut().insert(attached);
        }
    }

    /// This thread's.
    pub(super) fn handle(&self) -> Arc<Authenticator> {
        self.handles.mine().clone()
    }

    /// By hand: tower-http's service for this counts one more reference per request, which all
    /// threads share.
    fn mark(&self, headers: &mut HeaderMap) {
        let several = headers.len() > headers.keys_len();
        for name in &self.sensitive {
            if !several {
                if let Some(value) = headers.get_mut(name) {
                    value.set_sensitive(true);
                }
            } else if let Entry::Occupied(mut values) = headers.entry(name) {
                values
                    .iter_mut()
                    .for_each(|value| value.set_sensitive(true));
            }
        }
    }
}

/// What `Vary` says of an answer. The usual values are static: no thread counts references to them.
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
        match [&AUTHORIZATION, &COOKIE, &BOTH]
            .into_iter()
            .find(|usual| *usual == &names)
        {
            Some(usual) => Self::Usual(usual),
            None => names
                .try_into()
                .map_or(Self::Nothing, |names| Self::Own(Arc::new(names))),
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
    /// The tower layer: for a whole axum router, a tonic server, any service over
    /// `http::Request`.
    ///
    /// A CORS layer goes outside, so that preflights, which carry no credential, never reach it.
    pub fn layer(&self) -> AuthLayer {
        AuthLayer {
            gate: Gate::new(self, Need::Nothing),
        }
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

/// The service that [`AuthLayer`] and [`RouteGuard`] put around another.
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
        match gate
            .auth
            .admit(&PartsHead::of(&request), attached, &gate.need)
        {
            Admission::Now(Ok(mut pass)) => {
                // Also where no credential was found: a refresh token may be in the cookies.
                gate.attach(&mut request, &mut pass);
                let answer = self.inner.call(request);
                AuthFuture::passed(answer, pass.edits, gate)
            }
            Admission::Now(Err(challenge)) => {
                AuthFuture::refused(grpc::suited(challenge, &request))
            }
            Admission::Later(admission) => {
                // The service that was polled ready goes along, a fresh clone stays.
                let fresh = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, fresh);
                AuthFuture::later(admission, ready, request, gate.clone())
            }
        }
    }
}
