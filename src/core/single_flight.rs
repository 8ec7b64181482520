//! One call for each secret at a time, however many ask for it.

use crate::core::clock::{Clock, SystemClock};
use crate::core::error::{Error, ErrorKind};
use aws_lc_rs::digest;
use moka::sync::Cache;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

const MAX_SECRETS: u64 = 100_000;
/// Longer than any call takes. One that is under way for longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// The SHA-256 of what a call is about: the secret itself is not kept.
pub(crate) type SecretHash = [u8; 32];

pub(crate) fn secret_hash(secret: &str) -> SecretHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}

/// Calls under way, and the answers of those that just ended.
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
    /// Whether whoever asks now is to have its answer.
    fn serves(&self, shared_for: Duration, lasts: impl Fn(&Result<T, Error>) -> bool) -> bool {
        let since = |moment| real_time().saturating_sub(moment);
        // Asked first: what ends meanwhile has answered.
        let is_on = self.wait.has_changed().is_ok();
        match &*self.wait.borrow() {
            Some(ended) => since(ended.at) < shared_for && lasts(&ended.answer),
            None => is_on && since(self.begun) < PATIENCE,
        }
    }
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Answers are given to whoever asks up to this long after they came.
    pub(crate) fn shared_for(time: Duration) -> Self {
        Self {
            calls: Cache::builder()
                .max_capacity(MAX_SECRETS)
                // Never before its call ends, however long that takes: it would be made twice.
                .time_to_live(PATIENCE + time)
                .build(),
            shared_for: time,
        }
    }

    /// The answer of a call, which survives whoever began it. Answers for which `lasts` says no are
    /// not given to those who ask later.
    ///
    /// # Errors
    /// Those of the call; [`ErrorKind::Unavailable`] where it was broken off, or outside a tokio
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
            .map_err(|_| outage("this can only be asked for inside a tokio runtime"))?;
        let begin = || {
            let (done, wait) = watch::channel(None);
            let call = call();
            runtime.spawn(async move {
                let answer = call.await;
                let at = real_time();
                done.send_replace(Some(Ended { at, answer }));
            });
            Call {
                begun: real_time(),
                wait,
            }
        };
        // What is of no use any more is replaced here alone: taken away by those who waited for it,
        // one of them might take away the call that another has begun since.
        let useless = |call: &Call<T>| !call.serves(self.shared_for, &lasts);
        let entry = self.calls.entry(key).or_insert_with_if(begin, useless);
        let mut wait = entry.into_value().wait;
        let answered = tokio::time::timeout(PATIENCE, wait.wait_for(Option::is_some)).await;
        let answer = match answered {
            Ok(Ok(ended)) => ended.as_ref().map(|ended| ended.answer.clone()),
            // The runtime that ran it stands still or is gone.
            _ => None,
        };
        answer.unwrap_or_else(|| Err(outage("the call was interrupted")))
    }

    /// Calls anew the next time: the last answer is of no use any more.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(crate) fn forget(&self, key: &SecretHash) {
        self.calls.invalidate(key);
    }
}

/// Calls take real time, whatever clock tokens expire by.
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

    /// Calls of one secret, counted.
    struct Calls {
        flight: SingleFlight<usize>,
        begun: AtomicUsize,
        under_way: AtomicUsize,
        most: AtomicUsize,
        /// So many fail before the first that does not.
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
            self.flight
                .ask(secret_hash("secret"), call, |_| false)
                .await
        }

        fn begun(&self) -> usize {
            self.begun.load(Ordering::SeqCst)
        }
    }

    /// Whoever asks while it is under way waits for it, however long it takes.
    #[tokio::test]
    async fn a_call_that_takes_longer_than_its_answer_is_shared_is_one() {
        let calls = Calls::new(20, 300, 0);
        let late = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            calls.ask().await
        };
        let (first, late) = tokio::join!(calls.ask(), late);
        assert_eq!((first.unwrap(), late.unwrap()), (1, 1));
        assert_eq!(calls.begun(), 1);
    }

    /// Who hears late of a failure does not take away the call that another began meanwhile.
    #[tokio::test]
    async fn however_many_ask_anew_after_a_failure_one_call_is_under_way() {
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
