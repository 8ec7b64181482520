//! Faults of the application that an extractor finds: a type that the claims do not fit.
//!
//! actix-web's own `Option<T>` makes `None` of every failure, and a handler would take a user who is
//! logged in for an anonymous one. An extractor that finds such a fault does not end; the middleware
//! around answers, and the handler does not run.

use crate::authenticator::Refused;
use std::cell::RefCell;
use std::future::Future;
#[cfg(feature = "session")]
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What this thread polls at the moment.
enum Polled {
    NoMiddleware,
    Middleware,
    Fault(Refused),
}

thread_local! {
    static POLLED: RefCell<Polled> = const { RefCell::new(Polled::NoMiddleware) };
}

/// What the thread polled before, restored also after a panic.
struct Before(Option<Polled>);

impl Drop for Before {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            POLLED.set(before);
        }
    }
}

/// Polls the service inside a middleware. A fault that an extractor raises there is its answer.
pub(super) fn watch<A>(poll: impl FnOnce() -> Poll<A>) -> Poll<Result<A, Refused>> {
    let mut before = Before(Some(POLLED.replace(Polled::Middleware)));
    let polled = poll();
    let before = before.0.take().unwrap_or(Polled::NoMiddleware);
    match POLLED.replace(before) {
        Polled::Fault(refused) => Poll::Ready(Err(refused)),
        _ => polled.map(Ok),
    }
}

/// Leaves a fault to the middleware that is being polled; where there is none, it is returned.
fn raise<T>(refused: &Refused) -> Poll<Result<T, Refused>> {
    POLLED.with_borrow_mut(|polled| match polled {
        Polled::NoMiddleware => Poll::Ready(Err(refused.clone())),
        Polled::Middleware | Polled::Fault(_) => {
            *polled = Polled::Fault(refused.clone());
            Poll::Pending
        }
    })
}

/// The future of an extractor that need not wait.
pub struct ExtractFuture<T>(Option<Result<T, Refused>>);

impl<T> ExtractFuture<T> {
    pub(super) fn new(answer: Result<T, Refused>) -> Self {
        Self(Some(answer))
    }
}

impl<T> Unpin for ExtractFuture<T> {}

impl<T> Future for ExtractFuture<T> {
    type Output = Result<T, Refused>;

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

/// The answer of an extractor that waited.
#[cfg(feature = "session")]
pub(super) async fn checked<T>(answer: Result<T, Refused>) -> Result<T, Refused> {
    match answer {
        Err(refused) if refused.is_fault() => poll_fn(move |_| raise(&refused)).await,
        answer => answer,
    }
}
