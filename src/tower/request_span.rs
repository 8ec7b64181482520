//! The span of a request for tower-http's `TraceLayer`, without the query.

use http::Request;
use tower_http::trace::MakeSpan;
use tracing::{Span, field, info_span};

/// Makes the span of a request for tower-http's `TraceLayer`: method, path and version.
///
/// It omits the query, which may hold a credential: a [token](crate::CredentialSource::query), a
/// magic link's, the code of an OAuth2 login. tower-http's own span prints it. Level: info.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::Router;
/// use jamguard::{Authenticator, tower::RequestSpan};
/// use tower_http::{sensitive_headers::SetSensitiveRequestHeadersLayer, trace::TraceLayer};
///
/// fn app(auth: &Authenticator, router: Router) -> Router {
///     let span = RequestSpan::new().include_headers(true);
///     router
///         .layer(auth.layer())
///         .layer(TraceLayer::new_for_http().make_span_with(span))
///         .layer(SetSensitiveRequestHeadersLayer::new(auth.sensitive_headers()))
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestSpan {
    headers: bool,
}

impl RequestSpan {
    /// Returns a span maker that prints no headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the span contains the request's headers. Default: no.
    ///
    /// Credentials among them are hidden if
    /// [`Authenticator::sensitive_headers`](crate::Authenticator::sensitive_headers) are marked
    /// around the `TraceLayer`.
    #[must_use]
    pub fn include_headers(mut self, include: bool) -> Self {
        self.headers = include;
        self
    }
}

impl<B> MakeSpan<B> for RequestSpan {
    fn make_span(&mut self, request: &Request<B>) -> Span {
        let span = info_span!(
            "request",
            method = %request.method(),
            path = request.uri().path(),
            version = ?request.version(),
            headers = field::Empty,
        );
        if self.headers {
            span.record("headers", field::debug(request.headers()));
        }
        span
    }
}
