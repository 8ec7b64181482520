//! Shared calls that run in tasks of their own, and so continue if their callers are cancelled.

use crate::core::single_flight::Call;
use std::{future::Future, time::Duration};

/// The reason why a call gave no answer.
pub(crate) enum Lost {
    /// Its task was dropped: the runtime stopped, or the call panicked.
    Interrupted,
    /// It takes too long: its runtime is stalled.
    Stalled,
}

impl<T: Clone + Send + Sync + 'static> Call<T> {
    /// Starts a call that continues if its callers are cancelled.
    pub(crate) fn spawn(
        runtime: &tokio::runtime::Handle,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        let (done, answer) = Self::new();
        runtime.spawn(async move {
            done.send_replace(Some(call.await));
        });
        answer
    }

    /// Waits for at most `patience`: the call may run on another runtime, which may be stalled.
    pub(crate) async fn answer_within(mut self, patience: Duration) -> Result<T, Lost> {
        let answer = match tokio::runtime::Handle::try_current() {
            Ok(_) => match tokio::time::timeout(patience, self.answer()).await {
                Ok(answer) => answer,
                Err(_) => return Err(Lost::Stalled),
            },
            Err(_) => self.answer().await,
        };
        answer.ok_or(Lost::Interrupted)
    }
}
