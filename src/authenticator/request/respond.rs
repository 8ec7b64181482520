//! The response of a request, top to bottom: wait for the decision, run the handler, save the
//! session, add cookies and `Vary`. Framework adapters implement [`Call`] and [`ResponseHead`].

use super::attached::{Attached, ResponseHeader, Sender};
use super::session::Saved;
use super::session::{OpenSession, RequestSession};
use crate::authenticator::context::HandlerContext;
use crate::authenticator::identity::Identity;
use crate::core::now_or_later::NowOrLater::{self, Later, Now};
use crate::core::{AuthResponse, BoxFuture, Error, challenge::REALM};
use std::task::{Context, Poll, ready};
use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

/// The decision about a request. A refusal is the whole response.
pub(crate) type Decision = NowOrLater<Result<Admitted, AuthResponse>>;

/// A request that may reach its route.
pub(crate) struct Admitted {
    /// `None` if an outer layer attached it.
    pub(crate) attached: Option<Attached>,
    pub(crate) responder: Responder,
}

impl Admitted {
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.attached.as_ref()?.sender.known()
    }

    pub(super) fn identity_mut(&mut self) -> Option<&mut Identity> {
        match &mut self.attached.as_mut()?.sender {
            Sender::Known(identity) => Some(identity),
            _ => None,
        }
    }

    /// Refuses the request if a check failed.
    pub(super) fn unless(mut self, answer: Result<(), Error>) -> Result<Self, AuthResponse> {
        match answer {
            Ok(()) => Ok(self),
            Err(error) => Err(self.responder.refuse(&error)),
        }
    }
}

/// A request and the service to call with it.
pub(crate) trait Call: Sized {
    /// The public name of the response's future.
    const FUTURE: &'static str;
    /// The future of the service.
    type Handler: Future<Output = Result<Self::Response, Self::Error>>;
    type Response: ResponseHead;
    type Error;

    /// Attaches the sender to the request and calls the service.
    fn call(self, admitted: Admitted) -> RespondTo<Self>;

    /// Returns the response to a refused request.
    fn refuse(self, refusal: AuthResponse) -> Self::Response;

    /// Returns the response to an error of the service, if the framework makes one of it.
    fn failed(error: Self::Error) -> Result<Self::Response, Self::Error> {
        Err(error)
    }
}

/// The core's view of a response. Each framework adapter implements it.
pub(crate) trait ResponseHead: Sized {
    fn status(&self) -> u16;
    fn set_status(&mut self, status: u16);
    fn headers(&self, name: &'static str) -> impl Iterator<Item = &[u8]>;
    fn remove_header(&mut self, name: &str);
    /// Appends a header. A malformed one is dropped with a warning.
    fn append_header(&mut self, name: &str, value: &str);
    /// Adds these names to `Vary`, which may list some already.
    fn add_vary(&mut self, names: &str);
    /// Marks the values of `Set-Cookie` sensitive, if the framework has such a mark.
    fn mark_cookies(&mut self) {}
    /// Takes the error from the response's extensions.
    fn take_error(&mut self) -> Option<ReturnedError>;
    fn set_body(&mut self, body: Vec<u8>);
    /// Replaces the whole response.
    fn replace(&mut self, refusal: AuthResponse);
}

pin_project_lite::pin_project! {
    /// The future of a response. What only waiting or refused requests need is boxed, so that the
    /// others move few bytes.
    #[project = RespondProjected]
    pub(crate) enum Respond<C, H, R> {
        /// Waits for keys, a token refresh, a session or a policy.
        Deciding { decision: BoxFuture<Result<Admitted, AuthResponse>>, call: Option<Box<C>> },
        Handling {
            #[pin]
            handler: H,
            responder: Option<Responder>,
        },
        /// The application has answered; the session is being saved.
        Saving { saving: BoxFuture<Saved>, answered: Option<Box<(R, Responder)>> },
        Refused { response: Option<Box<R>> },
        Done,
    }
}

/// The future for a call.
pub(crate) type RespondTo<C> = Respond<C, <C as Call>::Handler, <C as Call>::Response>;

impl<C, H, R> Respond<C, H, R> {
    pub(crate) fn handling(handler: H, responder: Responder) -> Self {
        Self::Handling { handler, responder: Some(responder) }
    }

    pub(crate) fn refused(response: R) -> Self {
        Self::Refused { response: Some(Box::new(response)) }
    }

    pub(crate) fn deciding(decision: BoxFuture<Result<Admitted, AuthResponse>>, call: C) -> Self {
        Self::Deciding { decision, call: Some(Box::new(call)) }
    }
}

impl<C: Call> Future for RespondTo<C> {
    type Output = Result<C::Response, C::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let output = match self.as_mut().project() {
                RespondProjected::Deciding { decision, call } => {
                    let decision = ready!(decision.as_mut().poll(cx));
                    let next = match (decision, call.take()) {
                        (Ok(admitted), Some(call)) => call.call(admitted),
                        (Err(refusal), Some(call)) => Self::refused(call.refuse(refusal)),
                        (_, None) => Self::Done,
                    };
                    self.set(next);
                    continue;
                }
                RespondProjected::Handling { handler, responder } => {
                    let mut answer = ready!(handler.poll(cx));
                    let Some(mut responder) = responder.take() else {
                        break;
                    };
                    // Where the response stays as it is, so does the application's error.
                    if !responder.is_idle()
                        && let Err(error) = answer
                    {
                        answer = C::failed(error);
                    }
                    if let Ok(response) = &mut answer {
                        responder.answer_error(response);
                        match responder.save(response.status()) {
                            Now(saved) => responder.complete(response, saved),
                            Later(saving) => {
                                let answered = answer.ok().map(|response| (response, responder));
                                self.set(Self::Saving { saving, answered: answered.map(Box::new) });
                                continue;
                            }
                        }
                    }
                    self.set(Self::Done);
                    return Poll::Ready(answer);
                }
                RespondProjected::Saving { saving, answered } => {
                    let saved = ready!(saving.as_mut().poll(cx));
                    let Some(answered) = answered.take() else {
                        break;
                    };
                    let (mut response, mut responder) = *answered;
                    responder.complete(&mut response, saved);
                    Ok(response)
                }
                RespondProjected::Refused { response } => match response.take() {
                    Some(response) => Ok(*response),
                    None => break,
                },
                RespondProjected::Done => break,
            };
            self.set(Self::Done);
            return Poll::Ready(output);
        }
        // A caller's bug: without a panic it would wait forever.
        #[expect(clippy::panic)]
        {
            panic!("{} polled after completion", C::FUTURE)
        }
    }
}

/// The error behind a standard response, kept in the response's extensions.
///
/// The surrounding layer uses it to answer with its own realm and hook.
#[derive(Clone)]
#[cfg_attr(not(any(feature = "axum", feature = "actix")), allow(dead_code))]
pub(crate) struct ReturnedError(pub(crate) Error);

/// Completes the response of an admitted request, or refuses the request.
pub(crate) struct Responder {
    context: Arc<HandlerContext>,
    /// Headers for this client alone. A response with any of them must not be cached.
    pub(super) headers: Vec<ResponseHeader>,
    /// Whether this layer read the request's headers; otherwise an outer one did.
    varies: bool,
    /// The request's session, saved once the handler has answered.
    session: Option<OpenSession>,
}

impl Responder {
    pub(super) fn new(context: &Arc<HandlerContext>, session: Option<Arc<RequestSession>>) -> Self {
        let session = session.map(OpenSession::new);
        Self { context: context.clone(), headers: Vec::new(), varies: true, session }
    }

    /// A responder behind an outer layer's.
    pub(super) fn inner(context: &Arc<HandlerContext>) -> Self {
        Self { context: context.clone(), headers: Vec::new(), varies: false, session: None }
    }

    /// Returns the request's session, not saved yet.
    pub(super) fn session(&self) -> Option<&Arc<RequestSession>> {
        self.session.as_ref().map(OpenSession::session)
    }

    /// Whether the response stays as it is.
    fn is_idle(&self) -> bool {
        !self.varies && self.headers.is_empty() && self.session.is_none()
    }

    /// Returns the response to an error, with the cookies and `Vary`.
    pub(super) fn refuse(&mut self, error: &Error) -> AuthResponse {
        let mut refusal = self.context.challenge(error);
        if let Some(names) = self.context.vary().filter(|_| self.varies) {
            refusal.add_header("vary", names);
        }
        let removal = self.session().and_then(|session| session.removal());
        self.headers.extend(removal.map(ResponseHeader::cookie));
        if !self.headers.is_empty() {
            refusal = refusal.with_header("cache-control", "no-store");
        }
        for header in self.headers.drain(..) {
            refusal.add_header(header.name, header.value);
        }
        refusal
    }
}

impl Responder {
    /// Applies the layer's realm and hook to an error that a handler returned.
    fn answer_error<R: ResponseHead>(&self, response: &mut R) {
        if !(400..600).contains(&response.status()) {
            return;
        }
        let Some(ReturnedError(error)) = response.take_error() else {
            return;
        };
        let standard = AuthResponse::for_error(&error, REALM);
        let content_type = standard.header("content-type").map(str::as_bytes);
        if standard.status() != response.status()
            || response.headers("content-type").next() != content_type
        {
            // The application's own response.
            return;
        }
        let ours = self.context.answer(&error);
        response.set_status(ours.status());
        // The encoding of an inner middleware that compressed the standard body.
        for name in ["content-length", "content-encoding"] {
            response.remove_header(name);
        }
        for (name, _) in standard.headers() {
            response.remove_header(name);
        }
        for (name, value) in ours.headers() {
            response.append_header(name, value);
        }
        response.set_body(ours.into_body());
    }

    /// Saves the session.
    fn save(&mut self, status: u16) -> NowOrLater<Saved> {
        match self.session.take() {
            Some(open) => open.session().save(status),
            None => Now((None, Ok(()))),
        }
    }

    /// Adds `Vary` and the headers, or replaces the response if the session was not saved.
    fn complete<R: ResponseHead>(&mut self, response: &mut R, (cookie, saved): Saved) {
        self.headers.extend(cookie.map(ResponseHeader::cookie));
        if let Err(error) = saved {
            // The response would report something that did not happen.
            return response.replace(self.refuse(&error));
        }
        response.mark_cookies();
        if self.varies
            && let Some(names) = self.context.vary()
        {
            response.add_vary(names);
        }
        if self.headers.is_empty() {
            return;
        }
        // The application's own login or logout is not undone.
        for own in response.headers("set-cookie") {
            self.headers.retain(|ours| {
                ours.name != "set-cookie" || name(ours.value.as_bytes()) != name(own)
            });
        }
        if !self.headers.is_empty() {
            response.remove_header("cache-control");
            response.append_header("cache-control", "no-store");
        }
        for header in &self.headers {
            response.append_header(header.name, &header.value);
        }
    }
}

/// The name in a `Set-Cookie` value.
fn name(cookie: &[u8]) -> &[u8] {
    let end = cookie.iter().position(|byte| *byte == b'=');
    cookie[..end.unwrap_or(cookie.len())].trim_ascii()
}

/// Returns a usual `Vary` as static text: threads do not contend for its reference count.
#[inline]
pub(crate) fn usual_vary(names: &str) -> Option<&'static str> {
    ["authorization", "cookie", "authorization, cookie"].into_iter().find(|usual| *usual == names)
}

/// Returns the lines of a `Vary` header as one, in which no name repeats.
#[cold]
pub(crate) fn merged_vary<'a>(lines: impl Iterator<Item = &'a [u8]>) -> String {
    let lines: Vec<Cow<'_, str>> = lines.map(String::from_utf8_lossy).collect();
    let mut names: Vec<&str> = Vec::new();
    for name in lines.iter().flat_map(|line| line.split(',')).map(str::trim) {
        if !name.is_empty() && !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::merged_vary;

    #[test]
    fn lines_of_vary_become_one_without_repetitions() {
        for (lines, merged) in [
            (["accept-encoding", "authorization"], "accept-encoding, authorization"),
            (["Authorization,Cookie", "authorization, cookie"], "Authorization, Cookie"),
            (["origin, , cookie", "authorization, cookie"], "origin, cookie, authorization"),
            (["*", "cookie"], "*, cookie"),
        ] {
            assert_eq!(merged_vary(lines.iter().map(|line| line.as_bytes())), merged);
        }
    }
}
