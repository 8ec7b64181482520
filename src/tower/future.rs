//! The response future, boxed only while a request waits for I/O.

use super::body::{RefusalBody, response};
use super::grpc;
use super::layer::{Gate, Vary, mark_sensitive};
use crate::authenticator::{Authenticator, Closing, Edits, Pass, Returned};
use crate::core::challenge::AuthResponse;
use crate::core::future::BoxFuture;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderValue, Request, Response};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

pin_project_lite::pin_project! {
    /// The future of [`AuthService`](super::AuthService).
    pub struct AuthFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future, S::Response>,
    }
}

pin_project_lite::pin_project! {
    #[project = StateProjected]
    enum State<S, B, F, A> {
        /// Waits for keys, a token refresh, a session or a policy.
        Later {
            admission: BoxFuture<Result<Pass, AuthResponse>>,
            // Boxed, so that the other states stay small.
            next: Option<Box<Next<S, B>>>,
        },
        Passed {
            #[pin]
            answer: F,
            edits: Edits,
            vary: Vary,
            auth: Arc<Authenticator>,
        },
        /// The application has answered; the session is being saved.
        Closing {
            closing: BoxFuture<Result<Edits, AuthResponse>>,
            answer: Option<Box<A>>,
            vary: Vary,
        },
        Refused { challenge: Option<AuthResponse> },
        Done,
    }
}

/// The call to make once the request is admitted.
struct Next<S, B> {
    service: S,
    request: Request<B>,
    gate: Arc<Gate>,
}

impl<S: Service<Request<B>>, B> AuthFuture<S, B> {
    pub(super) fn passed(answer: S::Future, edits: Edits, gate: &Gate) -> Self {
        Self {
            state: State::Passed { answer, edits, vary: gate.vary.clone(), auth: gate.handle() },
        }
    }

    pub(super) fn refused(challenge: AuthResponse) -> Self {
        Self { state: State::Refused { challenge: Some(challenge) } }
    }

    pub(super) fn later(
        admission: BoxFuture<Result<Pass, AuthResponse>>,
        service: S,
        request: Request<B>,
        gate: Arc<Gate>,
    ) -> Self {
        let next = Next { service, request, gate };
        Self { state: State::Later { admission, next: Some(Box::new(next)) } }
    }
}

impl<S, B, R> Future for AuthFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: RefusalBody,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjected::Later { admission, next } => {
                    let admitted = ready!(admission.as_mut().poll(cx));
                    let next = next.take();
                    let new = match (admitted, next) {
                        (Ok(mut pass), Some(mut next)) => {
                            next.gate.attach(&mut next.request, &mut pass);
                            State::Passed {
                                answer: next.service.call(next.request),
                                edits: pass.edits,
                                vary: next.gate.vary.clone(),
                                auth: next.gate.handle(),
                            }
                        }
                        (Err(challenge), Some(next)) => State::Refused {
                            challenge: Some(grpc::suited(challenge, &next.request)),
                        },
                        (_, None) => State::Done,
                    };
                    state.set(new);
                }
                StateProjected::Passed { answer, edits, vary, auth } => {
                    let answer = ready!(answer.poll(cx)).map(|answer| answered(answer, auth));
                    let (edits, vary) = (std::mem::take(edits), vary.clone());
                    let answer = match answer {
                        Ok(answer) => answer,
                        Err(error) => {
                            state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                    };
                    match edits.close(answer.status().as_u16()) {
                        Closing::Now(edits) => {
                            state.set(State::Done);
                            return Poll::Ready(Ok(closed(answer, edits, vary)));
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
                    let (answer, vary) = (answer.take(), vary.clone());
                    state.set(State::Done);
                    match (edits, answer) {
                        (Ok(edits), Some(answer)) => {
                            return Poll::Ready(Ok(closed(*answer, edits, vary)));
                        }
                        (Err(challenge), _) => return Poll::Ready(Ok(response(challenge))),
                        (Ok(_), None) => {}
                    }
                }
                StateProjected::Refused { challenge } => {
                    let challenge = challenge.take();
                    state.set(State::Done);
                    if let Some(challenge) = challenge {
                        return Poll::Ready(Ok(response(challenge)));
                    }
                }
                // A caller's bug: without a panic it would wait forever.
                #[expect(clippy::panic)]
                StateProjected::Done => panic!("AuthFuture polled after completion"),
            }
        }
    }
}

/// Applies this layer's realm and hook to an error that a handler returned.
fn answered<R: RefusalBody>(mut answer: Response<R>, auth: &Authenticator) -> Response<R> {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let Some(returned) = answer.extensions_mut().remove::<Returned>() else {
        return answer;
    };
    let content_type = answer.headers().get(CONTENT_TYPE);
    let content_type = content_type.map(HeaderValue::as_bytes);
    let Some((standard, ours)) = returned.answers(auth, status.as_u16(), content_type) else {
        return answer;
    };
    let (ours, body) = response(ours).into_parts();
    *answer.status_mut() = ours.status;
    let headers = answer.headers_mut();
    headers.remove(CONTENT_LENGTH);
    // Set by an inner middleware that compressed the standard body.
    headers.remove(CONTENT_ENCODING);
    for (name, _) in standard.headers() {
        headers.remove(name);
    }
    for (name, value) in &ours.headers {
        headers.append(name, value.clone());
    }
    answer.map(|_| body)
}

fn closed<R>(mut answer: Response<R>, edits: Edits, vary: Vary) -> Response<R> {
    let headers = answer.headers_mut();
    apply(edits, &vary, headers);
    mark_sensitive(headers, &[SET_COOKIE]);
    answer
}

/// Applies cookies and `Vary` to the application's response.
fn apply(mut edits: Edits, vary: &Vary, headers: &mut HeaderMap) {
    if edits.vary
        && let Some(vary) = vary.value()
    {
        headers.append(VARY, vary);
    }
    if edits.cookies.is_empty() {
        return;
    }
    edits.yield_to(headers.get_all(SET_COOKIE).iter().map(HeaderValue::as_bytes));
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
