//! A cached value with background renewal: one fetch at a time, independent of its callers.

use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Longer than any fetch takes; a fetch that runs longer is treated as lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// Minimum time between a failed fetch and the next one.
const PAUSE: Duration = Duration::from_millis(500);

type Answer<T> = Option<Result<T, Error>>;

/// A fetched value; its times count from the start of the fetch.
pub(crate) struct Fresh<T> {
    pub(crate) value: T,
    /// Age at which it is fetched again, in the background.
    pub(crate) renew_after: Duration,
    /// Age until which it is used while renewal fails.
    pub(crate) usable_for: Duration,
}

pub(crate) struct Aging<T>(Arc<Inner<T>>);

struct Inner<T> {
    clock: Arc<dyn Clock>,
    state: Mutex<State<T>>,
}

/// All times are monotonic.
struct State<T> {
    value: Option<Aged<T>>,
    flight: Option<Flight<T>>,
    failed: Option<(Error, Duration)>,
}

struct Aged<T> {
    value: T,
    renew_at: Duration,
    usable_until: Duration,
}

struct Flight<T> {
    wait: watch::Receiver<Answer<T>>,
    overdue_at: Duration,
}

impl<T: Clone + Send + Sync + 'static> Aging<T> {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            clock,
            state: Mutex::new(State { value: None, flight: None, failed: None }),
        }))
    }

    /// Returns the value; while it is usable, callers do not wait for a renewal.
    ///
    /// # Errors
    /// The error of the fetch, or of a previous one that failed a moment ago;
    /// [`ErrorKind::Unavailable`] if it was interrupted, or outside a tokio runtime.
    pub(crate) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Fresh<T>, Error>> + Send + 'static,
    {
        let mut wait = match self.look(fetch) {
            Ok(value) => return value,
            Err(wait) => wait,
        };
        match tokio::time::timeout(PATIENCE, wait.wait_for(Option::is_some)).await {
            Ok(Ok(answer)) => answer.clone(),
            // The runtime that ran the fetch has stopped or stalled.
            _ => None,
        }
        .unwrap_or_else(|| Err(outage("the fetch was interrupted")))
    }

    /// Returns the result if it is known now, or the fetch to wait for.
    fn look<F>(
        &self,
        fetch: impl FnOnce() -> F,
    ) -> Result<Result<T, Error>, watch::Receiver<Answer<T>>>
    where
        F: Future<Output = Result<Fresh<T>, Error>> + Send + 'static,
    {
        let inner = &self.0;
        let now = inner.clock.monotonic();
        let mut state = inner.state();
        let usable = state.value.as_ref().filter(|aged| now < aged.usable_until);
        let fresh = usable.is_some_and(|aged| now < aged.renew_at);
        let usable = usable.map(|aged| aged.value.clone());
        if let Some(value) = usable.clone().filter(|_| fresh) {
            return Ok(Ok(value));
        }
        if let Some((error, until)) = &state.failed
            && now < *until
        {
            return Ok(usable.ok_or_else(|| error.clone()));
        }
        let wait = match state.flight.as_ref().filter(|flight| flight.is_on(now)) {
            Some(flight) => flight.wait.clone(),
            None => match inner.depart(&mut state, now, fetch) {
                Ok(wait) => wait,
                Err(error) => return Ok(usable.ok_or(error)),
            },
        };
        match usable {
            Some(value) => Ok(Ok(value)),
            None => Err(wait),
        }
    }

    /// Discards the value if it is useless, so that the next call fetches it.
    pub(crate) fn forget_if(&self, useless: impl FnOnce(&T) -> bool) {
        self.0.state().value.take_if(|aged| useless(&aged.value));
    }
}

impl<T> Flight<T> {
    /// Whether the fetch may still complete.
    fn is_on(&self, now: Duration) -> bool {
        now < self.overdue_at && self.wait.has_changed().is_ok()
    }
}

impl<T: Clone + Send + Sync + 'static> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Poisoning is ignored: code under the lock only clones and compares.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn depart<F>(
        self: &Arc<Self>,
        state: &mut State<T>,
        now: Duration,
        fetch: impl FnOnce() -> F,
    ) -> Result<watch::Receiver<Answer<T>>, Error>
    where
        F: Future<Output = Result<Fresh<T>, Error>> + Send + 'static,
    {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| outage("this fetch needs a tokio runtime"))?;
        let (done, wait) = watch::channel(None);
        state.flight = Some(Flight { wait: wait.clone(), overdue_at: now + PATIENCE });
        let (inner, fetch) = (self.clone(), fetch());
        runtime.spawn(async move {
            let answer = inner.land(fetch.await, now);
            done.send_replace(Some(answer));
        });
        Ok(wait)
    }

    fn land(&self, fetched: Result<Fresh<T>, Error>, departed: Duration) -> Result<T, Error> {
        let now = self.clock.monotonic();
        let mut state = self.state();
        state.flight = None;
        match fetched {
            Ok(fresh) => {
                state.failed = None;
                state.value = Some(Aged {
                    value: fresh.value.clone(),
                    renew_at: departed.saturating_add(fresh.renew_after),
                    usable_until: departed.saturating_add(fresh.usable_for),
                });
                Ok(fresh.value)
            }
            Err(error) => {
                telemetry::warn("a fetch from an OAuth2 provider failed", &error);
                state.failed = Some((error.clone(), now + PAUSE));
                Err(error)
            }
        }
    }
}

fn outage(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}
