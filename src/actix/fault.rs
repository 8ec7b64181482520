//! Extractor failures that `Option<T>` must not hide, such as claims that do not fit the type.
//!
//! actix-web's `Option<T>` turns every failure into `None`, so a handler would treat a logged-in
//! user as anonymous. On such a failure the extractor stays pending; the surrounding middleware
//! answers and the handler does not run.

use super::answer::Answer;
use crate::authenticator::AuthRejection;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use std::{cell::RefCell, pin::Pin};

/// What the current thread is polling.
enum Polled {
    NoMiddleware,
    Middleware,
    Fault(AuthRejection),
}

thread_local! {
    static POLLED: RefCell<Polled> = const { RefCell::new(Polled::NoMiddleware) };
}

/// Restores the previous state on drop, so also after a panic.
struct Before(Option<Polled>);

impl Drop for Before {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            POLLED.set(before);
        }
    }
}

pin_project_lite::pin_project! {
    /// The future of the service inside a middleware, or the fault that an extractor raised in it.
    pub(super) struct Watched<F> {
        #[pin]
        handler: F,
    }
}

impl<F> Watched<F> {
    pub(super) fn new(handler: F) -> Self {
        Self { handler }
    }
}

impl<F, B> Future for Watched<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<Answer<ServiceResponse<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut before = Before(Some(POLLED.replace(Polled::Middleware)));
        let polled = self.project().handler.poll(cx);
        let before = before.0.take().unwrap_or(Polled::NoMiddleware);
        match POLLED.replace(before) {
            Polled::Fault(refused) => Poll::Ready(Err(refused.into())),
            _ => polled.map_ok(Answer::Given),
        }
    }
}

/// Hands a fault to the middleware being polled, or returns it if there is none.
fn raise<T>(refused: &AuthRejection) -> Poll<Result<T, AuthRejection>> {
    POLLED.with_borrow_mut(|polled| match polled {
        Polled::NoMiddleware => Poll::Ready(Err(refused.clone())),
        Polled::Middleware | Polled::Fault(_) => {
            *polled = Polled::Fault(refused.clone());
            Poll::Pending
        }
    })
}

/// The future of an extractor that never waits.
pub struct ExtractFuture<T>(Option<Result<T, AuthRejection>>);

impl<T> ExtractFuture<T> {
    pub(super) fn new(answer: Result<T, AuthRejection>) -> Self {
        Self(Some(answer))
    }
}

impl<T> Unpin for ExtractFuture<T> {}

impl<T> Future for ExtractFuture<T> {
    type Output = Result<T, AuthRejection>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(Err(refused)) = &self.0
            && refused.is_fault()
        {
            return raise(refused);
        }
        match self.0.take() {
            Some(answer) => Poll::Ready(answer),
            #[expect(clippy::panic)]
            None => panic!("ExtractFuture polled after completion"),
        }
    }
}

/// Raises a fault in the result of an asynchronous extractor.
pub(super) async fn checked<T>(answer: Result<T, AuthRejection>) -> Result<T, AuthRejection> {
    match answer {
        Err(refused) if refused.is_fault() => poll_fn(move |_| raise(&refused)).await,
        answer => answer,
    }
}
