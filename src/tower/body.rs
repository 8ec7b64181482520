//! Response bodies: the inner service's or a refusal's.

use crate::core::{AuthResponse, telemetry};
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A response body that can hold a refusal: any `From<Vec<u8>>`, such as axum's.
///
/// For other bodies see [`any_body`](crate::AuthLayer::any_body).
#[diagnostic::on_unimplemented(
    message = "a refusal cannot be written into `{Self}`: it is not `From<Vec<u8>>`",
    note = "call `.any_body()` on the layer or guard: `auth.layer().any_body()`"
)]
pub trait RefusalBody: From<Vec<u8>> {}

impl<B: From<Vec<u8>>> RefusalBody for B {}

pin_project_lite::pin_project! {
    /// A response body: the inner service's or a refusal's.
    #[project = Projected]
    #[derive(Debug)]
    pub struct AuthBody<B> {
        #[pin]
        state: State<B>,
    }
}

pin_project_lite::pin_project! {
    #[project = StateProjected]
    #[derive(Debug)]
    enum State<B> {
        Inner { #[pin] body: B },
        Own { bytes: Option<Bytes> },
    }
}

impl<B> AuthBody<B> {
    pub(crate) fn inner(body: B) -> Self {
        Self { state: State::Inner { body } }
    }
}

impl<B> From<Vec<u8>> for AuthBody<B> {
    fn from(bytes: Vec<u8>) -> Self {
        Self { state: State::Own { bytes: (!bytes.is_empty()).then(|| bytes.into()) } }
    }
}

impl<B: Body<Data = Bytes>> Body for AuthBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().state.project() {
            StateProjected::Inner { body } => body.poll_frame(cx),
            StateProjected::Own { bytes } => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Inner { body } => body.is_end_stream(),
            State::Own { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Inner { body } => body.size_hint(),
            State::Own { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
        }
    }
}

/// Converts a challenge to a response. Invalid headers from a hook are dropped with a warning.
pub(crate) fn response<B: From<Vec<u8>>>(challenge: AuthResponse) -> Response<B> {
    let status =
        StatusCode::from_u16(challenge.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(());
    *response.status_mut() = status;
    for (name, value) in challenge.headers() {
        append(response.headers_mut(), name, value);
    }
    response.map(|()| challenge.into_body().into())
}

/// Appends a header. An invalid one is dropped with a warning.
pub(super) fn append(headers: &mut HeaderMap, name: &str, value: &str) {
    match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        (Ok(name), Ok(mut value)) => {
            value.set_sensitive(name == SET_COOKIE);
            headers.append(name, value);
        }
        _ => telemetry::warn("dropped a malformed header that on_refusal added", &name),
    }
}
