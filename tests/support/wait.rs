//! Waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(2);

/// Waits until a condition holds, at most 30 s; returns how long that took.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "not within 30 s: {what}");
        tokio::time::sleep(STEP).await;
    }
    begun.elapsed()
}

/// The same outside of a runtime.
pub(crate) fn until_blocking(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not within 30 s: {what}");
        std::thread::sleep(STEP);
    }
}
