//! The session data during a request: a chain of versions, the last of which is current.

use crate::core::Error;
use crate::session::{Loaded, from_json, is_any, to_json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, OnceLock};

/// The type of a session's data: any serde type that is `Clone` and `Default`.
///
/// The default is the data of clients without a session. Implemented automatically.
///
/// # Example
/// ```
/// #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
/// struct Cart { items: Vec<String> }
///
/// fn is_data<T: jamguard::SessionData>() {}
/// is_data::<Cart>();
/// ```
pub trait SessionData:
    Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<T: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static> SessionData for T {}

/// One version of the data.
///
/// A later version is linked behind it: readers of an earlier one find it and keep their borrows.
pub(super) struct Version<T> {
    value: Value<T>,
    next: OnceLock<Arc<Version<T>>>,
}

enum Value<T> {
    /// The store's record, decoded once and shared by all requests.
    Kept(Loaded),
    Own(T),
}

impl<T: SessionData> Version<T> {
    pub(super) fn own(value: T) -> Arc<Self> {
        Arc::new(Self { value: Value::Own(value), next: OnceLock::new() })
    }

    /// Creates a version from the store's record.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) if the data is of another
    /// type.
    pub(super) fn kept(loaded: Loaded) -> Result<Arc<Self>, Error> {
        loaded.data::<T>()?;
        Ok(Arc::new(Self { value: Value::Kept(loaded), next: OnceLock::new() }))
    }

    #[expect(clippy::expect_used)]
    pub(super) fn get(&self) -> &T {
        match &self.value {
            Value::Own(value) => value,
            // Only `kept` makes this variant, after decoding a T; decoded types are never dropped.
            Value::Kept(loaded) => loaded.decoded().expect("decoded by the constructor"),
        }
    }

    pub(super) fn newest(self: &Arc<Self>) -> &Arc<Self> {
        let mut newest = self;
        while let Some(next) = newest.next.get() {
            newest = next;
        }
        newest
    }

    pub(super) fn is_newest(&self) -> bool {
        self.next.get().is_none()
    }

    /// Appends a version. The caller holds the lock of the request session's state.
    pub(super) fn add(self: &Arc<Self>, value: T) -> Arc<Self> {
        let version = Self::own(value);
        let _ = self.newest().next.set(version.clone());
        version
    }
}

/// Drops iteratively: recursive drops would overflow the stack of a handler that writes often.
impl<T> Drop for Version<T> {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(version) = next {
            next = Arc::into_inner(version).and_then(|mut version| version.next.take());
        }
    }
}

/// Data that a handler wrote, of any type.
pub(super) trait Written: Send + Sync {
    fn to_json(&self) -> Result<String, Error>;
}

impl<T: SessionData> Written for Version<T> {
    fn to_json(&self) -> Result<String, Error> {
        to_json(self.get())
    }
}

/// A change that can be repeated on another request's data.
pub(super) type Change = Box<dyn Fn(&str) -> Result<String, Error> + Send + Sync>;

/// Merges another request's data with this one's.
pub(super) type Merge = Box<dyn Fn(&str, &str) -> Result<String, Error> + Send + Sync>;

pub(super) fn repeatable<T: SessionData, R>(
    change: Arc<impl Fn(&mut T) -> R + Send + Sync + 'static>,
) -> Change {
    Box::new(move |theirs| {
        let mut data = from_json::<T>(theirs)?;
        change(&mut data);
        if is_any::<T>() {
            return Ok(theirs.to_owned());
        }
        to_json(&data)
    })
}

pub(super) fn merging<T: SessionData>(merge: impl Fn(&mut T, &T) + Send + Sync + 'static) -> Merge {
    Box::new(move |theirs, ours| {
        let mut data = from_json::<T>(theirs)?;
        merge(&mut data, &from_json::<T>(ours)?);
        to_json(&data)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client may make a handler write any number of times.
    #[test]
    fn many_versions_are_dropped_without_a_deep_stack() {
        let first = Version::own(0);
        let mut newest = first.clone();
        for value in 1..=200_000 {
            newest = newest.add(value);
        }
        assert_eq!(*first.newest().get(), 200_000);
        drop(newest);
        drop(first);
    }
}
