//! One record per user in a store.

use crate::core::{Error, ErrorKind, sha256};
use crate::jose::encoding;
use crate::store::{NewRecord, Record, Store, update};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct UserRecords {
    store: Arc<dyn Store>,
    pub(super) prefix: Arc<str>,
}

impl UserRecords {
    /// Returns the records whose keys have this prefix.
    pub(super) fn new(store: Arc<dyn Store>, prefix: String) -> Self {
        Self { store, prefix: prefix.into() }
    }

    /// Returns a user's key. Hashed: user names may be long and must not leak from the store.
    pub(super) fn key(&self, user: &str) -> String {
        format!("{}{}", self.prefix, encoding::encode(sha256(user)))
    }

    pub(super) async fn get(&self, user: &str) -> Result<Option<Record>, Error> {
        self.store.get(&self.key(user)).await
    }

    /// See [`update`].
    pub(super) async fn update<R>(
        &self,
        user: &str,
        change: impl FnMut(Option<&Record>) -> Result<(Option<NewRecord>, R), Error>,
    ) -> Result<R, Error> {
        let key = self.key(user);
        let (result, _) = update(&*self.store, &key, "one user's codes", change).await?;
        Ok(result)
    }

    pub(super) async fn remove(&self, user: &str) -> Result<bool, Error> {
        self.store.remove(&self.key(user)).await
    }
}

/// Decodes a user's record.
pub(super) fn read_record<T: DeserializeOwned>(
    record: Option<&Record>,
) -> Result<Option<T>, Error> {
    let read = |record: &Record| serde_json::from_slice(record.value()).map_err(|_| damaged());
    record.map(read).transpose()
}

/// Encodes a user's record, padded with `spare` blanks to a constant size.
pub(super) fn record_bytes<T: Serialize>(value: &T, spare: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec(value).map_err(|_| damaged())?;
    bytes.resize(bytes.len() + spare, b' ');
    Ok(bytes)
}

fn damaged() -> Error {
    let message = "a user's record of one-time passwords or recovery codes is damaged, or was written by \
                   another program";
    Error::new(ErrorKind::Storage, message)
}
