//! Single-flight schedule of key set fetches, with back-off and cooldown.

use crate::core::error::{Error, ErrorKind};
use crate::token::keys::Snapshot;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) type Outcome = Result<Snapshot, Error>;
type Wait = watch::Receiver<Option<Outcome>>;

/// Upper bound of the exponential back-off while usable keys exist.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// Upper bound without keys: users are waiting, so a recovered issuer is noticed quickly.
const BACKOFF_WITHOUT_KEYS: Duration = Duration::from_millis(500);

/// The fetch schedule of one key set. Times are monotonic.
#[derive(Default)]
pub(crate) struct Flights {
    current: Option<Flight>,
    departed: u64,
    failures: u32,
    failed_at: Duration,
    /// Message of the last failure, returned to requests during the back-off.
    why: String,
    /// Length of the back-off after the last failure.
    pause: Duration,
    /// Earliest time at which an unknown key may trigger a fetch.
    unknown_key_at: Duration,
    succeeded_at: Option<Duration>,
    /// Whether keys changed within this cooldown.
    ///
    /// Reset when a warning about another unknown key is logged.
    rotated: bool,
}

struct Flight {
    number: u64,
    wait: Wait,
    /// From this time on the flight is ignored: its runtime is stalled.
    overdue_at: Duration,
}

impl Flights {
    /// Returns the fetch in progress.
    pub(crate) fn current(&self, now: Duration) -> Option<Wait> {
        let flight = self.current.as_ref()?;
        (now < flight.overdue_at).then(|| flight.wait.clone())
    }

    /// Registers a fetch and returns its number.
    pub(crate) fn depart(&mut self, wait: Wait, overdue_at: Duration) -> u64 {
        self.departed += 1;
        self.current = Some(Flight { number: self.departed, wait, overdue_at });
        self.departed
    }

    /// Removes a finished fetch. Returns whether its result applies.
    pub(crate) fn end(&mut self, number: u64) -> bool {
        self.current.take_if(|flight| flight.number == number).is_some()
    }

    /// Returns the rest of the back-off, which is short once the keys are too old to use.
    pub(crate) fn backoff_left(&self, now: Duration, have_keys: bool) -> Option<Duration> {
        let pause = match have_keys {
            true => self.pause,
            false => self.pause.min(BACKOFF_WITHOUT_KEYS),
        };
        (self.failed_at + pause).checked_sub(now).filter(|left| !left.is_zero())
    }

    /// Returns the error for requests during the back-off.
    pub(crate) fn refusal(&self, left: Duration) -> Error {
        unavailable(format!("{} (a moment ago)", self.why)).with_retry_after(left)
    }

    pub(crate) fn in_cooldown(&self, now: Duration) -> bool {
        now < self.unknown_key_at
    }

    pub(crate) fn begin_cooldown(&mut self, until: Duration) {
        self.unknown_key_at = until;
        self.rotated = false;
    }

    /// Returns whether a key is unknown although the keys changed within this cooldown.
    ///
    /// True once per cooldown, so that invented key ids do not flood the log.
    pub(crate) fn second_rotation(&mut self) -> bool {
        std::mem::take(&mut self.rotated)
    }

    /// Describes when the keys were fetched and when an unknown key may trigger a fetch.
    pub(crate) fn age_note(&self, now: Duration) -> String {
        let since = |then: Duration| now.saturating_sub(then).as_secs();
        let fetched = match self.succeeded_at {
            Some(then) => format!("the key set was fetched {} s ago", since(then)),
            None => "the key set was not fetched yet".to_owned(),
        };
        let left = self.unknown_key_at.saturating_sub(now);
        // Rounded up, so that the cooldown is over after the stated time.
        let left = left.as_millis().div_ceil(1000);
        format!(
            "{fetched}, and an unknown key causes the next fetch in {left} s at the earliest (.cooldown(…))"
        )
    }

    pub(crate) fn failing(&self) -> bool {
        self.failures > 0
    }

    pub(crate) fn succeeded(&mut self, now: Duration, changed: bool) {
        self.succeeded_at = Some(now);
        self.rotated |= changed && self.in_cooldown(now);
        self.failures = 0;
        self.pause = Duration::ZERO;
    }

    pub(crate) fn failed(&mut self, now: Duration, why: String) {
        self.why = why;
        self.pause = BACKOFF_CAP.min(Duration::from_secs(1 << self.failures.min(6)));
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
    }

    /// Records a fetch without a result: its runtime stopped, or a custom fetcher panicked.
    ///
    /// The issuer did not fail, so after the first time the next request tries again at once.
    pub(crate) fn aborted(&mut self, now: Duration) {
        let first = self.failures == 0;
        self.failed(now, "the fetch of the key set was interrupted".to_owned());
        if first {
            self.pause = Duration::ZERO;
        }
    }
}

/// The response to a request for keys.
pub(crate) enum Asked {
    Answer(Outcome),
    /// A fetch in progress, started by this or another request.
    Wait(Wait),
}

impl Asked {
    /// Waits for at most `patience`. Returns `None` if the fetch broke off.
    pub(crate) async fn outcome(self, patience: Duration) -> Option<Outcome> {
        let mut wait = match self {
            Self::Answer(outcome) => return Some(outcome),
            Self::Wait(wait) => wait,
        };
        let arrived = wait.wait_for(Option::is_some);
        // The fetch may run on another runtime than this task, and that runtime may be stalled.
        let arrived = match tokio::runtime::Handle::try_current() {
            Ok(_) => match tokio::time::timeout(patience, arrived).await {
                Ok(arrived) => arrived,
                Err(_) => return Some(Err(unavailable("the fetch of the key set is stalled"))),
            },
            Err(_) => arrived.await,
        };
        arrived.ok().and_then(|outcome| outcome.clone())
    }
}

pub(crate) fn interrupted() -> Error {
    unavailable("the fetch of the key set was interrupted")
}

pub(crate) fn unavailable(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_retry_after(BACKOFF_WITHOUT_KEYS)
}
