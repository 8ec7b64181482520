//! A circuit breaker: spares a server that fails, and its callers the wait.

use crate::core::refreshing::SHORT_PAUSE;
use crate::core::{Clock, Error, SystemClock, lock};
use std::{sync::Mutex, time::Duration};

/// Closed while calls succeed. After a failure it is open: one call per pause is attempted, however
/// long earlier attempts take, and other callers get the last error. A success closes it. The pause
/// bounds how late the first success is.
#[derive(Default)]
pub(super) struct Breaker(Mutex<Option<Open>>);

struct Open {
    error: Error,
    /// When the next call is attempted, in monotonic time.
    next: Duration,
}

impl Breaker {
    /// Lets a call through.
    ///
    /// # Errors
    /// The last failure, if the server is to be spared.
    pub(super) fn admit(&self) -> Result<(), Error> {
        let now = SystemClock.monotonic();
        let mut state = lock(&self.0);
        let Some(open) = &mut *state else {
            return Ok(());
        };
        match open.next.checked_sub(now).filter(|left| !left.is_zero()) {
            Some(left) => {
                let error = open.error.clone().with_retry_after(left);
                Err(error.map_message(|message| format!("{message} (a moment ago)")))
            }
            None => {
                open.next = now + SHORT_PAUSE;
                Ok(())
            }
        }
    }

    /// Notes a success.
    pub(super) fn close(&self) {
        *lock(&self.0) = None;
    }

    /// Notes a failure.
    ///
    /// The first one is followed by an attempt at once: it may concern one connection only.
    pub(super) fn open(&self, error: &Error) {
        let mut state = lock(&self.0);
        let next = state.as_ref().map_or(Duration::ZERO, |open| open.next);
        *state = Some(Open { error: error.clone(), next });
    }
}
