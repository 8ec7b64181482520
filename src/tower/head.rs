//! The core's view of an `http` request.

use crate::authenticator::{Head, HeaderKey, RoutedHead};
use axum::extract::{NestedPath, OriginalUri};
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
#[cfg(feature = "axum")]
use http::request::Parts;
use http::uri::Authority;
use http::{Extensions, Method, Request, Uri};

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
}
