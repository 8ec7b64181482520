//! The actix-web middleware and its service.

use super::extract::response;
use super::fault;
use super::head::RequestHead;
use crate::authenticator::{
    Admission, Attached, Authenticator, Closing, Edits, Need, Pass, Returned, RouteGuard,
};
use crate::core::challenge::AuthResponse;
use crate::core::future::BoxFuture;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue,
    SET_COOKIE, VARY,
};
use actix_web::{Error, HttpMessage, HttpResponse};
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

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
        ready(Ok(ActixService::new(&self.auth, inner, Need::Nothing)))
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
        ready(Ok(ActixService::new(&self.auth, inner, self.need.clone())))
    }
}

/// The service that [`ActixAuth`] and [`RouteGuard`] wrap around another service.
#[derive(Debug)]
pub struct ActixService<S> {
    inner: Rc<S>,
    auth: Arc<Authenticator>,
    need: Need,
    vary: Option<HeaderValue>,
}

impl<S> ActixService<S> {
    fn new(auth: &Authenticator, inner: S, need: Need) -> Self {
        Self {
            inner: Rc::new(inner),
            auth: Arc::new(auth.clone()),
            need,
            vary: auth.vary().and_then(vary_value),
        }
    }
}

/// Returns the header value. Usual values are static: cloning them touches no reference count.
fn vary_value(names: String) -> Option<HeaderValue> {
    match &*names {
        "authorization" => Some(HeaderValue::from_static("authorization")),
        "cookie" => Some(HeaderValue::from_static("cookie")),
        "authorization, cookie" => Some(HeaderValue::from_static("authorization, cookie")),
        _ => names.try_into().ok(),
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
        let admission = {
            let head = RequestHead(request.request());
            let extensions = request.extensions();
            let attached = extensions.get::<Attached>();
            self.auth.admit(&head, attached, &self.need)
        };
        let vary = self.vary.clone();
        let state = match admission {
            Admission::Now(Ok(pass)) => {
                State::passed(&*self.inner, request, pass, vary, &self.auth)
            }
            Admission::Now(Err(challenge)) => {
                State::Refused { refusal: Some((request, challenge)) }
            }
            Admission::Later(admission) => State::Later {
                admission,
                next: Some((self.inner.clone(), request)),
                auth: self.auth.clone(),
                vary,
            },
        };
        ActixFuture { state }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`ActixService`].
    pub struct ActixFuture<S>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, S::Future, S::Response>,
    }
}

pin_project_lite::pin_project! {
    #[project = StateProjected]
    enum State<S, F, A> {
        /// Waits for keys, a token refresh, a session or a policy.
        Later {
            admission: BoxFuture<Result<Pass, AuthResponse>>,
            next: Option<(Rc<S>, ServiceRequest)>,
            auth: Arc<Authenticator>,
            vary: Option<HeaderValue>,
        },
        Passed {
            #[pin]
            answer: F,
            edits: Edits,
            vary: Option<HeaderValue>,
            auth: Arc<Authenticator>,
        },
        /// The application has answered; the session is being saved.
        Closing {
            closing: BoxFuture<Result<Edits, AuthResponse>>,
            // Boxed, so that the other states stay small.
            answer: Option<Box<Answer<A>>>,
            vary: Option<HeaderValue>,
        },
        Refused { refusal: Option<(ServiceRequest, AuthResponse)> },
        Done,
    }
}

impl<S: Service<ServiceRequest>> State<S, S::Future, S::Response> {
    fn passed(
        service: &S,
        request: ServiceRequest,
        mut pass: Pass,
        vary: Option<HeaderValue>,
        auth: &Arc<Authenticator>,
    ) -> Self {
        if let Some(attached) = pass.attachment(|| auth.clone()) {
            request.extensions_mut().insert(attached);
        }
        Self::Passed { answer: service.call(request), edits: pass.edits, vary, auth: auth.clone() }
    }
}

impl<S, B> Future for ActixFuture<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjected::Later { admission, next, auth, vary } => {
                    let admitted = ready!(admission.as_mut().poll(cx));
                    let (vary, next) = (vary.take(), next.take());
                    let new = match (admitted, next) {
                        (Ok(pass), Some((service, request))) => {
                            State::passed(&*service, request, pass, vary, auth)
                        }
                        (Err(challenge), Some((_, request))) => {
                            State::Refused { refusal: Some((request, challenge)) }
                        }
                        (_, None) => State::Done,
                    };
                    state.set(new);
                }
                StateProjected::Passed { answer, edits, vary, auth } => {
                    let answer = ready!(fault::watch(|| answer.poll(cx)));
                    let (edits, vary) = (std::mem::take(edits), vary.take());
                    let answer = match answer {
                        Ok(Ok(answer)) => Answer::of(answer, auth),
                        // Passed on as is: outer middlewares see the application's own error type.
                        Ok(Err(error)) if edits.is_empty() => {
                            state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                        Ok(Err(error)) => Answer::failed(error, auth),
                        Err(refused) => {
                            Answer::Failed(response(refused.challenge()), refused.to_string())
                        }
                    };
                    match edits.close(answer.status().as_u16()) {
                        Closing::Now(edits) => {
                            state.set(State::Done);
                            return Poll::Ready(answer.closed(edits, vary));
                        }
                        Closing::Later(closing) => state.set(State::Closing {
                            closing,
                            answer: Some(Box::new(answer)),
                            vary,
                        }),
                    }
                }
                StateProjected::Closing { closing, answer, vary } => {
                    let edits = ready!(closing.as_mut().poll(cx));
                    let (answer, vary) = (answer.take(), vary.take());
                    state.set(State::Done);
                    if let Some(answer) = answer {
                        return Poll::Ready(match edits {
                            Ok(edits) => answer.closed(edits, vary),
                            Err(challenge) => answer.refused(challenge),
                        });
                    }
                }
                StateProjected::Refused { refusal } => {
                    let refusal = refusal.take();
                    state.set(State::Done);
                    if let Some((request, challenge)) = refusal {
                        let refused = request.into_response(response(challenge));
                        return Poll::Ready(Ok(refused.map_into_right_body()));
                    }
                }
                // A caller's bug: without a panic it would wait forever.
                #[expect(clippy::panic)]
                StateProjected::Done => panic!("ActixFuture polled after completion"),
            }
        }
    }
}

/// The application's response.
enum Answer<A> {
    Given(A),
    /// A handler's error, answered with this middleware's realm and hook.
    Own(ServiceResponse),
    /// An inner middleware's error: its response and its text.
    Failed(HttpResponse, String),
}

impl<B: MessageBody> Answer<ServiceResponse<B>> {
    fn of(mut answer: ServiceResponse<B>, auth: &Authenticator) -> Self {
        match own_answer(answer.response_mut(), auth) {
            Some(body) => Self::Own(answer.map_body(|_, _| body)),
            None => Self::Given(answer),
        }
    }

    fn failed(error: Error, auth: &Authenticator) -> Self {
        let text = error.to_string();
        let mut response = HttpResponse::from_error(error);
        match own_answer(&mut response, auth) {
            Some(body) => Self::Failed(response.set_body(body), text),
            None => Self::Failed(response, text),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Given(answer) => answer.status(),
            Self::Own(answer) => answer.status(),
            Self::Failed(response, _) => response.status(),
        }
    }

    /// Returns the response with the edits applied.
    fn closed(
        self,
        edits: Edits,
        vary: Option<HeaderValue>,
    ) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        match self {
            Self::Given(mut answer) => {
                apply(edits, vary, answer.response_mut().headers_mut());
                Ok(answer.map_into_left_body())
            }
            Self::Own(mut answer) => {
                apply(edits, vary, answer.response_mut().headers_mut());
                Ok(answer.map_into_right_body())
            }
            Self::Failed(mut response, text) => {
                apply(edits, vary, response.headers_mut());
                Err(InternalError::from_response(text, response).into())
            }
        }
    }

    /// Replaces the response with a refusal.
    fn refused(self, challenge: AuthResponse) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        let refused = match self {
            Self::Given(answer) => answer.into_response(response(challenge)),
            Self::Own(answer) => answer.into_response(response(challenge)),
            Self::Failed(..) => return Err(challenge.into()),
        };
        Ok(refused.map_into_right_body())
    }
}

/// Rewrites a handler's error response with this middleware's realm and hook.
///
/// Changes status and headers, returns the new body; `None` for the application's own response.
fn own_answer<B>(response: &mut HttpResponse<B>, auth: &Authenticator) -> Option<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let returned = response.extensions_mut().remove::<Returned>()?;
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.map(HeaderValue::as_bytes);
    let (standard, ours) = returned.answers(auth, status.as_u16(), content_type)?;
    let (ours, body) = self::response(ours).into_parts();
    *response.status_mut() = ours.status();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    // Set by an inner middleware that compressed the standard body.
    headers.remove(CONTENT_ENCODING);
    for (name, _) in standard.headers() {
        headers.remove(name);
    }
    for (name, value) in ours.headers() {
        headers.append(name.clone(), value.clone());
    }
    Some(body)
}

/// Applies cookies and `Vary` to the application's response.
fn apply(mut edits: Edits, vary: Option<HeaderValue>, headers: &mut HeaderMap) {
    if edits.vary
        && let Some(vary) = vary
    {
        headers.append(VARY, vary);
    }
    if edits.cookies.is_empty() {
        return;
    }
    edits.yield_to(headers.get_all(SET_COOKIE).map(HeaderValue::as_bytes));
    if edits.cookies.is_empty() {
        return;
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in edits.cookies {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
}
