//! The core's view of an actix-web response.

use super::extract::{append, response};
use crate::authenticator::request::{ResponseHead, ReturnedError, merged_vary, usual_vary};
use crate::core::AuthResponse;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{self, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, VARY};
use actix_web::{Error, HttpResponse};

/// The response of a service inside the middleware.
pub(super) enum Answer<A> {
    Given(A),
    /// A response with a body of this crate.
    Own(ServiceResponse),
    /// The response to an inner middleware's error, and the error's text.
    Failed(HttpResponse, String),
}

impl<B: MessageBody> Answer<ServiceResponse<B>> {
    pub(super) fn into_response(self) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        match self {
            Self::Given(answer) => Ok(answer.map_into_left_body()),
            Self::Own(answer) => Ok(answer.map_into_right_body()),
            Self::Failed(response, text) => {
                Err(InternalError::from_response(text, response).into())
            }
        }
    }

    /// Takes the answer, to put another one in its place.
    fn take(&mut self) -> Self {
        let nothing = HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR);
        std::mem::replace(self, Self::Failed(nothing, String::new()))
    }

    fn head(&self) -> &dev::ResponseHead {
        match self {
            Self::Given(answer) => answer.response().head(),
            Self::Own(answer) => answer.response().head(),
            Self::Failed(response, _) => response.head(),
        }
    }

    fn head_mut(&mut self) -> &mut dev::ResponseHead {
        match self {
            Self::Given(answer) => answer.response_mut().head_mut(),
            Self::Own(answer) => answer.response_mut().head_mut(),
            Self::Failed(response, _) => response.head_mut(),
        }
    }
}

impl<B: MessageBody> ResponseHead for Answer<ServiceResponse<B>> {
    fn status(&self) -> u16 {
        self.head().status.as_u16()
    }

    fn set_status(&mut self, status: u16) {
        self.head_mut().status =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    }

    fn headers(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.head().headers().get_all(name).map(HeaderValue::as_bytes)
    }

    fn remove_header(&mut self, name: &str) {
        self.head_mut().headers_mut().remove(name);
    }

    fn append_header(&mut self, name: &str, value: &str) {
        append(self.head_mut().headers_mut(), name, value);
    }

    fn add_vary(&mut self, names: &str) {
        let Some(value) = vary(names) else {
            return;
        };
        let headers = self.head_mut().headers_mut();
        let listed = headers.insert(VARY, value);
        if listed.is_empty() {
            return;
        }
        let listed: Vec<HeaderValue> = listed.collect();
        let lines = listed.iter().map(HeaderValue::as_bytes);
        if let Ok(names) = merged_vary(lines.chain([names.as_bytes()])).try_into() {
            headers.insert(VARY, names);
        }
    }

    fn take_error(&mut self) -> Option<ReturnedError> {
        let mut extensions = match self {
            Self::Given(answer) => answer.response_mut().extensions_mut(),
            Self::Own(answer) => answer.response_mut().extensions_mut(),
            Self::Failed(response, _) => response.extensions_mut(),
        };
        extensions.remove()
    }

    fn set_body(&mut self, body: Vec<u8>) {
        let body = BoxBody::new(body);
        *self = match self.take() {
            Self::Given(answer) => Self::Own(answer.map_body(|_, _| body)),
            Self::Own(answer) => Self::Own(answer.map_body(|_, _| body)),
            Self::Failed(response, text) => Self::Failed(response.set_body(body), text),
        }
    }

    fn replace(&mut self, refusal: AuthResponse) {
        *self = match self.take() {
            Self::Given(answer) => Self::Own(answer.into_response(response(refusal))),
            Self::Own(answer) => Self::Own(answer.into_response(response(refusal))),
            Self::Failed(..) => {
                let text = refusal.to_string();
                Self::Failed(response(refusal), text)
            }
        }
    }
}

fn vary(names: &str) -> Option<HeaderValue> {
    match usual_vary(names) {
        Some(usual) => Some(HeaderValue::from_static(usual)),
        None => HeaderValue::try_from(names).ok(),
    }
}
