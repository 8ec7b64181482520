//! Single flight: concurrent callers of the same thing share one call.
//!
//! [`Call`] is one shared call, and [`SingleFlight`] shares calls by key. A
//! [`Refreshing`](crate::core::refreshing::Refreshing) value is kept current by such calls.

use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use moka::sync::Cache;
use std::{future::Future, hash::Hash, time::Duration};
use tokio::sync::watch;

const MAX_KEYS: u64 = 100_000;
/// Longer than any call takes; a call that runs longer is treated as lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A call in progress, or its answer; clones wait for the same one.
#[derive(Clone)]
pub(crate) struct Call<T>(watch::Receiver<Option<T>>);

/// The end of a call that sends the answer; dropped without one, it interrupts the call.
pub(crate) type Answering<T> = watch::Sender<Option<T>>;

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

/// Calls in progress by key, and recent answers.
pub(crate) struct SingleFlight<K, T> {
    pub(super) calls: Cache<K, Shared<T>>,
    shared_for: Duration,
    joined_for: Duration,
}

#[derive(Clone)]
pub(super) struct Shared<T> {
    begun: Duration,
    call: Call<Ended<T>>,
}

#[derive(Clone)]
pub(super) struct Ended<T> {
    at: Duration,
    pub(super) answer: Result<T, Error>,
}

impl<T> Ended<T> {
    pub(super) fn now(answer: Result<T, Error>) -> Self {
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
    pub(super) fn share(
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
}

/// Calls take real time, independent of the clock that tokens expire by.
fn real_time() -> Duration {
    SystemClock.monotonic()
}
