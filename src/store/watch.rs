//! How writes are noticed by whoever remembers what a store said.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// What a store tells its watchers.
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
    /// Changes made by others are no longer learned: whatever is remembered must not be used.
    Lost,
    /// From here on changes are learned: what is read now may be remembered. Every record may have
    /// changed before.
    Live,
}

/// Who is told of a store's changes. Cheap to clone.
///
/// It runs inside the store's write or its connection's task: it returns at once, and calls no
/// store.
#[derive(Clone)]
pub struct Watcher(Weak<dyn Fn(Change<'_>) + Send + Sync>);

impl Watcher {
    /// Tells `told` of changes for as long as it is held elsewhere.
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

    /// Tells it; `false` where nobody listens any more, and it may be dropped.
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
    /// Of a store that knows of every change at once.
    pub(crate) fn add_live(&self, watcher: Watcher) {
        self.add(watcher.clone());
        watcher.notify(Change::Live);
    }

    pub(crate) fn add(&self, watcher: Watcher) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(watcher);
    }

    /// Tells all of them; those that nobody holds any more are dropped.
    pub(crate) fn notify(&self, change: Change<'_>) {
        let watchers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let told = watchers.iter().filter(|w| w.notify(change)).count();
        let gone = told < watchers.len();
        drop(watchers);
        if gone {
            self.0
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(Watcher::is_held);
        }
    }
}
