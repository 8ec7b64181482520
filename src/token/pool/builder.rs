//! The builder of [`VerificationPool`].

use super::handle::VerificationPool;
use crate::core::settings::options;
use crate::core::{Error, debug_fields, ensure};

const MAX_THREADS: usize = 1024;
const MAX_QUEUE_LENGTH: usize = 1_000_000;

options! {
    /// Threads that check costly signatures, beside those that serve requests.
    VerificationPoolOptions {
        /// Number of threads. Default: half the processors, at least 1. 0 switches the pool off.
        threads: Option<usize> = None,
        /// Checks that may wait; further ones are answered 503. Default: 1024. Range: 1 to 1,000,000.
        queue_length: usize = 1024,
    }
}

/// A builder of a [`VerificationPool`].
///
/// # Example
/// ```
/// use jamguard::VerificationPool;
///
/// let pool = VerificationPool::builder().threads(2).queue_length(1000).build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
#[derive(Default)]
pub struct VerificationPoolBuilder {
    pub(crate) options: VerificationPoolOptions,
}

impl VerificationPool {
    /// Returns a builder.
    pub fn builder() -> VerificationPoolBuilder {
        VerificationPoolBuilder::default()
    }
}

impl VerificationPoolBuilder {
    /// Sets the number of threads. Default: half the processors, at least 1.
    ///
    /// 0 switches the pool off: every check runs on the thread that needs it, and blocks it meanwhile.
    pub fn threads(mut self, threads: usize) -> Self {
        self.options.threads = Some(threads);
        self
    }

    /// Sets how many checks may wait for a thread. Default: 1024. Range: 1 to 1,000,000.
    ///
    /// Further tokens are answered 503 with `Retry-After`. Tokens of senders that are not known may
    /// take half of the places. A longer queue rejects less and lets requests wait for longer: a
    /// check takes up to about 0.3 ms on the machine of the benchmarks and 1 ms on slow ones, and a failed
    /// one also costs its rest.
    pub fn queue_length(mut self, checks: usize) -> Self {
        self.options.queue_length = checks;
        self
    }

    /// Builds the pool. Its threads start when they are first needed.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what to
    /// change.
    pub fn build(self) -> Result<VerificationPool, Error> {
        let VerificationPoolOptions { threads, queue_length } = self.options;
        ensure(
            threads.is_none_or(|threads| threads <= MAX_THREADS),
            "the verification pool has over 1024 threads: more threads than processors do not help",
        )?;
        ensure(
            (1..=MAX_QUEUE_LENGTH).contains(&queue_length),
            "the queue length of the verification pool must be between 1 and 1,000,000; .threads(0) \
             switches the pool off",
        )?;
        Ok(VerificationPool::new(threads, queue_length))
    }
}

debug_fields!(VerificationPoolBuilder, self, threads = self.options.threads);
