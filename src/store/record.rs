//! What a store keeps under a key.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A record as it is kept.
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
    value: Arc<[u8]>,
    version: u64,
    ttl: Option<Duration>,
}

impl Record {
    /// A record that never expires.
    pub fn new(value: impl Into<Arc<[u8]>>, version: u64) -> Self {
        Self {
            value: value.into(),
            version,
            ttl: None,
        }
    }

    /// The same, with so much of its lifetime left.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// What is kept.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Changes with each write, and is never used again for the key.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What was left of its lifetime when it was read; `None` for a record that never expires.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }
}

/// Values may hold what must not be logged.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("bytes", &self.value.len())
            .field("version", &self.version)
            .field("ttl", &self.ttl)
            .finish()
    }
}

/// A record to be inserted.
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
    /// What to keep.
    pub value: Vec<u8>,
    /// After what time it is gone; `None`: never.
    pub ttl: Option<Duration>,
    /// Whose it is.
    pub owner: Option<String>,
    /// Whether it is written for a client that has not authenticated, such as a login under way, a
    /// wrong code or a session without a user. A store with a bound keeps room for other records;
    /// other stores ignore this.
    pub anonymous: bool,
}

impl NewRecord {
    /// A record of nobody's that never expires.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self {
            value: value.into(),
            ttl: None,
            owner: None,
            anonymous: false,
        }
    }

    /// The same, gone after this time.
    #[must_use]
    pub fn expires_after(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The same, as one of this owner's.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The same, written for a client that has not authenticated: see
    /// [`anonymous`](Self::anonymous).
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

impl fmt::Debug for NewRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord")
            .field("bytes", &self.value.len())
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
