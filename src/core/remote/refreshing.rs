//! A cached value that is refreshed ahead of its expiry, by one fetch at a time.

use crate::core::clock::{Clock, millis};
use crate::core::error::{Error, ErrorKind};
use crate::core::single_flight::{Call, PATIENCE};
use crate::core::{detached::Lost, lock::lock, telemetry};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::{future::Future, time::Duration};

/// Upper bound of the back-off without a usable value: callers are waiting.
pub(crate) const SHORT_PAUSE: Duration = Duration::from_millis(500);

/// The origin of a [`Refreshing`] value.
pub(crate) trait Source: Send + Sync + 'static {
    type Value: Clone + Send + Sync + 'static;

    /// The value's name in error messages.
    const NAME: &'static str;
    /// Upper bound of the exponential back-off, from 1 s, while a usable value exists.
    const MAX_PAUSE: Duration = SHORT_PAUSE;

    /// Returns a fetch, which runs in a task of its own.
    fn fetch(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<Fresh<Self::Value>, Error>> + Send + 'static;

    /// Returns the time after which a fetch is treated as lost.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Returns the value to keep after a fetch at the monotonic time `now`.
    fn merge(&self, _known: Option<&Self::Value>, new: Self::Value, _now: Duration) -> Self::Value {
        new
    }

    /// Logs the failure of a fetch. Returns the error for callers that waited for it.
    fn failed(&self, error: Error, _pause: Duration) -> Error {
        telemetry::warn("a fetch failed", &format_args!("{}: {error}", Self::NAME));
        error
    }

    /// Returns the error for callers within the back-off, of which `left` remains.
    fn refused(&self, error: &Error, _left: Duration) -> Error {
        error.clone()
    }
}

/// A fetched value; its times count from the start of the fetch.
pub(crate) struct Fresh<T> {
    pub(crate) value: T,
    /// Age at which it is fetched again, in the background.
    pub(crate) renew_after: Duration,
    /// Age until which it is used while renewal fails.
    pub(crate) usable_for: Duration,
}

/// A value that is fetched when needed, and again in the background before it expires.
///
/// Cheap to clone; clones share the value.
pub(crate) struct Refreshing<S: Source>(Arc<Inner<S>>);

struct Inner<S: Source> {
    source: Arc<S>,
    clock: Arc<dyn Clock>,
    /// Monotonic milliseconds: time of the next background fetch, or of giving up a running one.
    refresh_at: AtomicU64,
    /// Monotonic milliseconds: end of the value's use.
    usable_until: AtomicU64,
    state: Mutex<State<S::Value>>,
}

type Answer<T> = Result<T, Error>;

/// All times are monotonic.
struct State<T> {
    value: Option<T>,
    call: Option<Call<Answer<T>>>,
    /// Number of the latest fetch; a result of an earlier one is ignored.
    number: u64,
    /// When the fetch is given up, because its runtime is stalled.
    overdue_at: Duration,
    /// Failures in a row.
    failures: u32,
    failed_at: Duration,
    pause: Duration,
    error: Option<Error>,
}

impl<T> State<T> {
    fn fail(&mut self, error: Error, now: Duration, most: Duration) {
        self.pause = most.min(Duration::from_secs(1 << self.failures.min(6)));
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        self.error = Some(error);
    }
}

/// The answer to a caller.
pub(crate) enum Asked<T> {
    Known(Result<T, Error>),
    /// A fetch in progress, started by this or another caller.
    Wait(Call<Answer<T>>),
}

impl<S: Source> Clone for Refreshing<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Source> Refreshing<S> {
    pub(crate) fn new(source: S, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            source: Arc::new(source),
            clock,
            refresh_at: AtomicU64::new(0),
            usable_until: AtomicU64::new(0),
            state: Mutex::new(State {
                value: None,
                call: None,
                number: 0,
                overdue_at: Duration::ZERO,
                failures: 0,
                failed_at: Duration::ZERO,
                pause: Duration::ZERO,
                error: None,
            }),
        }))
    }

    pub(crate) fn source(&self) -> &S {
        &self.0.source
    }

    /// Returns the monotonic time.
    pub(crate) fn now(&self) -> Duration {
        self.0.clock.monotonic()
    }

    /// Returns the value, even if it is too old to use.
    pub(crate) fn value(&self) -> Option<S::Value> {
        self.0.state().value.clone()
    }

    /// Returns whether the value may be used, and starts a background fetch if one is due.
    pub(crate) fn is_usable(&self) -> bool {
        let now = self.now();
        if !self.0.usable_at(now) {
            return false;
        }
        if self.0.refresh_due(now) {
            let mut state = self.lock();
            // Checked again under the lock: another caller's fetch may already have completed.
            if self.0.refresh_due(state.now) && state.backoff_left().is_none() {
                state.join_or_start();
            }
        }
        true
    }

    /// Returns the value; callers wait only if there is no usable one.
    ///
    /// # Errors
    /// The error of the fetch, or of a previous one within the back-off;
    /// [`ErrorKind::Unavailable`] if it was interrupted, or outside a tokio runtime.
    pub(crate) async fn get(&self) -> Result<S::Value, Error> {
        if self.is_usable()
            && let Some(value) = self.value()
        {
            return Ok(value);
        }
        self.outcome(self.ask(), |this| Some(this.ask())).await
    }

    /// Returns the usable value, or the fetch to wait for.
    pub(crate) fn ask(&self) -> Asked<S::Value> {
        let mut state = self.lock();
        if let Some(value) = state.value()
            && self.0.usable_at(state.now)
        {
            return Asked::Known(Ok(value.clone()));
        }
        if let (None, Some(error)) = (state.running(), state.refusal()) {
            return Asked::Known(Err(error));
        }
        match state.join_or_start() {
            Some(call) => Asked::Wait(call),
            None => Asked::Known(Err(outage::<S>("can only be fetched inside a tokio runtime"))),
        }
    }

    /// Waits for the fetch. If it was interrupted, calls `again` once, as the cause may persist.
    pub(crate) async fn outcome(
        &self,
        asked: Asked<S::Value>,
        again: impl FnOnce(&Self) -> Option<Asked<S::Value>>,
    ) -> Result<S::Value, Error> {
        let mut answer = self.answer(asked).await;
        if matches!(answer, Err(Lost::Interrupted))
            && let Some(asked) = again(self)
        {
            answer = self.answer(asked).await;
        }
        match answer {
            // A newer value may have arrived while this task waited.
            Ok(Ok(fetched)) => Ok(self.value().unwrap_or(fetched)),
            Ok(Err(error)) => Err(error),
            Err(Lost::Interrupted) => Err(outage::<S>("could not be fetched: interrupted")),
            Err(Lost::Stalled) => Err(outage::<S>("could not be fetched: stalled")),
        }
    }

    async fn answer(&self, asked: Asked<S::Value>) -> Result<Answer<S::Value>, Lost> {
        match asked {
            Asked::Known(answer) => Ok(answer),
            Asked::Wait(call) => call.answer_within(self.0.source.patience()).await,
        }
    }

    /// Discards the value if it is useless, so that the next call fetches it.
    #[cfg(feature = "oauth2")]
    pub(crate) fn forget_if(&self, useless: impl FnOnce(&S::Value) -> bool) {
        let mut state = self.0.state();
        if state.value.take_if(|value| useless(value)).is_some() {
            self.0.usable_until.store(0, Ordering::Release);
        }
    }

    /// Locks the state, to decide about a fetch.
    pub(crate) fn lock(&self) -> Locked<'_, S> {
        let (now, mut state) = (self.now(), self.0.state());
        if state.call.take_if(|call| !call.is_running()).is_some() {
            // The source did not fail, so after the first time it is tried again at once.
            let first = state.failures == 0;
            state.fail(outage::<S>("could not be fetched: interrupted"), now, S::MAX_PAUSE);
            if first {
                state.pause = Duration::ZERO;
            }
            let pause = self.0.backoff_left(&state, now).unwrap_or_default();
            self.0.refresh_at.store(millis(now + pause), Ordering::Release);
        }
        Locked { inner: &self.0, state, now }
    }
}

/// The locked state of a value, at one moment.
pub(crate) struct Locked<'a, S: Source> {
    inner: &'a Arc<Inner<S>>,
    state: MutexGuard<'a, State<S::Value>>,
    /// Monotonic time.
    pub(crate) now: Duration,
}

impl<S: Source> Locked<'_, S> {
    pub(crate) fn value(&self) -> Option<&S::Value> {
        self.state.value.as_ref()
    }

    /// Returns the fetch in progress.
    pub(crate) fn running(&self) -> Option<Call<Answer<S::Value>>> {
        self.state.call.clone().filter(|_| self.now < self.state.overdue_at)
    }

    /// Returns whether the last fetch failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.state.failures > 0
    }

    fn backoff_left(&self) -> Option<Duration> {
        self.inner.backoff_left(&self.state, self.now)
    }

    /// Returns the error for callers within the back-off.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let (left, error) = (self.backoff_left()?, self.state.error.as_ref()?);
        Some(self.inner.source.refused(error, left))
    }

    /// Returns the fetch in progress, or a new one. `None` outside a tokio runtime.
    pub(crate) fn join_or_start(&mut self) -> Option<Call<Answer<S::Value>>> {
        if let Some(call) = self.running() {
            return Some(call);
        }
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let (inner, state, begun) = (self.inner, &mut *self.state, self.now);
        state.number += 1;
        state.overdue_at = begun + inner.source.patience();
        inner.refresh_at.store(millis(state.overdue_at), Ordering::Release);
        let fetch = Arc::clone(&inner.source).fetch();
        let landing = Landing { inner: inner.clone(), number: state.number, begun, landed: false };
        let call = Call::spawn(&runtime, async move { landing.land(fetch.await) });
        state.call = Some(call.clone());
        Some(call)
    }
}

impl<S: Source> Inner<S> {
    fn state(&self) -> MutexGuard<'_, State<S::Value>> {
        lock(&self.state)
    }

    fn usable_at(&self, now: Duration) -> bool {
        millis(now) < self.usable_until.load(Ordering::Acquire)
    }

    fn refresh_due(&self, now: Duration) -> bool {
        millis(now) >= self.refresh_at.load(Ordering::Acquire)
    }

    /// Returns the rest of the back-off, which is short without a usable value.
    fn backoff_left(&self, state: &State<S::Value>, now: Duration) -> Option<Duration> {
        let pause = match self.usable_at(now) {
            true => state.pause,
            false => state.pause.min(SHORT_PAUSE),
        };
        (state.failed_at + pause).checked_sub(now).filter(|left| !left.is_zero())
    }
}

/// A guard of a running fetch: notices if its task is dropped or panics.
struct Landing<S: Source> {
    inner: Arc<Inner<S>>,
    number: u64,
    begun: Duration,
    landed: bool,
}

impl<S: Source> Landing<S> {
    /// Applies the result of a fetch: a new value replaces the old, a failure keeps it.
    fn land(mut self, fetched: Result<Fresh<S::Value>, Error>) -> Answer<S::Value> {
        self.landed = true;
        let inner = &*self.inner;
        let now = inner.clock.monotonic();
        let mut state = inner.state();
        if state.number != self.number {
            // Given up in favour of another fetch, which may have brought a newer value.
            return Err(outage::<S>("could not be fetched: interrupted"));
        }
        state.call = None;
        match fetched {
            Ok(fresh) => {
                let value = inner.source.merge(state.value.as_ref(), fresh.value, now);
                state.value = Some(value.clone());
                (state.failures, state.pause) = (0, Duration::ZERO);
                let at = |age| millis(self.begun.saturating_add(age));
                inner.usable_until.store(at(fresh.usable_for), Ordering::Release);
                inner.refresh_at.store(at(fresh.renew_after), Ordering::Release);
                Ok(value)
            }
            Err(error) => {
                state.fail(error.clone(), now, S::MAX_PAUSE);
                let pause = inner.backoff_left(&state, now).unwrap_or_default();
                inner.refresh_at.store(millis(now + pause), Ordering::Release);
                drop(state);
                Err(inner.source.failed(error, pause))
            }
        }
    }
}

impl<S: Source> Drop for Landing<S> {
    fn drop(&mut self) {
        // Takes no lock: a runtime that is shutting down drops a task inside `spawn`.
        if !self.landed {
            self.inner.refresh_at.store(0, Ordering::Release);
            telemetry::warn("a fetch was interrupted", &S::NAME);
        }
    }
}

fn outage<S: Source>(what: &'static str) -> Error {
    let message = format!("{} {what}", S::NAME);
    Error::new(ErrorKind::Unavailable, message).with_retry_after(SHORT_PAUSE)
}
