//! The encoding of a record in a backend.

use super::backend::Data;
use crate::core::{Error, ErrorKind, hash::sha256_of, millis, random::random};
use crate::jose::encoding;
use crate::store::Record;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The kinds of records; each has separate ids.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Record,
    Index,
}

/// Returns the id of a text: a hash, because tower-sessions has ids of 128 bits.
pub(super) fn id_of(kind: Kind, text: &str) -> i128 {
    let kind = match kind {
        Kind::Record => "jamguard record\0",
        Kind::Index => "jamguard owner \0",
    };
    let mut id = [0; 16];
    id.copy_from_slice(&sha256_of([kind, text])[..16]);
    i128::from_le_bytes(id)
}

pub(super) fn damaged() -> Error {
    Error::new(
        ErrorKind::Storage,
        "a record of the tower-sessions store is damaged, or belongs to another program: give \
         jamguard a table of its own",
    )
}

/// Encodes what serializes as an object.
pub(super) fn encode(value: &impl Serialize) -> Data {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members.into_iter().collect(),
        // Structs of texts and numbers always serialize, as objects.
        _ => Data::new(),
    }
}

pub(super) fn decode<T: DeserializeOwned>(data: Data) -> Result<T, Error> {
    let members = Value::Object(data.into_iter().collect());
    serde_json::from_value(members).map_err(|_| damaged())
}

/// A record with its key, version, expiry and owner.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    pub(super) version: u64,
    /// Unix milliseconds.
    pub(super) until: Option<u64>,
    pub(super) owner: Option<String>,
}

/// A record as it is stored: bytes in base64url, and the version as text, because some backends
/// cannot encode 64-bit numbers.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    value: String,
    version: String,
    /// Required, although it may be `null`.
    #[serde(deserialize_with = "Option::deserialize")]
    until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

impl Entry {
    /// Returns a random version.
    ///
    /// A removed record leaves no version to increment, and two processes must not give the same
    /// one.
    pub(super) fn new_version() -> Result<u64, Error> {
        random().map(u64::from_le_bytes)
    }

    pub(super) fn is_live(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| millis(now) < until)
    }

    pub(super) fn record(&self, now: Duration) -> Record {
        let ttl = self.until.map(|until| Duration::from_millis(until).saturating_sub(now));
        Record { value: (&*self.value).into(), version: self.version, ttl }
    }

    pub(super) fn encode(&self) -> Data {
        encode(&Stored {
            key: self.key.clone(),
            value: encoding::encode(&self.value),
            version: self.version.to_string(),
            until: self.until,
            owner: self.owner.clone(),
        })
    }

    pub(super) fn decode(data: Data, key: &str) -> Result<Self, Error> {
        let Stored { value, version, until, owner, .. } =
            decode(data).ok().filter(|stored: &Stored| stored.key == key).ok_or_else(damaged)?;
        let value = encoding::decode(value).ok_or_else(damaged)?;
        let version = version.parse().map_err(|_| damaged())?;
        Ok(Self { key: key.to_owned(), value, version, until, owner })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            key: "k\0{}".to_owned(),
            value: (0..=255).collect(),
            version: u64::MAX,
            until: Some(1_700_000_000_123),
            owner: Some(String::new()),
        }
    }

    #[test]
    fn an_entry_survives_a_round_trip() {
        let back = Entry::decode(entry().encode(), "k\0{}").unwrap();
        assert_eq!((back.value, back.version), (entry().value, u64::MAX));
        assert_eq!((back.until, back.owner), (entry().until, entry().owner));
    }

    #[test]
    fn foreign_data_is_an_error() {
        assert!(Entry::decode(entry().encode(), "another key").is_err());
        for name in ["key", "value", "version", "until", "owner"] {
            for wrong in [Value::from(-1), Value::from("\u{e4}"), Value::from(vec![1])] {
                let mut data = entry().encode();
                data.insert(name.to_owned(), wrong.clone());
                if name == "owner" && wrong.is_string() {
                    continue;
                }
                let error = Entry::decode(data, "k\0{}").err().unwrap();
                assert_eq!(error.kind(), ErrorKind::Storage, "{name} {wrong}");
            }
            let mut data = entry().encode();
            data.remove(name);
            assert_eq!(Entry::decode(data, "k\0{}").is_ok(), name == "owner");
        }
    }

    #[test]
    fn records_and_indexes_have_different_ids() {
        assert_ne!(id_of(Kind::Record, "a"), id_of(Kind::Index, "a"));
        assert_ne!(id_of(Kind::Record, "a"), id_of(Kind::Record, "b"));
        assert_eq!(id_of(Kind::Record, "a"), id_of(Kind::Record, "a"));
    }
}
