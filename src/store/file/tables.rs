//! The table layout: records by key, with indexes by owner and by deadline.

use crate::core::{hash::Sha256, sha256};
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

/// Returns what `pick` makes of a live record's version, remaining lifetime and value.
fn live<T>(
    records: &impl ReadableTable<&'static str, Row>,
    key: &str,
    now: Duration,
    pick: impl FnOnce(u64, Option<Duration>, &[u8]) -> T,
) -> Result<Option<T>, Error> {
    let (row, now) = (records.get(key)?, nanos(now).unwrap_or(u64::MAX));
    Ok(row.and_then(|row| {
        let (version, deadline, _, value) = row.value();
        let ttl = deadline.map(|deadline| Duration::from_nanos(deadline.saturating_sub(now)));
        is_live(deadline, now).then(|| pick(version, ttl, value))
    }))
}

fn record(version: u64, ttl: Option<Duration>, value: &[u8]) -> Record {
    Record { value: value.into(), version, ttl }
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
    live(&file.open_table(RECORDS)?, key, now, record)
}

/// Returns the keys and records of an owner.
pub(super) fn owned(
    file: &ReadTransaction,
    text: &str,
    now: Duration,
) -> Result<Vec<(String, Record)>, Error> {
    let records = file.open_table(RECORDS)?;
    let mut found = Vec::new();
    for key in keys_of(&file.open_table(OWNERS)?, owner(text))? {
        let record = live(&records, &key, now, record)?;
        found.extend(record.map(|record| (key, record)));
    }
    Ok(found)
}

/// Returns how many records of an owner have a value with this prefix.
pub(super) fn count_owned(
    file: &ReadTransaction,
    text: &str,
    prefix: &[u8],
    now: Duration,
) -> Result<u64, Error> {
    let records = file.open_table(RECORDS)?;
    let mut count = 0;
    for key in keys_of(&file.open_table(OWNERS)?, owner(text))? {
        let counts = live(&records, &key, now, |_, _, value| value.starts_with(prefix))?;
        count += u64::from(counts == Some(true));
    }
    Ok(count)
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
    /// The keys whose records were written or removed, besides expired ones.
    pub(super) changed: Vec<String>,
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
            changed: Vec::new(),
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
        self.changed.push(key.to_owned());
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
                let live = is_live(old.deadline, self.now);
                self.changed.extend(live.then(|| key.to_owned()));
                Ok(live)
            }
            None => Ok(false),
        }
    }

    /// Removes an owner's records; returns how many were live.
    pub(super) fn remove_owned(&mut self, text: &str) -> Result<u64, Error> {
        let mut removed = 0;
        for key in keys_of(&self.owners, owner(text))? {
            removed += u64::from(self.remove(&key)?);
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
