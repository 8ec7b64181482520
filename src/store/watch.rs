//! Change notifications of a store, for caches in front of it.

use crate::core::lock::{read, write};
use std::fmt;
use std::sync::{Arc, RwLock, Weak};

/// A change that a store reports to its watchers.
///
/// # Example
/// ```
/// use jamguard::store::{Change, Watcher};
/// fn written(watcher: &Watcher, key: &str) {
///     watcher.notify(Change::Key(key));
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// The record of this key was written, removed or inserted.
    Key(&'a str),
    /// Every record may have changed.
    All,
    /// Changes by other processes are no longer learned: what is cached must not be used.
    Lost,
    /// Changes are learned from here on: what is read now may be cached.
    ///
    /// Every record may have changed before.
    Live,
}

/// A callback that a store notifies of changes, held weakly. Cheap to clone.
///
/// It runs inside the store's write or its connection's task: it must return at once and must not
/// call a store.
#[derive(Clone)]
pub struct Watcher(Weak<dyn Fn(Change<'_>) + Send + Sync>);

impl Watcher {
    /// Creates a watcher that calls `told` while another owner holds it.
    ///
    /// ```
    /// use jamguard::store::{Change, Watcher};
    /// use std::sync::Arc;
    /// let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = Arc::new(|change| println!("{change:?}"));
    /// let watcher = Watcher::new(&told);
    /// assert!(watcher.notify(Change::All));
    /// drop(told);
    /// assert!(!watcher.notify(Change::All));
    /// ```
    pub fn new(told: &Arc<dyn Fn(Change<'_>) + Send + Sync>) -> Self {
        Self(Arc::downgrade(told))
    }

    /// Notifies the callback; returns `false` if it is gone, so that the watcher can be dropped.
    pub fn notify(&self, change: Change<'_>) -> bool {
        match self.0.upgrade() {
            Some(told) => {
                told(change);
                true
            }
            None => false,
        }
    }

    fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// The watchers of one store.
#[derive(Default)]
pub(crate) struct Watchers(RwLock<Vec<Watcher>>);

impl Watchers {
    /// Adds a watcher to a store that learns of every change at once.
    pub(crate) fn add_live(&self, watcher: Watcher) {
        self.add(watcher.clone());
        watcher.notify(Change::Live);
    }

    pub(crate) fn add(&self, watcher: Watcher) {
        write(&self.0).push(watcher);
    }

    /// Notifies all watchers and drops those whose callback is gone.
    pub(crate) fn notify(&self, change: Change<'_>) {
        let watchers = read(&self.0);
        let told = watchers.iter().filter(|w| w.notify(change)).count();
        let gone = told < watchers.len();
        drop(watchers);
        if gone {
            write(&self.0).retain(Watcher::is_held);
        }
    }
}
