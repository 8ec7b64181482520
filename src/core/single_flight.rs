//! Deduplication of concurrent calls by secret: one call, shared by all callers.

use crate::core::clock::{Clock, SystemClock};
use crate::core::error::{Error, ErrorKind};
use aws_lc_rs::digest;
use moka::sync::Cache;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

const MAX_SECRETS: u64 = 100_000;
/// Longer than any call takes; a call that runs longer is treated as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// SHA-256 of a call's input, so that the secret itself is not kept.
pub(crate) type SecretHash = [u8; 32];

pub(crate) fn secret_hash(secret: &str) -> SecretHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}

/// Calls in progress, and recent answers.
pub(crate) struct SingleFlight<T> {
    calls: Cache<SecretHash, Call<T>>,
    shared_for: Duration,
}

#[derive(Clone)]
struct Call<T> {
    begun: Duration,
    wait: watch::Receiver<Option<Ended<T>>>,
}

struct Ended<T> {
    at: Duration,
    answer: Result<T, Error>,
}

impl<T> Call<T> {
    /// Whether a new caller can share this call or its answer.
    fn serves(&self, shared_for: Duration, lasts: impl Fn(&Result<T, Error>) -> bool) -> bool {
        let since = |moment| real_time().saturating_sub(moment);
        // Read first: a call that ends in between has its answer stored already.
        let is_on = self.wait.has_changed().is_ok();
        match &*self.wait.borrow() {
            Some(ended) => since(ended.at) < shared_for && lasts(&ended.answer),
            None => is_on && since(self.begun) < PATIENCE,
        }
    }
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Returns a map that shares each answer for this long after its call ended.
    pub(crate) fn shared_for(time: Duration) -> Self {
        Self {
            calls: Cache::builder()
                .max_capacity(MAX_SECRETS)
                // Must outlive every call, or a call would be made twice.
                .time_to_live(PATIENCE + time)
                .build(),
            shared_for: time,
        }
    }

    /// Returns the answer of a shared call, which continues if the caller is cancelled.
    ///
    /// Answers that `lasts` rejects are not given to later callers.
    ///
    /// # Errors
    /// The errors of the call; [`ErrorKind::Unavailable`] if it was interrupted, or outside a tokio
    /// runtime.
    pub(crate) async fn ask<F>(
        &self,
        key: SecretHash,
        call: impl FnOnce() -> F,
        lasts: impl Fn(&Result<T, Error>) -> bool,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| outage("this call needs a tokio runtime"))?;
        let begin = || {
            let (done, wait) = watch::channel(None);
            let call = call();
            runtime.spawn(async move {
                let answer = call.await;
                let at = real_time();
                done.send_replace(Some(Ended { at, answer }));
            });
            Call { begun: real_time(), wait }
        };
        // Stale calls are replaced only here: if waiters removed them, one could remove the call
        // that another has just started.
        let useless = |call: &Call<T>| !call.serves(self.shared_for, &lasts);
        let entry = self.calls.entry(key).or_insert_with_if(begin, useless);
        let mut wait = entry.into_value().wait;
        let answered = tokio::time::timeout(PATIENCE, wait.wait_for(Option::is_some)).await;
        let answer = match answered {
            Ok(Ok(ended)) => ended.as_ref().map(|ended| ended.answer.clone()),
            // The runtime that ran the call has stopped or stalled.
            _ => None,
        };
        answer.unwrap_or_else(|| Err(outage("the call was interrupted")))
    }

    /// Forgets the last answer, so that the next caller makes a new call.
    pub(crate) fn forget(&self, key: &SecretHash) {
        self.calls.invalidate(key);
    }
}

/// Calls take real time, independent of the clock that tokens expire by.
fn real_time() -> Duration {
    SystemClock.monotonic()
}

fn outage(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counted calls with one secret.
    struct Calls {
        flight: SingleFlight<usize>,
        begun: AtomicUsize,
        under_way: AtomicUsize,
        most: AtomicUsize,
        /// Number of failures before the first success.
        failing: usize,
        takes: Duration,
    }

    impl Calls {
        fn new(shared_for: u64, takes: u64, failing: usize) -> Arc<Self> {
            Arc::new(Self {
                flight: SingleFlight::shared_for(Duration::from_millis(shared_for)),
                begun: AtomicUsize::new(0),
                under_way: AtomicUsize::new(0),
                most: AtomicUsize::new(0),
                failing,
                takes: Duration::from_millis(takes),
            })
        }

        async fn ask(self: &Arc<Self>) -> Result<usize, Error> {
            let calls = self.clone();
            let call = || async move {
                let number = calls.begun.fetch_add(1, Ordering::SeqCst) + 1;
                let now = calls.under_way.fetch_add(1, Ordering::SeqCst) + 1;
                calls.most.fetch_max(now, Ordering::SeqCst);
                tokio::time::sleep(calls.takes).await;
                calls.under_way.fetch_sub(1, Ordering::SeqCst);
                match number > calls.failing {
                    true => Ok(number),
                    false => Err(outage("not yet")),
                }
            };
            self.flight.ask(secret_hash("secret"), call, |_| false).await
        }

        fn begun(&self) -> usize {
            self.begun.load(Ordering::SeqCst)
        }
    }

    /// Callers during the call wait for it, however long it takes.
    #[tokio::test]
    async fn a_slow_call_is_made_once() {
        let calls = Calls::new(20, 300, 0);
        let late = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            calls.ask().await
        };
        let (first, late) = tokio::join!(calls.ask(), late);
        assert_eq!((first.unwrap(), late.unwrap()), (1, 1));
        assert_eq!(calls.begun(), 1);
    }

    /// A waiter that sees the failure late does not remove the next call.
    #[tokio::test]
    async fn retries_after_a_failure_share_one_call() {
        let calls = Calls::new(10_000, 5, 5);
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let calls = calls.clone();
                tokio::spawn(async move { while calls.ask().await.is_err() {} })
            })
            .collect();
        for asking in asking {
            asking.await.unwrap();
        }
        assert_eq!(calls.most.load(Ordering::SeqCst), 1);
        assert_eq!(calls.begun(), 6);
    }
}
