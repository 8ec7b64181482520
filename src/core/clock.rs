//! Injected time; the only module that reads a system clock.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A pair of clocks: wall time for `exp` and `nbf`, monotonic time for cache lifetimes.
///
/// # Example
/// ```
/// use jamguard::Clock;
/// use std::time::Duration;
///
/// struct Frozen;
/// impl Clock for Frozen {
///     fn now(&self) -> Duration { Duration::from_secs(1_700_000_000) }
///     fn monotonic(&self) -> Duration { Duration::ZERO }
/// }
/// assert_eq!(Frozen.now().as_secs(), 1_700_000_000);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the time since the Unix epoch; may jump.
    fn now(&self) -> Duration;
    /// Returns the time since a fixed moment of this process; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The system's clocks.
///
/// # Example
/// ```
/// use jamguard::{Clock, SystemClock};
/// assert!(SystemClock.now().as_secs() > 1_700_000_000);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        since_epoch(SystemTime::now())
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// Returns the time since the Unix epoch; zero for an earlier time.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Returns the time that is this long after the Unix epoch, or the epoch if that is out of range.
pub(crate) fn system_time(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH)
}

/// Returns whole milliseconds, at most `u64::MAX`.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Like [`millis`], but rounded up.
pub(crate) fn millis_up(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The clock of a part of an authenticator: the part's own, until the authenticator is given one.
pub(crate) struct PartClock {
    own: Arc<dyn Clock>,
    followed: OnceLock<Arc<dyn Clock>>,
}

impl PartClock {
    pub(crate) fn new(own: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { own, followed: OnceLock::new() })
    }

    /// Replaces the part's own clock. The first authenticator with a clock decides.
    pub(crate) fn follow(&self, clock: &Arc<dyn Clock>) {
        self.followed.get_or_init(|| clock.clone());
    }

    #[inline]
    fn current(&self) -> &dyn Clock {
        &**self.followed.get().unwrap_or(&self.own)
    }
}

impl Clock for PartClock {
    #[inline]
    fn now(&self) -> Duration {
        self.current().now()
    }

    #[inline]
    fn monotonic(&self) -> Duration {
        self.current().monotonic()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}
