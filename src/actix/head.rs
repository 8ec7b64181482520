//! The core's view of an actix-web request.

use crate::authenticator::ClientCertificate;
use crate::authenticator::request::{Head, HeaderKey, RoutedHead};
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::{HttpMessage, HttpRequest};

pub(crate) struct RequestHead<'r>(pub(crate) &'r HttpRequest);

impl Head for RequestHead<'_> {
    fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a {
        let headers = self.0.headers();
        let values = match name {
            HeaderKey::Authorization => headers.get_all(AUTHORIZATION),
            HeaderKey::Cookie => headers.get_all(COOKIE),
            HeaderKey::Named(name) => headers.get_all(name),
        };
        values.map(HeaderValue::as_bytes)
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.0.uri().authority().map(Authority::as_str)
    }
}

impl RoutedHead for RequestHead<'_> {
    fn path(&self) -> &str {
        self.0.uri().path()
    }

    /// Always `None`: actix-web scopes keep the whole path.
    fn original_path(&self) -> Option<&str> {
        None
    }

    fn nested_at(&self) -> Option<&str> {
        None
    }

    fn client_certificate(&self) -> Option<ClientCertificate> {
        let of_request = self.0.extensions().get().copied();
        of_request.or_else(|| self.0.conn_data().copied())
    }
}
