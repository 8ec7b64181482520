//! A value that is known now, or a future of it: what needs no waiting is neither boxed nor polled.

use crate::core::future::BoxFuture;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A value, or the future that yields it.
pub(crate) enum NowOrLater<T> {
    Now(T),
    Later(BoxFuture<T>),
}

use NowOrLater::{Later, Now};

/// Never pins a value.
impl<T> Unpin for NowOrLater<T> {}

impl<T> Future for NowOrLater<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        if let Later(value) = this {
            return value.as_mut().poll(cx);
        }
        // A future without a state is boxed without an allocation.
        #[expect(clippy::panic)]
        let done = poll_fn(|_| panic!("polled after completion"));
        match std::mem::replace(this, Later(Box::pin(done))) {
            Now(value) => Poll::Ready(value),
            Later(_) => Poll::Pending,
        }
    }
}

impl<T: Send + 'static> NowOrLater<T> {
    pub(crate) fn later(value: impl Future<Output = T> + Send + 'static) -> Self {
        Later(Box::pin(value))
    }
}

#[cfg(any(feature = "tower", feature = "actix"))]
impl<T: Send + 'static> NowOrLater<T> {
    pub(crate) fn map<U: Send + 'static>(
        self,
        change: impl FnOnce(T) -> U + Send + 'static,
    ) -> NowOrLater<U> {
        match self {
            Now(value) => Now(change(value)),
            Later(value) => NowOrLater::later(async move { change(value.await) }),
        }
    }

    /// Like [`map`](Self::map), with a context that is cloned only for a later value.
    pub(crate) fn map_with<C: Clone + Send + Sync + 'static, U: Send + 'static>(
        self,
        context: &C,
        change: impl FnOnce(&C, T) -> U + Send + 'static,
    ) -> NowOrLater<U> {
        match self {
            Now(value) => Now(change(context, value)),
            Later(value) => {
                let context = context.clone();
                NowOrLater::later(async move { change(&context, value.await) })
            }
        }
    }

    /// Continues with a value that may itself come later.
    pub(crate) fn then<U: Send + 'static>(
        self,
        next: impl FnOnce(T) -> NowOrLater<U> + Send + 'static,
    ) -> NowOrLater<U> {
        match self {
            Now(value) => next(value),
            Later(value) => NowOrLater::later(async move { next(value.await).await }),
        }
    }
}

#[cfg(any(feature = "tower", feature = "actix"))]
impl<T: Send + 'static, E: Send + 'static> NowOrLater<Result<T, E>> {
    /// Continues with a success. The context is cloned only for a later value.
    pub(crate) fn and_then<C: Clone + Send + Sync + 'static, U: Send + 'static>(
        self,
        context: &C,
        next: impl FnOnce(&C, T) -> NowOrLater<Result<U, E>> + Send + 'static,
    ) -> NowOrLater<Result<U, E>> {
        match self {
            Now(Ok(value)) => next(context, value),
            Now(Err(error)) => Now(Err(error)),
            Later(value) => {
                let context = context.clone();
                NowOrLater::later(async move { next(&context, value.await?).await })
            }
        }
    }
}
