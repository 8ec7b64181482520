//! Extractors and responses for axum. Thin adapters: decisions are made in `authenticator`.

use crate::authenticator::request::{
    Attached, NamedPolicy, Require, ReturnedError, Session, SessionData, credentials,
};
use crate::authenticator::{AuthRejection, Identity};
use crate::core::{AuthResponse, Error, ErrorKind, challenge::REALM, telemetry};
use crate::token::claims::{Claims, ClaimsData};
use crate::tower::{PartsHead, response};
use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

impl IntoResponse for AuthResponse {
    fn into_response(self) -> Response {
        response::<Body>(self)
    }
}

/// Returns the response to this error.
///
/// A surrounding layer applies its realm and
/// [hook](crate::AuthenticatorBuilder::on_refusal). Without a layer: the standard response, with
/// the realm `jamguard`.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        telemetry::refused(&self);
        let mut response = AuthResponse::for_error(&self, REALM).into_response();
        response.extensions_mut().insert(ReturnedError(self));
        response
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        self.challenge().into_response()
    }
}

fn attached(parts: &Parts) -> Result<&Attached, AuthRejection> {
    parts.extensions.get::<Attached>().ok_or_else(|| {
        telemetry::fault(
            "an extractor ran without the layer: add .layer(auth.layer()) to the router",
        );
        AuthRejection::without_layer(Error::new(
            ErrorKind::Internal,
            "the layer is missing: add .layer(auth.layer()) to the router",
        ))
    })
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        attached(parts)?.identity().cloned()
    }
}

/// Returns `None` for an anonymous request.
impl<S: Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthRejection> {
        Ok(attached(parts)?.sender.known().cloned())
    }
}

impl<S: Sync, T: ClaimsData> FromRequestParts<S> for Claims<T> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        attached(parts)?.claims()
    }
}

/// Returns `None` for an anonymous request. Claims that do not fit `T` are answered with 500.
impl<S: Sync, T: ClaimsData> OptionalFromRequestParts<S> for Claims<T> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthRejection> {
        let attached = attached(parts)?;
        attached.sender.known().map(|_| attached.claims()).transpose()
    }
}

impl<S: Sync, G: NamedPolicy> FromRequestParts<S> for Require<G> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        Self::ask_async(Self::question(attached(parts)?)?).await
    }
}

async fn session<T: SessionData>(parts: &Parts) -> Result<Session<T>, AuthRejection> {
    let device = credentials::user_agent(&PartsHead::from(parts));
    attached(parts)?.extract_session(device).await
}

impl<S: Sync, T: SessionData> FromRequestParts<S> for Session<T> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        session(parts).await
    }
}

/// Returns `None` for a client without a session.
impl<S: Sync, T: SessionData> OptionalFromRequestParts<S> for Session<T> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthRejection> {
        let session: Self = session(parts).await?;
        Ok((!session.is_new()).then_some(session))
    }
}
