//! The layout of keys and records in Redis.
//!
//! A key is the store's prefix, a type (`r` for a record, `o` for an owner's list, `v` for a
//! version counter) and in braces the bucket. A cluster places keys by what is in braces, so a
//! bucket is on one node as a whole and one script may change all of it. A record's bucket follows
//! from its key; an owner has a list in each bucket. `d` is the marker of the database.

use crate::core::{Error, ErrorKind, ensure, sha256};
use crate::jose::encoding;
use crate::store::Record;
use std::time::Duration;

pub(super) const BUCKETS: u8 = 16;

/// Returns 128 bits of an owner's SHA-256 in base64url: an owner is any text, of any length.
pub(super) fn owner_hash(owner: &str) -> String {
    encoding::encode(&sha256(owner)[..16])
}

/// A sixteenth of the records, on one node of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket(u8);

impl Bucket {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..BUCKETS).map(Self)
    }

    pub(super) fn of(key: &str) -> Self {
        Self(sha256(key)[0] % BUCKETS)
    }

    /// Returns the cluster's hash slot of the bucket.
    ///
    /// CRC-16/XMODEM of the text in braces, modulo 16384 (Redis Cluster specification, "Key
    /// distribution model").
    pub(super) fn slot(self) -> u16 {
        let crc = self.0.to_string().bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| match crc & 0x8000 {
                0 => crc << 1,
                _ => (crc << 1) ^ 0x1021,
            })
        });
        crc % 16384
    }
}

/// The names of keys under one prefix.
pub(super) struct Layout {
    pub(super) prefix: String,
}

impl Layout {
    /// Creates a layout.
    ///
    /// # Errors
    /// If the prefix is empty, longer than 128 bytes, or has braces.
    pub(super) fn new(prefix: String) -> Result<Self, Error> {
        ensure(
            (1..=128).contains(&prefix.len()),
            "the prefix of a Redis store has 1 to 128 bytes, for example \"jamguard:\"",
        )?;
        ensure(
            !prefix.contains(['{', '}']),
            "the prefix of a Redis store has no braces: a cluster places keys by the text in braces",
        )?;
        Ok(Self { prefix })
    }

    /// Returns the prefix of the keys of records, and of no others.
    pub(super) fn records(&self) -> String {
        format!("{}r{{", self.prefix)
    }

    pub(super) fn record(&self, bucket: Bucket, key: &str) -> String {
        format!("{}r{{{}}}:{key}", self.prefix, bucket.0)
    }

    pub(super) fn versions(&self, bucket: Bucket) -> String {
        format!("{}v{{{}}}", self.prefix, bucket.0)
    }

    /// Returns the prefix of owners' lists, before an owner's hash.
    pub(super) fn indexes(&self, bucket: Bucket) -> String {
        format!("{}o{{{}}}:", self.prefix, bucket.0)
    }

    pub(super) fn index(&self, bucket: Bucket, owner: &str) -> String {
        format!("{}{owner}", self.indexes(bucket))
    }

    /// Returns the key of the database's marker, outside of a cluster.
    ///
    /// Its value is random, so it identifies the database.
    pub(super) fn marker(&self) -> String {
        format!("{}d", self.prefix)
    }

    /// Returns the key of the record with this name in Redis.
    pub(super) fn key<'a>(&self, record: &'a [u8]) -> Option<&'a str> {
        let rest = record.strip_prefix(self.prefix.as_bytes())?;
        let rest = str::from_utf8(rest.strip_prefix(b"r{")?).ok()?;
        rest.split_once("}:").map(|(_, key)| key)
    }
}

/// Decodes a packed record (`lua/prelude.lua`) with its lifetime in milliseconds.
pub(super) fn unpack(packed: &[u8], ttl: i64) -> Result<Record, Error> {
    let parts = packed.split_first_chunk::<8>().and_then(|(version, rest)| {
        let (&owner, rest) = rest.split_first()?;
        Some((u64::from_be_bytes(*version), rest.get(usize::from(owner)..)?))
    });
    let Some((version, value)) = parts else {
        return Err(Error::new(
            ErrorKind::Storage,
            "a record in Redis is damaged: something else writes under the store's prefix",
        ));
    };
    // A negative lifetime means that it has none.
    let ttl = u64::try_from(ttl).ok().map(Duration::from_millis);
    Ok(Record { value: value.into(), version, ttl })
}

/// Encodes a lifetime in milliseconds for the scripts; empty for none.
///
/// Rounded up: a record may live a little too long but never too short.
pub(super) fn lifetime(ttl: Option<Duration>) -> String {
    /// About thirty thousand years: Redis rejects what overflows its clock.
    const LONGEST: u128 = 1_000_000_000_000_000;
    match ttl {
        Some(ttl) => ttl.as_nanos().div_ceil(1_000_000).min(LONGEST).to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn slots_match_the_specification() {
        // `CLUSTER KEYSLOT 0`, `… 1`, `… 15`.
        assert_eq!(Bucket(0).slot(), 13907);
        assert_eq!(Bucket(1).slot(), 9842);
        assert_eq!(Bucket(15).slot(), 4178);
    }

    #[test]
    fn a_key_is_recovered_from_its_name_in_redis() {
        let layout = Layout::new("app:".into()).unwrap();
        for key in ["", "a", "}:", "a}:b{0}:", "ключ"] {
            let record = layout.record(Bucket::of(key), key);
            assert!(record.starts_with(&layout.records()));
            assert_eq!(layout.key(record.as_bytes()), Some(key));
        }
        for other in ["app:v{3}", "app:o{3}:x", "other:r{3}:x", "app:r{3", "app:r{\u{80}"] {
            assert_eq!(layout.key(other.as_bytes()), None, "{other}");
        }
        for wrong in ["", "a{b", "a}", &"x".repeat(129)] {
            assert!(Layout::new(wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lifetimes_are_rounded_up_and_bounded() {
        assert_eq!(lifetime(None), "");
        assert_eq!(lifetime(Some(Duration::ZERO)), "0");
        assert_eq!(lifetime(Some(Duration::from_nanos(1))), "1");
        assert_eq!(lifetime(Some(Duration::from_millis(1500))), "1500");
        assert_eq!(lifetime(Some(Duration::MAX)), "1000000000000000");
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        for damaged in [&b""[..], &[0; 8], &[0, 0, 0, 0, 0, 0, 0, 1, 16, 1]] {
            assert_eq!(unpack(damaged, -1).unwrap_err().kind(), ErrorKind::Storage);
        }
        let sound = unpack(&[0, 0, 0, 0, 0, 0, 1, 0, 1, 9, 7], 5).unwrap();
        assert_eq!(sound, Record::new([7], 256).with_ttl(Duration::from_millis(5)));
    }
}
