//! Calls of a [`SingleFlight`] that run in tasks of their own.

use crate::core::error::{Error, ErrorKind};
use crate::core::single_flight::{Call, Ended, PATIENCE, SingleFlight};
use std::{future::Future, hash::Hash};

impl<K, T> SingleFlight<K, T>
where
    K: Clone + Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Like [`ask`](Self::ask), but the call runs in a task of its own and is never cancelled.
    ///
    /// # Errors
    /// The errors of the call; [`ErrorKind::Unavailable`] if it was interrupted, or outside a tokio
    /// runtime.
    pub(crate) async fn ask_detached<F>(
        &self,
        key: K,
        call: impl FnOnce() -> F,
        lasts: impl Fn(&Result<T, Error>) -> bool,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let outage = |message| Error::new(ErrorKind::Unavailable, message);
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| outage("this call needs a tokio runtime"))?;
        let begin = || {
            let call = call();
            Call::spawn(&runtime, async { Ended::now(call.await) })
        };
        let (shared, _) = self.share(&key, begin, lasts);
        match shared.answer_within(PATIENCE).await {
            Ok(ended) => ended.answer,
            Err(_) => Err(outage("the call was interrupted")),
        }
    }

    /// Forgets the last answer, so that the next caller makes a new call.
    pub(crate) fn forget(&self, key: &K) {
        self.calls.invalidate(key);
    }

    /// Forgets all answers, and lets no new caller join a running call.
    pub(crate) fn forget_all(&self) {
        self.calls.invalidate_all();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Counted calls with one key.
    struct Calls {
        flight: SingleFlight<&'static str, usize>,
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
                    false => Err(Error::new(ErrorKind::Unavailable, "not yet")),
                }
            };
            self.flight.ask_detached("key", call, |_| false).await
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

    /// A caller who may not wait for an older call makes its own.
    #[tokio::test]
    async fn a_call_is_joined_only_for_its_time() {
        for (joined_for, expected) in [(Duration::ZERO, [1, 2]), (PATIENCE, [1, 1])] {
            let flight = SingleFlight::<_, usize>::shared_for(PATIENCE).joined_for(joined_for);
            let begun = AtomicUsize::new(0);
            let ask = || {
                let call = || async {
                    let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
                    tokio::task::yield_now().await;
                    Ok(number)
                };
                flight.ask("key", call, |_| true)
            };
            let (first, second) = tokio::join!(ask(), ask());
            assert_eq!([first.unwrap(), second.unwrap()], expected);
        }
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

    /// If the caller that runs the call is cancelled, a waiting caller runs its own.
    #[tokio::test]
    async fn a_waiter_takes_over_from_a_cancelled_caller() {
        let flight = Arc::new(SingleFlight::<_, u32>::shared_for(Duration::from_secs(1)));
        let first = tokio::spawn({
            let flight = flight.clone();
            async move { flight.ask("key", std::future::pending, |_| true).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let waiting: Vec<_> = (0..10)
            .map(|number| {
                let flight = flight.clone();
                tokio::spawn(async move {
                    flight.ask("key", || async move { Ok(number) }, |_| true).await.unwrap()
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        first.abort();
        let mut answers = Vec::new();
        for waiting in waiting {
            answers.push(waiting.await.unwrap());
        }
        assert_eq!(answers, [answers[0]; 10]);
    }
}
