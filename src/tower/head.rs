//! The core's view of an `http` request and response.

use super::body::{RefusalBody, append, response};
use crate::authenticator::ClientCertificate;
use crate::authenticator::request::credentials::Only;
use crate::authenticator::request::{
    Head, HeaderKey, ResponseHead, ReturnedError, RoutedHead, merged_vary, usual_vary,
};
use crate::core::AuthResponse;
use axum::extract::{NestedPath, OriginalUri};
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, SET_COOKIE, VARY};
#[cfg(feature = "axum")]
use http::request::Parts;
use http::uri::Authority;
use http::{Extensions, Method, Request, Response, StatusCode, Uri};

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
        let values = match name {
            HeaderKey::Authorization => headers.get_all(AUTHORIZATION),
            HeaderKey::Cookie => headers.get_all(COOKIE),
            HeaderKey::Named(name) => headers.get_all(name),
        };
        values.into_iter().map(HeaderValue::as_bytes)
    }

    fn only<'a>(&'a self, name: HeaderKey<'a>) -> Only<'a> {
        let headers = self.headers;
        let value = match name {
            HeaderKey::Authorization => headers.get(AUTHORIZATION),
            HeaderKey::Cookie => headers.get(COOKIE),
            HeaderKey::Named(name) => headers.get(name),
        };
        match value {
            None => Only::Nothing,
            // Usually no header repeats, and then there is no need to look for a second value.
            Some(value) if headers.len() == headers.keys_len() => Only::One(value.as_bytes()),
            Some(value) => match self.header(name).nth(1) {
                None => Only::One(value.as_bytes()),
                Some(_) => Only::Several,
            },
        }
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

    fn add_vary(&mut self, names: &str) {
        let Some(names) = vary(names) else {
            return;
        };
        let headers = self.headers_mut();
        if headers.append(VARY, names) {
            let lines = headers.get_all(VARY).into_iter().map(HeaderValue::as_bytes);
            if let Ok(names) = merged_vary(lines).try_into() {
                headers.insert(VARY, names);
            }
        }
    }

    fn mark_cookies(&mut self) {
        let headers = self.headers_mut().iter_mut();
        headers.filter(|(name, _)| **name == SET_COOKIE).for_each(|(_, cookie)| {
            cookie.set_sensitive(true);
        });
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

#[inline]
fn vary(names: &str) -> Option<HeaderValue> {
    match usual_vary(names) {
        Some(usual) => Some(HeaderValue::from_static(usual)),
        None => HeaderValue::try_from(names).ok(),
    }
}
