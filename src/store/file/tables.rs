//! The table layout: records by key, with indexes by owner and by deadline.

use crate::core::hash::{Sha256, sha256};
use crate::store::{NewRecord, Record};
use redb::{
    Error, ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};
use std::time::Duration;

/// SHA-256 of an owner's text: of fixed length, and it hides the text from readers of the file.
type Owner = Sha256;
/// Version, deadline, owner, value.
type Row = (u64, Option<u64>, Option<Owner>, &'static [u8]);

const RECORDS: TableDefinition<&str, Row> = TableDefinition::new("records");
const OWNERS: TableDefinition<(Owner, &str), ()> = TableDefinition::new("owners");
const DEADLINES: TableDefinition<(u64, &str), ()> = TableDefinition::new("deadlines");
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");

/// In [`NUMBERS`]: the version last given, for all keys, so that none gets one twice.
const VERSION: &str = "version";
/// In [`NUMBERS`]: the version of this layout.
const FORMAT: &str = "format";
const CURRENT_FORMAT: u64 = 1;

fn owner(text: &str) -> Owner {
    sha256(text)
}

/// Returns a time in nanoseconds, which last until the year 2554; `None` if it is later.
fn nanos(time: Duration) -> Option<u64> {
    u64::try_from(time.as_nanos()).ok()
}

fn is_live(deadline: Option<u64>, now: u64) -> bool {
    deadline.is_none_or(|deadline| now < deadline)
}

fn record(version: u64, deadline: Option<u64>, value: &[u8], now: u64) -> Record {
    let record = Record::new(value, version);
    match deadline {
        Some(deadline) => record.with_ttl(Duration::from_nanos(deadline.saturating_sub(now))),
        None => record,
    }
}

fn live(
    records: &impl ReadableTable<&'static str, Row>,
    key: &str,
    now: u64,
) -> Result<Option<Record>, Error> {
    let Some(row) = records.get(key)? else {
        return Ok(None);
    };
    let (version, deadline, _, value) = row.value();
    Ok(is_live(deadline, now).then(|| record(version, deadline, value, now)))
}

/// Returns the keys in an owner's index.
fn keys_of(
    owners: &impl ReadableTable<(Owner, &'static str), ()>,
    owner: Owner,
) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for entry in owners.range((owner, "")..)? {
        let (entry, _) = entry?;
        let (of, key) = entry.value();
        if of != owner {
            break;
        }
        keys.push(key.to_owned());
    }
    Ok(keys)
}

/// Returns the record of a key at this time since the epoch.
pub(super) fn get(
    file: &ReadTransaction,
    key: &str,
    now: Duration,
) -> Result<Option<Record>, Error> {
    live(&file.open_table(RECORDS)?, key, nanos(now).unwrap_or(u64::MAX))
}

/// Returns the keys and records of an owner.
pub(super) fn owned(
    file: &ReadTransaction,
    text: &str,
    now: Duration,
) -> Result<Vec<(String, Record)>, Error> {
    let now = nanos(now).unwrap_or(u64::MAX);
    let records = file.open_table(RECORDS)?;
    let mut found = Vec::new();
    for key in keys_of(&file.open_table(OWNERS)?, owner(text))? {
        if let Some(record) = live(&records, &key, now)? {
            found.push((key, record));
        }
    }
    Ok(found)
}

/// Checks that the file has this layout.
pub(super) fn check(file: &ReadTransaction) -> Result<(), Error> {
    let format = match file.open_table(NUMBERS) {
        Err(TableError::TableDoesNotExist(_)) => None,
        numbers => numbers?.get(FORMAT)?.map(|format| format.value()),
    };
    match format {
        Some(CURRENT_FORMAT) => Ok(()),
        Some(other) => Err(Error::Corrupted(format!("its format is {other}"))),
        None => Err(Error::Corrupted("it has no jamguard tables".to_owned())),
    }
}

/// Creates the tables in an empty file.
pub(super) fn lay_out(file: &WriteTransaction) -> Result<(), Error> {
    let mut numbers = file.open_table(NUMBERS)?;
    numbers.insert(FORMAT, CURRENT_FORMAT)?;
    file.open_table(RECORDS)?;
    file.open_table(OWNERS)?;
    file.open_table(DEADLINES)?;
    Ok(())
}

/// The tables inside a write transaction.
pub(super) struct Tables<'a> {
    records: Table<'a, &'static str, Row>,
    owners: Table<'a, (Owner, &'static str), ()>,
    deadlines: Table<'a, (u64, &'static str), ()>,
    numbers: Table<'a, &'static str, u64>,
    now: u64,
    version: u64,
    dirty: bool,
}

/// The index entries of a record.
struct Listing {
    version: u64,
    deadline: Option<u64>,
    owner: Option<Owner>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(file: &'a WriteTransaction, now: Duration) -> Result<Self, Error> {
        let numbers = file.open_table(NUMBERS)?;
        let version = numbers.get(VERSION)?.map_or(0, |n| n.value());
        Ok(Self {
            records: file.open_table(RECORDS)?,
            owners: file.open_table(OWNERS)?,
            deadlines: file.open_table(DEADLINES)?,
            numbers,
            now: nanos(now).unwrap_or(u64::MAX),
            version,
            dirty: false,
        })
    }

    /// Writes the version; returns whether there is anything to commit.
    pub(super) fn close(mut self) -> Result<bool, Error> {
        if self.dirty {
            self.numbers.insert(VERSION, self.version)?;
        }
        Ok(self.dirty)
    }

    fn listing(&self, key: &str) -> Result<Option<Listing>, Error> {
        let row = self.records.get(key)?;
        Ok(row.map(|row| {
            let (version, deadline, owner, _) = row.value();
            Listing { version, deadline, owner }
        }))
    }

    fn deadline(&self, ttl: Option<Duration>) -> Option<u64> {
        self.now.checked_add(nanos(ttl?)?)
    }

    fn put(
        &mut self,
        key: &str,
        deadline: Option<u64>,
        owner: Option<Owner>,
        value: &[u8],
    ) -> Result<u64, Error> {
        self.dirty = true;
        self.version += 1;
        self.records.insert(key, (self.version, deadline, owner, value))?;
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, key), ())?;
        }
        if let Some(owner) = owner {
            self.owners.insert((owner, key), ())?;
        }
        Ok(self.version)
    }

    fn erase(&mut self, key: &str, listing: &Listing) -> Result<(), Error> {
        self.dirty = true;
        self.records.remove(key)?;
        if let Some(deadline) = listing.deadline {
            self.deadlines.remove((deadline, key))?;
        }
        if let Some(owner) = listing.owner {
            self.owners.remove((owner, key))?;
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, key: &str, new: &NewRecord) -> Result<Option<u64>, Error> {
        if let Some(old) = self.listing(key)? {
            if is_live(old.deadline, self.now) {
                return Ok(None);
            }
            self.erase(key, &old)?;
        }
        let owner = new.owner.as_deref().map(owner);
        let version = self.put(key, self.deadline(new.ttl), owner, &new.value)?;
        Ok(Some(version))
    }

    pub(super) fn replace(
        &mut self,
        key: &str,
        version: u64,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, Error> {
        match self.listing(key)? {
            Some(old) if old.version == version && is_live(old.deadline, self.now) => {
                if let Some(deadline) = old.deadline {
                    self.deadlines.remove((deadline, key))?;
                }
                let version = self.put(key, self.deadline(ttl), old.owner, value)?;
                Ok(Some(version))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Result<bool, Error> {
        match self.listing(key)? {
            Some(old) => {
                self.erase(key, &old)?;
                Ok(is_live(old.deadline, self.now))
            }
            None => Ok(false),
        }
    }

    /// Removes an owner's records; returns the keys of the live ones.
    pub(super) fn remove_owned(&mut self, text: &str) -> Result<Vec<String>, Error> {
        let mut removed = Vec::new();
        for key in keys_of(&self.owners, owner(text))? {
            if self.remove(&key)? {
                removed.push(key);
            }
        }
        Ok(removed)
    }

    /// Erases up to `most` expired records; returns how many.
    pub(super) fn purge(&mut self, most: usize) -> Result<u64, Error> {
        let mut expired = Vec::new();
        for entry in self.deadlines.range(..(self.now.saturating_add(1), ""))?.take(most) {
            let (entry, _) = entry?;
            expired.push(entry.value().1.to_owned());
        }
        for key in &expired {
            let Some(listing) = self.listing(key)? else {
                let gone = "a deadline names a missing record".to_owned();
                return Err(Error::Corrupted(gone));
            };
            self.erase(key, &listing)?;
        }
        Ok(expired.len() as u64)
    }
}
