//! The actix-web middleware and its service.

use super::extract::{append, response};
use super::fault;
use super::head::RequestHead;
use crate::authenticator::Authenticator;
use crate::authenticator::request::{
    Admitted, Call, Requirement, Respond, RespondTo, Responder, ResponseHead, ReturnedError,
    RouteGuard,
};
use crate::core::AuthResponse;
use crate::core::now_or_later::NowOrLater::{Later, Now};
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{self, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, VARY};
use actix_web::{Error, HttpMessage, HttpResponse};
use std::future::{Future, Ready, ready};
use std::task::{Context, Poll};
use std::{pin::Pin, rc::Rc};

/// Middleware that verifies each request's credential and attaches the identity.
///
/// Made by [`Authenticator::actix`].
///
/// # Example
/// ```
/// # use jamguard::{Authenticator, Claims};
/// # #[derive(serde::Deserialize)] struct User { email: String }
/// use actix_web::{App, web};
///
/// async fn me(user: Claims<User>) -> String { user.email.clone() }
///
/// # fn example(auth: Authenticator) {
/// let app = App::new()
///     .wrap(auth.actix())
///     .route("/me", web::get().to(me));
/// # }
/// ```
#[must_use = "a middleware does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct ActixAuth {
    auth: Authenticator,
}

impl Authenticator {
    /// Returns the actix-web middleware, for an `App`, a scope or a resource.
    ///
    /// Wrap a CORS middleware outside of it (later), so that preflight requests do not reach it.
    pub fn actix(&self) -> ActixAuth {
        ActixAuth { auth: self.clone() }
    }
}

impl<S, B> Transform<S, ServiceRequest> for ActixAuth
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = ActixService<S>;
    type InitError = ();
    type Future = Ready<Result<ActixService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(ActixService::new(&self.auth, inner, Requirement::Nothing)))
    }
}

impl<S, B> Transform<S, ServiceRequest> for RouteGuard
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = ActixService<S>;
    type InitError = ();
    type Future = Ready<Result<ActixService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(ActixService::new(&self.auth, inner, self.requirement.clone())))
    }
}

/// The service that [`ActixAuth`] and [`RouteGuard`] wrap around another service.
#[derive(Debug)]
pub struct ActixService<S> {
    inner: Rc<S>,
    auth: Authenticator,
    requirement: Requirement,
    vary: Option<HeaderValue>,
}

impl<S> ActixService<S> {
    fn new(auth: &Authenticator, inner: S, requirement: Requirement) -> Self {
        Self {
            inner: Rc::new(inner),
            auth: auth.clone(),
            requirement,
            vary: auth.vary().and_then(vary_value),
        }
    }
}

/// Returns the header value. Usual values are static: cloning them touches no reference count.
fn vary_value(names: &str) -> Option<HeaderValue> {
    match names {
        "authorization" => Some(HeaderValue::from_static("authorization")),
        "cookie" => Some(HeaderValue::from_static("cookie")),
        "authorization, cookie" => Some(HeaderValue::from_static("authorization, cookie")),
        _ => HeaderValue::try_from(names).ok(),
    }
}

impl<S, B> Service<ServiceRequest> for ActixService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ActixFuture<S>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> ActixFuture<S> {
        let decision = {
            let extensions = request.extensions();
            let head = RequestHead(request.request());
            self.auth.decide(&head, extensions.get(), &self.requirement)
        };
        let call = ServiceCall { service: self.inner.clone(), request, vary: self.vary.clone() };
        let respond = match decision {
            Now(Ok(admitted)) => call.call(admitted),
            Now(Err(refusal)) => Respond::refused(call.refuse(refusal)),
            Later(decision) => Respond::deciding(decision, call),
        };
        ActixFuture { respond }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`ActixService`].
    pub struct ActixFuture<S>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        respond: Respond<ServiceCall<S>, S::Future, Answer<S::Response>, Option<HeaderValue>>,
    }
}

impl<S, B> Future for ActixFuture<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().respond.poll(cx).map(|answer| answer?.into_response())
    }
}

/// The call to make once the request is admitted.
struct ServiceCall<S> {
    service: Rc<S>,
    request: ServiceRequest,
    vary: Option<HeaderValue>,
}

impl<S, B> Call for ServiceCall<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    const FUTURE: &'static str = "ActixFuture";
    type Handler = S::Future;
    type Response = Answer<ServiceResponse<B>>;
    type Error = Error;

    fn call(self, admitted: Admitted) -> RespondTo<Self> {
        if let Some(attached) = admitted.attached {
            self.request.extensions_mut().insert(attached);
        }
        Respond::handling(self.service.call(self.request), admitted.responder, self.vary)
    }

    fn refuse(self, refusal: AuthResponse) -> Self::Response {
        Answer::Own(self.request.into_response(response(refusal)))
    }

    fn poll(
        handler: Pin<&mut S::Future>,
        responder: &Responder,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Response, Error>> {
        fault::watch(|| handler.poll(cx)).map(|answer| match answer {
            Ok(Ok(answer)) => Ok(Answer::Given(answer)),
            // Passed on as is: outer middlewares see the application's own error type.
            Ok(Err(error)) if responder.is_idle() => Err(error),
            Ok(Err(error)) => {
                let text = error.to_string();
                Ok(Answer::Failed(HttpResponse::from_error(error), text))
            }
            Err(fault) => Ok(Answer::Failed(response(fault.challenge()), fault.to_string())),
        })
    }
}

/// The application's response.
enum Answer<A> {
    Given(A),
    /// A response with a body of this crate.
    Own(ServiceResponse),
    /// The response to an inner middleware's error, and the error's text.
    Failed(HttpResponse, String),
}

impl<B: MessageBody> Answer<ServiceResponse<B>> {
    fn into_response(self) -> Result<ServiceResponse<EitherBody<B>>, Error> {
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
    type Vary = Option<HeaderValue>;

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

    fn append_vary(&mut self, vary: &Self::Vary) {
        if let Some(vary) = vary {
            self.head_mut().headers_mut().append(VARY, vary.clone());
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
