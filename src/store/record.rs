//! [`Record`] and [`NewRecord`]: what a store keeps under a key.

use crate::core::debug_fields;
use std::{fmt, sync::Arc, time::Duration};

/// A stored record.
///
/// # Example
/// ```
/// use jamguard::store::Record;
/// use std::time::Duration;
/// let record = Record::new(b"value".to_vec(), 7).with_ttl(Duration::from_secs(60));
/// assert_eq!(record.value(), b"value");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub(super) value: Arc<[u8]>,
    pub(super) version: u64,
    pub(super) ttl: Option<Duration>,
}

impl Record {
    /// Creates a record that never expires.
    pub fn new(value: impl Into<Arc<[u8]>>, version: u64) -> Self {
        Self { value: value.into(), version, ttl: None }
    }

    /// Sets the remaining lifetime.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Returns the value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Returns the version, which changes with each write and is never used again for the key.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the lifetime left at the read; `None` for a record that never expires.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }
}

/// Shows no value: values may be secret.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("bytes", &self.value.len())
            .field("version", &self.version)
            .field("ttl", &self.ttl)
            .finish()
    }
}

/// A record to insert.
///
/// # Example
/// ```
/// use jamguard::store::NewRecord;
/// use std::time::Duration;
/// let record = NewRecord::new(b"value".to_vec())
///     .expires_after(Duration::from_secs(60))
///     .owned_by("user 1");
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The value.
    pub value: Vec<u8>,
    /// The lifetime; `None` for a record that never expires.
    pub ttl: Option<Duration>,
    /// The owner, by which [`Store::owned`](super::Store::owned) finds the record.
    pub owner: Option<String>,
    /// Whether the record is written for a client that has not authenticated.
    ///
    /// Examples are a login in progress, an attempt at a code or a session without a user. A store with a
    /// bound keeps room for other records; other stores ignore this.
    pub anonymous: bool,
}

impl NewRecord {
    /// Creates a record without an owner that never expires.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self { value: value.into(), ttl: None, owner: None, anonymous: false }
    }

    /// Sets the lifetime.
    #[must_use]
    pub fn expires_after(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the owner.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Marks the record as [`anonymous`](Self::anonymous): its client has not authenticated.
    ///
    /// ```
    /// use jamguard::store::NewRecord;
    /// let login_under_way = NewRecord::new(b"value".to_vec()).for_anonymous();
    /// assert!(login_under_way.anonymous);
    /// ```
    #[must_use]
    pub fn for_anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }
}

debug_fields!(NewRecord, self, bytes = self.value.len(), ttl = self.ttl);
