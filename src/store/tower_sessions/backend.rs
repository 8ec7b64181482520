//! The adapter to the trait of `tower-sessions-core` 0.15.

use super::store::{TowerSessionsStore, TowerSessionsStoreBuilder};
use crate::core::error::{Error, ErrorKind};
use crate::store::StoreFuture;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;

pub(super) type Data = HashMap<String, Value>;

/// A store of tower-sessions, without its type.
pub(super) trait Backend: Send + Sync + 'static {
    fn load(&self, id: i128) -> StoreFuture<'_, Option<Data>>;
    /// Returns `false` if the id is taken.
    fn create(&self, id: i128, data: Data, until: Option<Duration>) -> StoreFuture<'_, bool>;
    fn save(&self, id: i128, data: Data, until: Option<Duration>) -> StoreFuture<'_, ()>;
    fn delete(&self, id: i128) -> StoreFuture<'_, ()>;
}

/// Slack of a backend's expiry dates, so that none erases a record before it expires.
///
/// Backends have whole seconds and clocks of their own.
const MARGIN: Duration = Duration::from_secs(300);
/// Start of the year 9000: the dates of some databases end with the year 9999.
const NEVER: i64 = 221_845_392_000;

/// Returns when a backend may erase a record that lives until then (Unix time).
fn expiry(until: Option<Duration>) -> OffsetDateTime {
    let seconds = until.and_then(|until| i64::try_from((until + MARGIN).as_secs()).ok());
    let seconds = seconds.unwrap_or(NEVER).min(NEVER);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A store of tower-sessions.
struct Foreign<S>(S);

impl<S: tower_sessions_core::SessionStore> Foreign<S> {
    fn failed(error: tower_sessions_core::session_store::Error) -> Error {
        match error {
            tower_sessions_core::session_store::Error::Backend(_) => Error::new(
                ErrorKind::Unavailable,
                "the tower-sessions store failed: see the error's source",
            ),
            _ => Error::new(
                ErrorKind::Storage,
                "the tower-sessions store cannot read or write this record: see the \
                 error's source",
            ),
        }
        .with_source(error)
    }

    fn record(
        id: i128,
        data: Data,
        until: Option<Duration>,
    ) -> tower_sessions_core::session::Record {
        tower_sessions_core::session::Record {
            id: tower_sessions_core::session::Id(id),
            data,
            expiry_date: expiry(until),
        }
    }
}

impl<S: tower_sessions_core::SessionStore> Backend for Foreign<S> {
    fn load(&self, id: i128) -> StoreFuture<'_, Option<Data>> {
        Box::pin(async move {
            let id = tower_sessions_core::session::Id(id);
            let loaded = self.0.load(&id).await.map_err(Self::failed)?;
            Ok(loaded.map(|record| record.data))
        })
    }

    fn create(&self, id: i128, data: Data, until: Option<Duration>) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            let mut record = Self::record(id, data, until);
            self.0.create(&mut record).await.map_err(Self::failed)?;
            if record.id.0 == id {
                return Ok(true);
            }
            // The id was taken, and the backend chose another one.
            self.0.delete(&record.id).await.map_err(Self::failed)?;
            Ok(false)
        })
    }

    fn save(&self, id: i128, data: Data, until: Option<Duration>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let record = Self::record(id, data, until);
            self.0.save(&record).await.map_err(Self::failed)
        })
    }

    fn delete(&self, id: i128) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let id = tower_sessions_core::session::Id(id);
            self.0.delete(&id).await.map_err(Self::failed)
        })
    }
}

impl TowerSessionsStore {
    /// Creates a store over one that implements the trait of `tower-sessions-core` 0.15.
    pub fn new(store: impl tower_sessions_core::SessionStore) -> Self {
        Self::builder(store).build()
    }

    /// Returns a builder over a store that implements the trait of `tower-sessions-core` 0.15.
    pub fn builder(store: impl tower_sessions_core::SessionStore) -> TowerSessionsStoreBuilder {
        TowerSessionsStoreBuilder::over(Foreign(store))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_erase_records_after_they_expire() {
        let at = |seconds| expiry(Some(Duration::from_secs(seconds))).unix_timestamp();
        assert_eq!(at(1_800_000_000), 1_800_000_300);
        assert_eq!(expiry(None).unix_timestamp(), NEVER);
        assert_eq!(expiry(None).year(), 9000);
        assert_eq!(at(u64::MAX - 301), NEVER);
    }
}
