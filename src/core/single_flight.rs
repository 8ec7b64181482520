//! Single flight: concurrent callers of the same thing share one call.
//!
//! [`Call`] is one shared call, and [`SingleFlight`] shares calls by key. A
//! [`Refreshing`](crate::core::refreshing::Refreshing) value is kept current by such calls.

use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
#[cfg(feature = "client")]
use crate::core::error::ErrorKind;
use moka::sync::Cache;
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;
use tokio::sync::watch;

const MAX_KEYS: u64 = 100_000;
/// Longer than any call takes; a call that runs longer is treated as lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A call in progress, or its answer; clones wait for the same one.
#[derive(Clone)]
pub(crate) struct Call<T>(watch::Receiver<Option<T>>);

/// The end of a call that sends the answer; dropped without one, it interrupts the call.
pub(crate) type Answering<T> = watch::Sender<Option<T>>;

/// The reason why a call gave no answer.
#[cfg(feature = "client")]
pub(crate) enum Lost {
    /// Its task was dropped: the runtime stopped, or the call panicked.
    Interrupted,
    /// It takes too long: its runtime is stalled.
    Stalled,
}

impl<T: Clone> Call<T> {
    pub(crate) fn new() -> (Answering<T>, Self) {
        let (done, answer) = watch::channel(None);
        (done, Self(answer))
    }

    /// Returns whether the answer may still come.
    pub(crate) fn is_running(&self) -> bool {
        self.0.has_changed().is_ok()
    }

    /// Waits for the answer. Returns `None` if the call was interrupted.
    pub(crate) async fn answer(&mut self) -> Option<T> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

#[cfg(feature = "client")]
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

/// Calls in progress by key, and recent answers.
pub(crate) struct SingleFlight<K, T> {
    calls: Cache<K, Shared<T>>,
    shared_for: Duration,
    joined_for: Duration,
}

#[derive(Clone)]
struct Shared<T> {
    begun: Duration,
    call: Call<Ended<T>>,
}

#[derive(Clone)]
struct Ended<T> {
    at: Duration,
    answer: Result<T, Error>,
}

impl<T> Ended<T> {
    fn now(answer: Result<T, Error>) -> Self {
        Self { at: real_time(), answer }
    }
}

impl<T: Clone> Shared<T> {
    /// Whether a new caller of this flight can share the call or its answer.
    fn serves<K>(
        &self,
        flight: &SingleFlight<K, T>,
        lasts: impl Fn(&Result<T, Error>) -> bool,
    ) -> bool {
        let since = |moment| real_time().saturating_sub(moment);
        // Read first: a call that ends in between has its answer stored already.
        let is_running = self.call.is_running();
        match &*self.call.0.borrow() {
            Some(ended) => since(ended.at) < flight.shared_for && lasts(&ended.answer),
            None => is_running && since(self.begun) < flight.joined_for,
        }
    }
}

impl<K, T> SingleFlight<K, T>
where
    K: Clone + Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Returns a map that shares each answer for this long after its call ended.
    pub(crate) fn shared_for(time: Duration) -> Self {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        Self {
            calls: Cache::builder()
                .max_capacity(MAX_KEYS)
                // Must outlive every call, or a call would be made twice.
                .time_to_live(PATIENCE + time.min(YEAR))
                .build(),
            shared_for: time,
            joined_for: PATIENCE,
        }
    }

    /// Limits how long after its beginning a running call is joined. Default, and most: 60 s.
    pub(crate) fn joined_for(self, time: Duration) -> Self {
        Self { joined_for: time.min(PATIENCE), ..self }
    }

    /// Returns the shared call of a key, and whether it was begun just now.
    fn share(
        &self,
        key: &K,
        begin: impl FnOnce() -> Call<Ended<T>>,
        lasts: impl Fn(&Result<T, Error>) -> bool,
    ) -> (Call<Ended<T>>, bool) {
        let begin = || Shared { begun: real_time(), call: begin() };
        // Stale calls are replaced only here: if waiters removed them, one could remove the call
        // that another has just started.
        let useless = |known: &Shared<T>| !known.serves(self, &lasts);
        let entry = self.calls.entry_by_ref(key).or_insert_with_if(begin, useless);
        let is_new = entry.is_fresh();
        (entry.into_value().call, is_new)
    }

    /// Returns the answer of a shared call. If the caller that runs it is cancelled, another takes
    /// over.
    ///
    /// Answers that `lasts` rejects are not given to later callers.
    ///
    /// # Errors
    /// The errors of the call.
    pub(crate) async fn ask<F: Future<Output = Result<T, Error>>>(
        &self,
        key: K,
        call: impl FnOnce() -> F,
        lasts: impl Fn(&Result<T, Error>) -> bool,
    ) -> Result<T, Error> {
        loop {
            let (done, new) = Call::new();
            let (mut shared, is_new) = self.share(&key, || new, &lasts);
            if is_new {
                let answer = call().await;
                done.send_replace(Some(Ended::now(answer.clone())));
                return answer;
            }
            if let Some(ended) = shared.answer().await {
                return ended.answer;
            }
        }
    }

    /// Like [`ask`](Self::ask), but the call runs in a task of its own and is never cancelled.
    ///
    /// # Errors
    /// The errors of the call; [`ErrorKind::Unavailable`] if it was interrupted, or outside a tokio
    /// runtime.
    #[cfg(feature = "client")]
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
    #[cfg(feature = "client")]
    pub(crate) fn forget(&self, key: &K) {
        self.calls.invalidate(key);
    }
}

/// Calls take real time, independent of the clock that tokens expire by.
fn real_time() -> Duration {
    SystemClock.monotonic()
}

#[cfg(all(test, feature = "client"))]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    /// If the caller that runs the call is cancelled, one of those who wait runs theirs.
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
