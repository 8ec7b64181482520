//! The encoding of a record in a backend.

use super::backend::Data;
use crate::core::clock::millis;
use crate::core::error::{Error, ErrorKind};
use crate::core::hash::sha256_of;
use crate::core::random::random;
use crate::jose::encoding;
use crate::store::Record;
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

/// Encodes a Unix time in milliseconds; `null` for never.
pub(super) fn moment(until: Option<Duration>) -> Value {
    until.map_or(Value::Null, |until| millis(until).into())
}

pub(super) fn read_moment(value: Option<&Value>) -> Result<Option<Duration>, Error> {
    match value {
        Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(millis) => Ok(Some(Duration::from_millis(millis))),
            None => Err(damaged()),
        },
        None => Err(damaged()),
    }
}

/// A record with its key, version, expiry and owner.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    pub(super) version: u64,
    /// Unix time.
    pub(super) until: Option<Duration>,
    pub(super) owner: Option<String>,
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
        self.until.is_none_or(|until| now < until)
    }

    pub(super) fn record(&self, now: Duration) -> Record {
        let record = Record::new(&*self.value, self.version);
        match self.until {
            Some(until) => record.with_ttl(until.saturating_sub(now)),
            None => record,
        }
    }

    /// Encodes the record; 64-bit numbers as text, because some backends cannot encode them.
    pub(super) fn encode(&self) -> Data {
        let mut data = Data::from([
            ("key".to_owned(), Value::from(&*self.key)),
            ("value".to_owned(), encoding::encode(&self.value).into()),
            ("version".to_owned(), self.version.to_string().into()),
            ("until".to_owned(), moment(self.until)),
        ]);
        if let Some(owner) = &self.owner {
            data.insert("owner".to_owned(), Value::from(&**owner));
        }
        data
    }

    pub(super) fn decode(mut data: Data, key: &str) -> Result<Self, Error> {
        let text = |data: &Data, name: &str| match data.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(damaged()),
        };
        if text(&data, "key")? != key {
            return Err(damaged());
        }
        let owner = match data.remove("owner") {
            None => None,
            Some(Value::String(owner)) => Some(owner),
            Some(_) => return Err(damaged()),
        };
        let value = encoding::decode(text(&data, "value")?);
        let version = text(&data, "version")?.parse();
        Ok(Self {
            key: key.to_owned(),
            value: value.ok_or_else(damaged)?,
            version: version.map_err(|_| damaged())?,
            until: read_moment(data.get("until"))?,
            owner,
        })
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
            until: Some(Duration::from_millis(1_700_000_000_123)),
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
