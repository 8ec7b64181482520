//! The actix-web middleware and its service.

use super::answer::Answer;
use super::extract::response;
use super::fault::Watched;
use super::head::RequestHead;
use crate::authenticator::Authenticator;
use crate::authenticator::request::{Admitted, Call, Requirement, Respond, RespondTo, RouteGuard};
use crate::core::AuthResponse;
use crate::core::now_or_later::NowOrLater::{Later, Now};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
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
}

impl<S> ActixService<S> {
    fn new(auth: &Authenticator, inner: S, requirement: Requirement) -> Self {
        Self { inner: Rc::new(inner), auth: auth.clone(), requirement }
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
        let call = ServiceCall { service: self.inner.clone(), request };
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
        respond: Respond<ServiceCall<S>, Watched<S::Future>, Answer<S::Response>>,
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
}

impl<S, B> Call for ServiceCall<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    const FUTURE: &'static str = "ActixFuture";
    type Handler = Watched<S::Future>;
    type Response = Answer<ServiceResponse<B>>;
    type Error = Error;

    fn call(self, admitted: Admitted) -> RespondTo<Self> {
        if let Some(attached) = admitted.attached {
            self.request.extensions_mut().insert(attached);
        }
        let handler = Watched::new(self.service.call(self.request));
        Respond::handling(handler, admitted.responder)
    }

    fn refuse(self, refusal: AuthResponse) -> Self::Response {
        Answer::Own(self.request.into_response(response(refusal)))
    }

    fn failed(error: Error) -> Result<Self::Response, Error> {
        let text = error.to_string();
        Ok(Answer::Failed(HttpResponse::from_error(error), text))
    }
}
