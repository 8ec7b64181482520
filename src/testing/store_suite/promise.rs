//! The promises that the suite tests, by name.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{any::Any, fmt, pin::pin, task::Poll};

/// A promise of the [`Store`](crate::store::Store) trait, and its test in the acceptance suite.
///
/// "Concurrent" means: from a hundred tasks, half of them over one handle of the store and half
/// over another.
///
/// # Example
/// ```
/// use jamguard::testing::Promise;
/// println!("{:?}", Promise::NoLostUpdate);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promise {
    /// Insert, replace, remove and get work on one record.
    Writes,
    /// A value is returned as it was written.
    Values,
    /// A version is never reused for its key.
    Versions,
    /// Sequential writes of one handle are respected by the other.
    Handles,
    /// A key is any text of at most 512 bytes.
    Keys,
    /// Records are listed and removed by owner.
    Owners,
    /// One of many concurrent inserts of a key succeeds.
    OneInsert,
    /// One of many concurrent replaces of a version succeeds.
    OneReplace,
    /// One of many concurrent removes of a record succeeds.
    OneRemove,
    /// A counter that two handles increment concurrently loses no update.
    NoLostUpdate,
    /// All records of an owner are removed, while another handle inserts more.
    WholeOwner,
    /// A record lives as long as requested, and then disappears from every answer.
    Expiry,
    /// Watchers, if the store supports them, are notified of every write.
    Watching,
    /// A write of one handle is visible to the other within a second.
    SeenElsewhere,
}

/// All promises, in test order.
pub(super) const PROMISES: [Promise; 14] = [
    Promise::Writes,
    Promise::Values,
    Promise::Versions,
    Promise::Handles,
    Promise::Keys,
    Promise::Owners,
    Promise::OneInsert,
    Promise::OneReplace,
    Promise::OneRemove,
    Promise::NoLostUpdate,
    Promise::WholeOwner,
    Promise::Expiry,
    Promise::Watching,
    Promise::SeenElsewhere,
];

/// The results of exempt promises.
///
/// # Example
/// ```
/// use jamguard::testing::StoreReport;
/// assert!(StoreReport::default().broken().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct StoreReport {
    pub(super) broken: Vec<(Promise, String)>,
    pub(super) needlessly_exempt: Vec<Promise>,
}

impl StoreReport {
    /// Returns the exempt promises that the store broke, with the observed failure.
    pub fn broken(&self) -> &[(Promise, String)] {
        &self.broken
    }

    /// Returns the exempt promises that the store kept in this run.
    ///
    /// Remove the exemption if it did not succeed by chance.
    pub fn needlessly_exempt(&self) -> &[Promise] {
        &self.needlessly_exempt
    }
}

impl fmt::Display for StoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (promise, seen) in &self.broken {
            writeln!(f, "{promise:?}: {seen}")?;
        }
        for promise in &self.needlessly_exempt {
            writeln!(f, "{promise:?}: exempt, but kept in this run")?;
        }
        Ok(())
    }
}

/// Runs a test to its end or its panic.
pub(super) async fn catch_panic<F: Future>(test: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut test = pin!(test);
    // Unwind safe: it is not polled again, and it shares only handles of a store.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| test.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Returns the text of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    match panic.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => panic
            .downcast_ref::<&str>()
            .map_or_else(|| "a panic without a message".to_owned(), |&text| text.to_owned()),
    }
}
