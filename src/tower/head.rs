//! How the core sees an `http` request.

use crate::authenticator::{Head, HeaderKey};
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use http::{Request, Uri};

/// The headers and URI of a request.
pub(crate) struct PartsHead<'r> {
    headers: &'r HeaderMap,
    uri: &'r Uri,
}

impl<'r> PartsHead<'r> {
    pub(crate) fn of<B>(request: &'r Request<B>) -> Self {
        Self {
            headers: request.headers(),
            uri: request.uri(),
        }
    }
}

impl Head for PartsHead<'_> {
    fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a {
        let values = match name {
            HeaderKey::Authorization => self.headers.get_all(AUTHORIZATION),
            HeaderKey::Cookie => self.headers.get_all(COOKIE),
            HeaderKey::Named(name) => self.headers.get_all(name),
        };
        values.into_iter().map(HeaderValue::as_bytes)
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}
