//! Work that callers wait for together.

use super::failure::Failure;
use crate::core::single_flight::Call;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// One attempt at a time at work that many callers need.
pub(super) struct Attempt<T>(Option<Call<Result<T, Failure>>>);

impl<T> Default for Attempt<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone + Send + Sync + 'static> Attempt<T> {
    /// Returns the outcome of the current attempt, beginning one if there is none.
    ///
    /// An attempt is current until a pause after its end, which `pause` decides by its outcome. It
    /// continues if its callers go away.
    pub(super) fn join<F: Future<Output = Result<T, Failure>> + Send + 'static>(
        &mut self,
        limit: Duration,
        work: F,
        pause: fn(&Result<T, Failure>) -> Duration,
    ) -> impl Future<Output = Result<T, Failure>> + use<T, F> {
        let mut attempt = match &self.0 {
            Some(current) if current.is_running() => current.clone(),
            _ => {
                let (done, attempt) = Call::new();
                tokio::spawn(async move {
                    let late = |_| Err(Failure::gone("Redis cannot be reached in time"));
                    let outcome = timeout(limit, work).await.unwrap_or_else(late);
                    let pause = pause(&outcome);
                    done.send_replace(Some(outcome));
                    if !pause.is_zero() {
                        sleep(pause).await;
                    }
                });
                self.0.insert(attempt).clone()
            }
        };
        async move {
            let broken = || Err(Failure::gone("the attempt to connect to Redis broke off"));
            attempt.answer().await.unwrap_or_else(broken)
        }
    }
}
