//! Writers whose store is restarted: their answers, counted.

use super::wait::until;
use jamguard::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

#[derive(Default)]
pub(crate) struct Load {
    acknowledged: AtomicU64,
    refused: AtomicU64,
    stopped: AtomicBool,
}

impl Load {
    /// At most a thousand writes a second of each writer: refusals come at once.
    pub(crate) fn rate(&self) -> Interval {
        let mut rate = interval(Duration::from_millis(1));
        rate.set_missed_tick_behavior(MissedTickBehavior::Delay);
        rate
    }

    /// Counts the answer to a write, which may be an outage.
    pub(crate) fn count<T>(&self, answer: &Result<T, Error>) {
        let counter = match answer {
            Ok(_) => &self.acknowledged,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                &self.refused
            }
        };
        counter.fetch_add(1, SeqCst);
    }

    /// Waits until so many more writes are acknowledged.
    pub(crate) async fn more_acknowledged(&self, more: u64) {
        grows_by(more, &self.acknowledged, "writes are acknowledged").await;
    }

    /// Waits until so many more writes are refused.
    pub(crate) async fn more_refused(&self, more: u64) {
        grows_by(more, &self.refused, "writes are refused").await;
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(SeqCst)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(SeqCst)
    }
}

async fn grows_by(more: u64, counter: &AtomicU64, what: &str) {
    let wanted = counter.load(SeqCst) + more;
    until(what, async || counter.load(SeqCst) >= wanted).await;
}
