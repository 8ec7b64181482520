//! A source of freshly copied tokens, as they arrive with requests.

use super::undisturbed;
use std::time::{Duration, Instant};

/// An endless sequence of tokens in a given order.
///
/// Each is copied first, like a request that was just read: the measurement covers the look-up,
/// not cache misses on the original text.
pub(crate) struct Arrivals<'t> {
    tokens: &'t [String],
    order: &'t [usize],
    next: usize,
    arrived: Vec<String>,
}

impl<'t> Arrivals<'t> {
    /// The batch size; small enough for the L1 cache.
    pub(crate) const BATCH: usize = 32;

    pub(crate) fn new(tokens: &'t [String], order: &'t [usize]) -> Self {
        Self { tokens, order, next: 0, arrived: vec![String::new(); Self::BATCH] }
    }

    fn receive(&mut self) {
        for token in &mut self.arrived {
            token.clone_from(&self.tokens[self.order[self.next % self.order.len()]]);
            self.next += 1;
        }
    }

    /// Returns the nanoseconds that `work` takes per token, over about `count` tokens.
    pub(crate) fn nanos_each(&mut self, count: usize, mut work: impl FnMut(&str)) -> f64 {
        self.batches(count, |arrived| {
            let start = Instant::now();
            arrived.iter().for_each(|token| work(token));
            start.elapsed()
        })
    }

    /// Returns the nanoseconds per token, from the duration that `timed` returns for each batch.
    pub(crate) fn batches(
        &mut self,
        count: usize,
        mut timed: impl FnMut(&[String]) -> Duration,
    ) -> f64 {
        let batches = count.div_ceil(Self::BATCH);
        let times = (0..batches).map(|_| {
            self.receive();
            timed(&self.arrived)
        });
        undisturbed(times) / Self::BATCH as f64
    }
}
