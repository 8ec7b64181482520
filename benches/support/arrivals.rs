//! Texts as requests bring them.

use super::undisturbed;
use std::time::{Duration, Instant};

/// Texts in a given order, over and over, each copied to where a request would have just been
/// read: what is measured is the look-up, not the sender's memory.
pub(crate) struct Arrivals<'t> {
    tokens: &'t [String],
    order: &'t [usize],
    next: usize,
    arrived: Vec<String>,
}

impl<'t> Arrivals<'t> {
    /// As many as stay in the nearest cache.
    pub(crate) const BATCH: usize = 32;

    pub(crate) fn new(tokens: &'t [String], order: &'t [usize]) -> Self {
        Self {
            tokens,
            order,
            next: 0,
            arrived: vec![String::new(); Self::BATCH],
        }
    }

    fn receive(&mut self) {
        for token in &mut self.arrived {
            token.clone_from(&self.tokens[self.order[self.next % self.order.len()]]);
            self.next += 1;
        }
    }

    /// Nanoseconds that `work` takes for each of about `count` tokens.
    pub(crate) fn nanos_each(&mut self, count: usize, mut work: impl FnMut(&str)) -> f64 {
        self.batches(count, |arrived| {
            let start = Instant::now();
            arrived.iter().for_each(|token| work(token));
            start.elapsed()
        })
    }

    /// The same where `timed` says how long a batch took.
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
