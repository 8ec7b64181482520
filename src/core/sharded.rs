//! Per-thread shards of a value, to avoid cache-line contention.

use std::array;
use std::sync::atomic::{AtomicUsize, Ordering};

const STRIPES: usize = 16;

/// A shard, aligned so that no two share a cache line.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe<T>(T);

/// A fixed number of shards; with more threads, several share one.
#[derive(Debug)]
pub(crate) struct Striped<T>([Stripe<T>; STRIPES]);

impl<T> Striped<T> {
    pub(crate) fn new(mut each: impl FnMut() -> T) -> Self {
        Self(array::from_fn(|_| Stripe(each())))
    }

    /// Returns the current thread's shard.
    pub(crate) fn mine(&self) -> &T {
        thread_local! {
            static STRIPE: usize = {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES
            };
        }
        // While the thread is being destroyed, any shard is correct.
        let stripe = STRIPE.try_with(|stripe| *stripe).unwrap_or(0);
        &self.0[stripe % STRIPES].0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|stripe| &stripe.0)
    }
}
