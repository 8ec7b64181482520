//! A value that is known now, or a future of it: what needs no waiting is neither boxed nor polled.

use crate::core::future::BoxFuture;
use std::future::Future;

/// A value, or the future that yields it.
pub(crate) enum NowOrLater<T> {
    Now(T),
    Later(BoxFuture<T>),
}

use NowOrLater::{Later, Now};

impl<T: Send + 'static> NowOrLater<T> {
    pub(crate) fn later(value: impl Future<Output = T> + Send + 'static) -> Self {
        Later(Box::pin(value))
    }

    pub(crate) async fn wait(self) -> T {
        match self {
            Now(value) => value,
            Later(value) => value.await,
        }
    }

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
            Later(value) => NowOrLater::later(async move { next(value.await).wait().await }),
        }
    }
}

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
                NowOrLater::later(async move { next(&context, value.await?).wait().await })
            }
        }
    }
}
