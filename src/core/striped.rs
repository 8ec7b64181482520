//! One of a thing for each thread: what all threads write to is slow for all of them.

use std::array;
use std::sync::atomic::{AtomicUsize, Ordering};

const STRIPES: usize = 16;

/// So far apart that no two share a line of a processor's cache.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe<T>(T);

/// As many of a thing as keeps threads apart; threads beyond that share.
#[derive(Debug)]
pub(crate) struct Striped<T>([Stripe<T>; STRIPES]);

impl<T> Striped<T> {
    pub(crate) fn new(mut each: impl FnMut() -> T) -> Self {
        Self(array::from_fn(|_| Stripe(each())))
    }

    /// This thread's.
    pub(crate) fn mine(&self) -> &T {
        thread_local! {
            static STRIPE: usize = {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES
            };
        }
        // During a thread's end any will do.
        let stripe = STRIPE.try_with(|stripe| *stripe).unwrap_or(0);
        &self.0[stripe % STRIPES].0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|stripe| &stripe.0)
    }
}
