//! A clock that holds the threads of a verification pool until the test lets them go on.

use super::wait::until_blocking;
use jamguard::Clock;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Open at first. A good token passes here in the pool, after the check of its signature.
#[derive(Clone)]
pub(crate) struct HeldClock(Arc<Inner>);

struct Inner {
    now: u64,
    monotonic_millis: AtomicU64,
    step_millis: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: bool,
    permits: usize,
    waiting: usize,
}

impl HeldClock {
    pub(crate) fn at(now: u64) -> Self {
        Self(Arc::new(Inner {
            now,
            monotonic_millis: AtomicU64::new(1_000_000),
            step_millis: AtomicU64::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    pub(crate) fn hold(&self) {
        self.0.state.lock().unwrap().held = true;
    }

    pub(crate) fn release(&self) {
        self.0.state.lock().unwrap().held = false;
        self.0.changed.notify_all();
    }

    /// Lets one token pass, and waits until it has.
    pub(crate) fn let_one_pass(&self) {
        self.0.state.lock().unwrap().permits += 1;
        self.0.changed.notify_all();
        until_blocking("one passes", || self.0.state.lock().unwrap().permits == 0);
    }

    /// Whether a thread of the pool is held.
    pub(crate) fn holds_one(&self) -> bool {
        self.0.state.lock().unwrap().waiting == 1
    }

    pub(crate) fn advance_at_each_reading(&self, time: Duration) {
        self.0.step_millis.store(time.as_millis() as u64, SeqCst);
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.monotonic_millis.fetch_add(time.as_millis() as u64, SeqCst);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Duration {
        if std::thread::current().name() == Some("jamguard-verify") {
            let mut state = self.0.state.lock().unwrap();
            state.waiting += 1;
            while state.held && state.permits == 0 {
                state = self.0.changed.wait(state).unwrap();
            }
            state.waiting -= 1;
            state.permits = state.permits.saturating_sub(1);
        }
        Duration::from_secs(self.0.now)
    }

    fn monotonic(&self) -> Duration {
        let step = self.0.step_millis.load(SeqCst);
        Duration::from_millis(self.0.monotonic_millis.fetch_add(step, SeqCst))
    }
}
