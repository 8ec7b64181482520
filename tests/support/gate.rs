//! A gate at which handlers, stores and servers wait until the test lets them go on.

use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// Open at first. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Gate(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    closed: bool,
    /// How many may still pass the closed gate.
    permits: usize,
    waiting: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(State::default()))
    }
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let gate = Self::default();
        gate.close();
        gate
    }

    pub(crate) fn close(&self) {
        self.0.send_modify(|state| (state.closed, state.permits) = (true, 0));
    }

    pub(crate) fn open(&self) {
        self.0.send_modify(|state| (state.closed, state.permits) = (false, 0));
    }

    /// Lets one of those who wait pass, and stays closed.
    pub(crate) fn let_one_pass(&self) {
        self.0.send_modify(|state| state.permits += 1);
    }

    /// Waits while the gate is closed.
    pub(crate) async fn pass(&self) {
        let mut changes = self.0.subscribe();
        self.0.send_modify(|state| state.waiting += 1);
        let mut waiting = Waiting { gate: self, passed: false };
        while !waiting.pass() {
            changes.changed().await.unwrap();
        }
    }

    /// Waits until so many wait at the gate, besides those who may pass.
    pub(crate) async fn until_waiting(&self, count: usize) {
        let mut changes = self.0.subscribe();
        let reached = changes.wait_for(|state| state.waiting == count + state.permits);
        let reached = timeout(PATIENCE, reached).await;
        reached.unwrap_or_else(|_| panic!("not within 30 s: {count} wait at the gate")).unwrap();
    }
}

/// One who waits; it may give up.
struct Waiting<'a> {
    gate: &'a Gate,
    passed: bool,
}

impl Waiting<'_> {
    fn pass(&mut self) -> bool {
        self.gate.0.send_if_modified(|state| {
            self.passed = !state.closed || state.permits > 0;
            if self.passed {
                state.waiting -= 1;
                state.permits = state.permits.saturating_sub(1);
            }
            self.passed
        });
        self.passed
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.passed {
            self.gate.0.send_modify(|state| state.waiting -= 1);
        }
    }
}

/// A place where operations overlap: each waits there for another, for a few milliseconds at most.
#[derive(Debug, Default)]
pub(crate) struct Meeting(Notify);

impl Meeting {
    pub(crate) async fn meet(&self) {
        self.0.notify_waiters();
        let _ = timeout(Duration::from_millis(2), self.0.notified()).await;
    }
}
