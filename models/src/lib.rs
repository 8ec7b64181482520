//! Model checks: every order in which threads can interleave, up to a stated bound.
//!
//! A protocol has a file of its own in jamguard, which is compiled here with the locks and atomics of loom.
#![cfg(test)]
#![allow(clippy::unwrap_used)]

mod core {
    pub(crate) mod sync {
        pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
        pub(crate) use loom::sync::{Mutex, MutexGuard};

        pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
            mutex.lock().unwrap()
        }
    }
}

#[path = "../../src/store/freshness.rs"]
#[allow(dead_code)]
mod freshness;
mod near;

/// Explores all interleavings with at most this many preemptions of a thread.
fn explore(preemptions: usize, check: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    model.check(check);
}
