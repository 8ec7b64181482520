//! The core's view of an `http` request and response.

use super::body::{RefusalBody, append, response};
use crate::authenticator::ClientCertificate;
use crate::authenticator::request::{Head, HeaderKey, ResponseHead, ReturnedError, RoutedHead};
use crate::core::AuthResponse;
use axum::extract::{NestedPath, OriginalUri};
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, VARY};
#[cfg(feature = "axum")]
use http::request::Parts;
use http::uri::Authority;
use http::{Extensions, Method, Request, Response, StatusCode, Uri};
use std::sync::Arc;

/// The request line, headers and extensions of a request.
pub(crate) struct PartsHead<'r> {
    headers: &'r HeaderMap,
    uri: &'r Uri,
    method: &'r Method,
    extensions: &'r Extensions,
}

impl<'r> PartsHead<'r> {
    pub(crate) fn of<B>(request: &'r Request<B>) -> Self {
        Self {
            headers: request.headers(),
            uri: request.uri(),
            method: request.method(),
            extensions: request.extensions(),
        }
    }
}

#[cfg(feature = "axum")]
impl<'r> From<&'r Parts> for PartsHead<'r> {
    fn from(parts: &'r Parts) -> Self {
        Self {
            headers: &parts.headers,
            uri: &parts.uri,
            method: &parts.method,
            extensions: &parts.extensions,
        }
    }
}

impl Head for PartsHead<'_> {
    fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a {
        let headers = self.headers;
        // Usually no header repeats; then `get` suffices and is faster than `get_all`.
        let several = headers.len() > headers.keys_len();
        let (first, all) = match name {
            HeaderKey::Authorization if several => (None, Some(headers.get_all(AUTHORIZATION))),
            HeaderKey::Authorization => (headers.get(AUTHORIZATION), None),
            HeaderKey::Cookie if several => (None, Some(headers.get_all(COOKIE))),
            HeaderKey::Cookie => (headers.get(COOKIE), None),
            HeaderKey::Named(name) => (None, Some(headers.get_all(name))),
        };
        let all = all.into_iter().flatten();
        first.into_iter().chain(all).map(HeaderValue::as_bytes)
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(Authority::as_str)
    }
}

impl RoutedHead for PartsHead<'_> {
    fn path(&self) -> &str {
        self.uri.path()
    }

    /// The full path: axum gives a nested router only the rest of it.
    fn original_path(&self) -> Option<&str> {
        let original = self.extensions.get::<OriginalUri>()?;
        Some(original.0.path())
    }

    fn nested_at(&self) -> Option<&str> {
        let place = self.extensions.get::<NestedPath>()?;
        Some(place.as_str())
    }

    fn client_certificate(&self) -> Option<ClientCertificate> {
        self.extensions.get().copied()
    }
}

impl<R: RefusalBody> ResponseHead for Response<R> {
    type Vary = Vary;

    fn status(&self) -> u16 {
        self.status().as_u16()
    }

    fn set_status(&mut self, status: u16) {
        *self.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    }

    fn headers(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.headers().get_all(name).iter().map(HeaderValue::as_bytes)
    }

    fn remove_header(&mut self, name: &str) {
        self.headers_mut().remove(name);
    }

    fn append_header(&mut self, name: &str, value: &str) {
        append(self.headers_mut(), name, value);
    }

    fn append_vary(&mut self, vary: &Vary) {
        if let Some(vary) = vary.value() {
            self.headers_mut().append(VARY, vary);
        }
    }

    fn take_error(&mut self) -> Option<ReturnedError> {
        self.extensions_mut().remove()
    }

    fn set_body(&mut self, body: Vec<u8>) {
        *self.body_mut() = body.into();
    }

    fn replace(&mut self, refusal: AuthResponse) {
        *self = response(refusal);
    }
}

/// The `Vary` header. Usual values are static: threads do not contend for a reference count.
#[derive(Clone, Debug)]
pub(crate) enum Vary {
    Nothing,
    Usual(&'static HeaderValue),
    Own(Arc<HeaderValue>),
}

impl Vary {
    pub(super) fn on(names: Option<&str>) -> Self {
        static AUTHORIZATION: HeaderValue = HeaderValue::from_static("authorization");
        static COOKIE: HeaderValue = HeaderValue::from_static("cookie");
        static BOTH: HeaderValue = HeaderValue::from_static("authorization, cookie");
        let Some(names) = names else {
            return Self::Nothing;
        };
        match [&AUTHORIZATION, &COOKIE, &BOTH].into_iter().find(|usual| *usual == names) {
            Some(usual) => Self::Usual(usual),
            None => names.try_into().map_or(Self::Nothing, |names| Self::Own(Arc::new(names))),
        }
    }

    fn value(&self) -> Option<HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Usual(value) => Some((*value).clone()),
            Self::Own(value) => Some((**value).clone()),
        }
    }
}
