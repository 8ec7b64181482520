//! One fetch at a time, and when the next may start.

use crate::core::error::{Error, ErrorKind};
use crate::token::keys::Snapshot;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) type Outcome = Result<Snapshot, Error>;
type Wait = watch::Receiver<Option<Outcome>>;

/// While keys are there, failures are retried ever more seldom.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// While there are none, users wait: an issuer that is back serves within a second.
const BACKOFF_WITHOUT_KEYS: Duration = Duration::from_millis(500);

/// The fetches of one key set; times are monotonic.
#[derive(Default)]
pub(crate) struct Flights {
    current: Option<Flight>,
    departed: u64,
    failures: u32,
    failed_at: Duration,
    /// What the last failure was, for requests during the back-off.
    why: String,
    /// After failures: how long to leave the issuer alone.
    pause: Duration,
    /// When the next unknown key may cause a fetch.
    unknown_key_at: Duration,
    succeeded_at: Option<Duration>,
    /// Whether the fetch that began the cooldown brought other keys, and the log does not say yet
    /// that another unknown key followed.
    rotated: bool,
}

struct Flight {
    number: u64,
    wait: Wait,
    /// From then on it does not count: the runtime that it is on stands still.
    overdue_at: Duration,
}

impl Flights {
    /// The fetch that is under way.
    pub(crate) fn current(&self, now: Duration) -> Option<Wait> {
        let flight = self.current.as_ref()?;
        (now < flight.overdue_at).then(|| flight.wait.clone())
    }

    /// Notes a fetch that begins; its number.
    pub(crate) fn depart(&mut self, wait: Wait, overdue_at: Duration) -> u64 {
        self.departed += 1;
        self.current = Some(Flight {
            number: self.departed,
            wait,
            overdue_at,
        });
        self.departed
    }

    /// Notes that a fetch is over; whether its result counts.
    pub(crate) fn end(&mut self, number: u64) -> bool {
        self.current
            .take_if(|flight| flight.number == number)
            .is_some()
    }

    /// How long the back-off still lasts. Keys that grew too old meanwhile end a long one.
    pub(crate) fn backoff_left(&self, now: Duration, have_keys: bool) -> Option<Duration> {
        let pause = match have_keys {
            true => self.pause,
            false => self.pause.min(BACKOFF_WITHOUT_KEYS),
        };
        (self.failed_at + pause)
            .checked_sub(now)
            .filter(|left| !left.is_zero())
    }

    /// The answer to requests during the back-off.
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

    /// Whether a key is unknown although the keys changed within this cooldown; once per cooldown,
    /// so that invented keys do not fill the log.
    pub(crate) fn second_rotation(&mut self) -> bool {
        std::mem::take(&mut self.rotated)
    }

    /// When the keys were fetched, and when an unknown key causes the next fetch.
    pub(crate) fn age_note(&self, now: Duration) -> String {
        let since = |then: Duration| now.saturating_sub(then).as_secs();
        let fetched = match self.succeeded_at {
            Some(then) => format!("the key set was fetched {} s ago", since(then)),
            None => "the key set was not fetched yet".to_owned(),
        };
        let left = self.unknown_key_at.saturating_sub(now);
        // Rounded up: after so long it is over.
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

    /// A fetch that ended without a result: its runtime stopped, or a user's fetcher panicked.
    /// The issuer is not to blame, so the first time the next request tries at once.
    pub(crate) fn aborted(&mut self, now: Duration) {
        let first = self.failures == 0;
        self.failed(now, "the fetch of the key set was interrupted".to_owned());
        if first {
            self.pause = Duration::ZERO;
        }
    }
}

/// What a request for keys gets.
pub(crate) enum Asked {
    Answer(Outcome),
    /// The result of a fetch that somebody started.
    Wait(Wait),
}

impl Asked {
    /// Waits for at most `patience`. `None` where the fetch broke off.
    pub(crate) async fn outcome(self, patience: Duration) -> Option<Outcome> {
        let mut wait = match self {
            Self::Answer(outcome) => return Some(outcome),
            Self::Wait(wait) => wait,
        };
        let arrived = wait.wait_for(Option::is_some);
        // The fetch may be on another runtime than whoever waits, and that one may stand still.
        let arrived = match tokio::runtime::Handle::try_current() {
            Ok(_) => match tokio::time::timeout(patience, arrived).await {
                Ok(arrived) => arrived,
                Err(_) => return Some(Err(unavailable("the fetch of the key set stands still"))),
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
