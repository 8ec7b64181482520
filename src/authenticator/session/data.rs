//! A session's data while a request is answered: its versions, of which the newest counts.

use crate::core::error::Error;
use crate::session::{Loaded, from_json, is_any, to_json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, OnceLock};

/// What can be a session's data: every type that serde reads and writes, with a default for clients
/// that have no session yet. Nothing needs to be implemented.
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

/// The data as it was at one time. A later version hangs on the one before, so that whoever reads an
/// earlier one finds it, and may keep what it borrowed.
pub(super) struct Version<T> {
    value: Value<T>,
    next: OnceLock<Arc<Version<T>>>,
}

enum Value<T> {
    /// As the store has it, decoded once for all requests.
    Kept(Loaded),
    Own(T),
}

impl<T: SessionData> Version<T> {
    pub(super) fn own(value: T) -> Arc<Self> {
        Arc::new(Self {
            value: Value::Own(value),
            next: OnceLock::new(),
        })
    }

    /// What the store has.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) where it is of another type.
    pub(super) fn kept(loaded: Loaded) -> Result<Arc<Self>, Error> {
        loaded.data::<T>()?;
        Ok(Arc::new(Self {
            value: Value::Kept(loaded),
            next: OnceLock::new(),
        }))
    }

    #[expect(clippy::expect_used)]
    pub(super) fn get(&self) -> &T {
        match &self.value {
            Value::Own(value) => value,
            // `kept` is the only one that makes this; it decoded this T into the shared data, which
            // never forgets a decoded type.
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

    /// Hangs a version behind the newest one. To be called under the lock of the visit's state.
    pub(super) fn add(self: &Arc<Self>, value: T) -> Arc<Self> {
        let version = Self::own(value);
        let _ = self.newest().next.set(version.clone());
        version
    }
}

/// One after the other: dropped by themselves, each would drop the next one inside its own drop, and
/// a handler that writes often would overflow the stack.
impl<T> Drop for Version<T> {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(version) = next {
            next = Arc::into_inner(version).and_then(|mut version| version.next.take());
        }
    }
}

/// Data that a handler wrote, of whatever type.
pub(super) trait Written: Send + Sync {
    fn to_json(&self) -> Result<String, Error>;
}

impl<T: SessionData> Written for Version<T> {
    fn to_json(&self) -> Result<String, Error> {
        to_json(self.get())
    }
}

/// A change that can be made again, on what somebody else wrote.
pub(super) type Change = Box<dyn Fn(&str) -> Result<String, Error> + Send + Sync>;

/// Makes one of what somebody else wrote, and of what this request did.
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

    /// A handler may write as often as a client likes.
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
