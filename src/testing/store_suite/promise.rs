//! What the suite tests, by name.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// One test of the acceptance suite for stores. "At once" means: from a hundred tasks, half of them
/// over one handle of the store and half over another.
///
/// # Example
/// ```
/// use jamguard::testing::Promise;
/// println!("{:?}", Promise::NoLostUpdate);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promise {
    /// What insert, replace, remove and get do to one record.
    Writes,
    /// A value comes back as it was given.
    Values,
    /// A version is never used again for its key.
    Versions,
    /// What one handle wrote the other answers for, one write after the other.
    Handles,
    /// A key is any text of at most 512 bytes.
    Keys,
    /// What a record's owner finds, and removes.
    Owners,
    /// Of many inserts of one key at once one succeeds.
    OneInsert,
    /// Of many replaces of one version at once one succeeds.
    OneReplace,
    /// Of many removes of one record at once one succeeds.
    OneRemove,
    /// A counter that two handles count up at once loses no step.
    NoLostUpdate,
    /// All records of an owner go at once, while another handle inserts more of them.
    WholeOwner,
    /// A record lives as long as it was given, and is gone from every answer then.
    Expiry,
    /// Watchers, where there can be any, are told of every write.
    Watching,
    /// What one handle wrote the other sees within a second.
    SeenElsewhere,
}

/// All of them, in the order in which they are tested.
pub(super) const PROMISES: &[Promise] = &[
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

/// What became of the promises that a store was excused from.
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
    /// The promises that it broke, and how that was seen.
    pub fn broken(&self) -> &[(Promise, String)] {
        &self.broken
    }

    /// The promises that it kept this time: take the exemption away, unless it only had luck.
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
            writeln!(f, "{promise:?}: exempt, and kept this time")?;
        }
        Ok(())
    }
}

/// A test whose panic is an answer.
pub(super) struct CatchUnwind<F>(pub(super) Pin<Box<F>>);

impl<F: Future> Future for CatchUnwind<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // What panicked is not polled again, and what it shares are handles of a store.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

/// The text of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    match panic.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => panic.downcast_ref::<&str>().map_or_else(
            || "a panic without text".to_owned(),
            |&text| text.to_owned(),
        ),
    }
}
