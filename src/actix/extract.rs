//! Extractors and responses for actix-web.

use super::fault;
use super::fault::ExtractFuture;
use super::head::RequestHead;
use crate::authenticator::request::{
    Attached, NamedPolicy, Require, ReturnedError, Session, SessionData, credentials,
};
use crate::authenticator::{AuthRejection, Identity};
use crate::core::now_or_later::NowOrLater::{self, Now};
use crate::core::{AuthResponse, Error, ErrorKind, challenge::REALM, telemetry};
use crate::token::claims::{Claims, ClaimsData};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use std::future::{Future, Ready, ready};
use std::task::{Context, Poll};
use std::{fmt, pin::Pin};

/// Converts a challenge to a response. Invalid headers from a hook are dropped with a warning.
pub(crate) fn response(challenge: AuthResponse) -> HttpResponse {
    let status =
        StatusCode::from_u16(challenge.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::new(status);
    for (name, value) in challenge.headers() {
        append(response.headers_mut(), name, value);
    }
    response.set_body(challenge.into_body()).map_into_boxed_body()
}

/// Appends a header. An invalid one is dropped with a warning.
pub(super) fn append(headers: &mut HeaderMap, name: &str, value: &str) {
    match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        (Ok(name), Ok(value)) => headers.append(name, value),
        _ => telemetry::warn("dropped a malformed header that on_refusal added", &name),
    }
}

impl fmt::Display for AuthResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with status {}", self.status())
    }
}

impl ResponseError for AuthResponse {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        response(self.clone())
    }
}

/// The response to this error.
///
/// A surrounding middleware applies its realm and
/// [hook](crate::AuthenticatorBuilder::on_refusal). Without one: the standard response, with the
/// realm `jamguard`.
impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        AuthResponse::for_error(self, REALM).status_code()
    }

    fn error_response(&self) -> HttpResponse {
        telemetry::refused(self);
        let mut response = response(AuthResponse::for_error(self, REALM));
        response.extensions_mut().insert(ReturnedError(self.clone()));
        response
    }
}

impl ResponseError for AuthRejection {
    fn status_code(&self) -> StatusCode {
        // The standard status: the hook runs only in `error_response`.
        AuthResponse::for_error(self.error(), "").status_code()
    }

    fn error_response(&self) -> HttpResponse {
        response(self.challenge())
    }
}

/// Reads what the middleware attached. A missing middleware is an internal error: it fails closed.
fn with_attached<R>(
    request: &HttpRequest,
    read: impl FnOnce(&Attached) -> Result<R, AuthRejection>,
) -> Result<R, AuthRejection> {
    match request.extensions().get::<Attached>() {
        Some(attached) => read(attached),
        None => {
            telemetry::fault(
                "an extractor ran without the middleware: add .wrap(auth.actix()) to the App",
            );
            Err(AuthRejection::without_layer(Error::new(
                ErrorKind::Internal,
                "the middleware is missing: add .wrap(auth.actix()) to the App",
            )))
        }
    }
}

impl FromRequest for Identity {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, AuthRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(with_attached(request, |attached| attached.identity().cloned()))
    }
}

/// Claims that do not fit `T` are answered with 500, even inside `Option`: the handler does not
/// run.
impl<T: ClaimsData> FromRequest for Claims<T> {
    type Error = AuthRejection;
    type Future = ExtractFuture<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ExtractFuture::new(with_attached(request, Attached::claims))
    }
}

impl<G: NamedPolicy> FromRequest for Require<G> {
    type Error = AuthRejection;
    type Future = RequireFuture<G>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> RequireFuture<G> {
        RequireFuture(match with_attached(request, Self::question) {
            Ok(question) if question.1.is_async() => NowOrLater::later(Self::ask_async(question)),
            question => Now(question.and_then(Self::ask)),
        })
    }
}

/// The future of [`Require`] in actix-web. Boxed only for an asynchronous policy.
pub struct RequireFuture<G>(NowOrLater<Result<Require<G>, AuthRejection>>);

impl<G> Future for RequireFuture<G> {
    type Output = Result<Require<G>, AuthRejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T: SessionData> FromRequest for Session<T> {
    type Error = AuthRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AuthRejection>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let device = credentials::user_agent(&RequestHead(request));
        let attached = with_attached(request, |attached| Ok(attached.clone()));
        Box::pin(async move { fault::checked(attached?.extract_session(device).await).await })
    }
}
