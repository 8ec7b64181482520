//! The share of a thread's recent time that went into checks of tokens that then failed.

use std::cell::Cell;
use std::time::Duration;

/// One tenth of the time of a thread may go into failed checks.
const SHARE: u32 = 10;
/// A tenth of the last 100 ms. Above it, the thread's checks go to the pool.
const LIMIT: Duration = Duration::from_millis(10);

/// A leaky bucket: failed checks fill it, and it drains by a [`SHARE`] of the time that passes.
#[derive(Clone, Copy, Default)]
struct Bucket {
    level: Duration,
    at: Duration,
}

impl Bucket {
    fn drained(self, now: Duration) -> Self {
        // Verifiers of a thread may have different clocks.
        let passed = now.checked_sub(self.at).unwrap_or(Duration::MAX);
        Self { level: self.level.saturating_sub(passed / SHARE), at: now }
    }

    fn filled(self, spent: Duration, now: Duration) -> Self {
        let Self { level, at } = self.drained(now);
        // The limit twice: the thread checks for itself again 100 ms after a flood ended.
        Self { level: level.saturating_add(spent).min(2 * LIMIT), at }
    }

    fn is_over(self, now: Duration) -> bool {
        self.drained(now).level >= LIMIT
    }
}

thread_local! {
    static BUCKET: Cell<Bucket> = const { Cell::new(Bucket { level: Duration::ZERO, at: Duration::ZERO }) };
}

/// Adds the time of a failed check to this thread's, wherever the check ran.
pub(super) fn add(spent: Duration, now: Duration) {
    // While the thread is being destroyed, nothing is counted.
    let _ = BUCKET.try_with(|bucket| bucket.set(bucket.get().filled(spent, now)));
}

/// Returns whether this thread spent more than a tenth of its recent time on failed checks.
pub(super) fn is_over(now: Duration) -> bool {
    BUCKET.try_with(|bucket| bucket.get().is_over(now)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_tenth_of_the_time_may_fail() {
        let mut bucket = Bucket::default();
        for number in 1..=10_000 {
            bucket = bucket.filled(MILLI / 10, number * MILLI);
            assert!(!bucket.is_over(number * MILLI), "after {number} ms");
        }
    }

    #[test]
    fn more_is_over_the_limit_until_the_failures_end() {
        let mut bucket = Bucket::default();
        let mut number = 0;
        while !bucket.is_over(number * MILLI) {
            number += 1;
            bucket = bucket.filled(MILLI / 2, number * MILLI);
        }
        assert!((20..=26).contains(&number), "over after {number} ms");
        for more in 1..=1000 {
            bucket = bucket.filled(MILLI / 2, (number + more) * MILLI);
        }
        let ended = (number + 1000) * MILLI;
        assert!(bucket.is_over(ended + 99 * MILLI));
        assert!(!bucket.is_over(ended + 101 * MILLI));
    }

    #[test]
    fn another_clock_starts_over() {
        let bucket = Bucket::default().filled(LIMIT, Duration::from_secs(1000));
        assert!(!bucket.is_over(Duration::from_secs(1)));
    }
}
