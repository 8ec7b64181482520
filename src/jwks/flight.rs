//! One fetch at a time, and when the next may start.

use crate::core::error::{Error, ErrorKind};
use crate::jose::KeySet;
use crate::token::keys::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) type Outcome = Result<Arc<KeySet>, Error>;

/// While keys are there, failures are retried ever more seldom.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// While there are none, users wait: an issuer that is back serves within a second.
const BACKOFF_WITHOUT_KEYS: Duration = Duration::from_millis(500);

/// The fetches of one key set; times are monotonic.
#[derive(Default)]
pub(crate) struct Flights {
    pub(crate) current: Option<watch::Receiver<Option<Outcome>>>,
    failures: u32,
    /// Not to be fetched before, after failures.
    not_before: Duration,
    /// When the next unknown key may cause a fetch.
    unknown_key_at: Duration,
}

impl Flights {
    /// How long the back-off still lasts.
    pub(crate) fn backoff_left(&self, now: Duration) -> Option<Duration> {
        self.not_before
            .checked_sub(now)
            .filter(|left| !left.is_zero())
    }

    pub(crate) fn in_cooldown(&self, now: Duration) -> bool {
        now < self.unknown_key_at
    }

    pub(crate) fn begin_cooldown(&mut self, until: Duration) {
        self.unknown_key_at = until;
    }

    pub(crate) fn failing(&self) -> bool {
        self.failures > 0
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = Duration::ZERO;
    }

    /// Notes a failure; the pause before the next try.
    pub(crate) fn failed(&mut self, now: Duration, have_keys: bool) -> Duration {
        let pause = if have_keys {
            BACKOFF_CAP.min(Duration::from_secs(1 << self.failures.min(6)))
        } else {
            BACKOFF_WITHOUT_KEYS
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + pause;
        pause
    }

    /// A fetch that ended without a result: its runtime stopped, or a user's fetcher panicked.
    /// The issuer is not to blame, so the first time the next request tries at once.
    pub(crate) fn aborted(&mut self, now: Duration, have_keys: bool) -> Duration {
        let first = self.failures == 0;
        let pause = self.failed(now, have_keys);
        if !first {
            return pause;
        }
        self.not_before = now;
        Duration::ZERO
    }
}

/// Waits for a fetch that somebody started.
pub(crate) fn join(mut fetch: watch::Receiver<Option<Outcome>>) -> BoxFuture<Outcome> {
    Box::pin(async move {
        match fetch.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            _ => Err(unavailable("the fetch of the key set was interrupted")),
        }
    })
}

pub(crate) fn unavailable(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_retry_after(BACKOFF_WITHOUT_KEYS)
}
