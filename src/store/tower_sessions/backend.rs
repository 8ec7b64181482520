//! The calls of `tower-sessions-core` 0.15.

use crate::core::{Error, ErrorKind};
use serde_json::Value;
use std::collections::HashMap;
use time::OffsetDateTime;
use tower_sessions_core::SessionStore;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::Error as BackendError;

pub(super) type Data = HashMap<String, Value>;

/// Slack of a backend's expiry dates in seconds, so that none erases a record before it expires.
///
/// Backends have whole seconds and clocks of their own.
const MARGIN: u64 = 300;
/// Start of the year 9000: the dates of some databases end with the year 9999.
const NEVER: i64 = 221_845_392_000;

/// Returns when a backend may erase a record that lives until then (Unix milliseconds).
fn expiry(until: Option<u64>) -> OffsetDateTime {
    let seconds = until.and_then(|until| i64::try_from(until / 1000 + MARGIN).ok());
    let seconds = seconds.unwrap_or(NEVER).min(NEVER);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn record(id: i128, data: Data, until: Option<u64>) -> Record {
    Record { id: Id(id), data, expiry_date: expiry(until) }
}

fn failed(error: BackendError) -> Error {
    let (kind, message) = match error {
        BackendError::Backend(_) => {
            (ErrorKind::Unavailable, "the tower-sessions store failed: see the error's source")
        }
        _ => (
            ErrorKind::Storage,
            "the tower-sessions store cannot read or write this record: see the error's source",
        ),
    };
    Error::new(kind, message).with_source(error)
}

/// A store of tower-sessions.
pub(super) struct Backend(pub(super) Box<dyn SessionStore>);

impl Backend {
    pub(super) async fn load(&self, id: i128) -> Result<Option<Data>, Error> {
        let loaded = self.0.load(&Id(id)).await.map_err(failed)?;
        Ok(loaded.map(|record| record.data))
    }

    /// Returns `false` if the id is taken.
    pub(super) async fn create(
        &self,
        id: i128,
        data: Data,
        until: Option<u64>,
    ) -> Result<bool, Error> {
        let mut record = record(id, data, until);
        self.0.create(&mut record).await.map_err(failed)?;
        if record.id.0 == id {
            return Ok(true);
        }
        // The id was taken, and the backend chose another one.
        self.0.delete(&record.id).await.map_err(failed)?;
        Ok(false)
    }

    pub(super) async fn save(&self, id: i128, data: Data, until: Option<u64>) -> Result<(), Error> {
        self.0.save(&record(id, data, until)).await.map_err(failed)
    }

    pub(super) async fn delete(&self, id: i128) -> Result<(), Error> {
        self.0.delete(&Id(id)).await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_erase_records_after_they_expire() {
        let at = |millis| expiry(Some(millis)).unix_timestamp();
        assert_eq!(at(1_800_000_000_999), 1_800_000_300);
        assert_eq!(expiry(None).unix_timestamp(), NEVER);
        assert_eq!(expiry(None).year(), 9000);
        assert_eq!(at(u64::MAX), NEVER);
    }
}
