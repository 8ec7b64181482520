//! Model checks: every order in which threads or tasks can interleave, up to a stated bound.
//!
//! The protocol of the near cache has a file of its own, which is compiled here a second time with the locks
//! and atomics of loom. Sessions are the library's own, over a store that yields before each operation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
mod sessions;

/// Explores all interleavings with at most this many preemptions of a thread.
fn explore(preemptions: usize, check: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    model.check(check);
}
