//! A store that breaks one promise.

use super::faults::Fault;
use crate::support::gate::Meeting;
use jamguard::store::{Change, MemoryStore, NewRecord, Record, Store, StoreFuture, Watcher};
use jamguard::{Error, ErrorKind};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Told = Arc<dyn Fn(Change<'_>) + Send + Sync>;

pub(crate) struct Broken {
    sound: MemoryStore,
    fault: Fault,
    /// Of this handle.
    watchers: Mutex<Vec<Watcher>>,
    /// What `get` said first, where that is all it says.
    said: Mutex<HashMap<String, Option<Record>>>,
    /// By key, what is subtracted from versions.
    bases: Mutex<HashMap<String, u64>>,
    /// Who ever owned what.
    owners: Mutex<Vec<(String, String)>>,
    /// Keeps the ear that passes changes on.
    ear: Mutex<Vec<Told>>,
    /// Changes that are told when the next operation begins.
    late: Arc<Mutex<Vec<(Watcher, String)>>>,
    /// Where operations that race meet.
    race: Meeting,
}

impl Broken {
    pub(crate) fn new(sound: MemoryStore, fault: Fault) -> Self {
        Self {
            sound,
            fault,
            watchers: Mutex::default(),
            said: Mutex::default(),
            bases: Mutex::default(),
            owners: Mutex::default(),
            ear: Mutex::default(),
            late: Arc::default(),
            race: Meeting::default(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn tell_late_changes(&self) {
        for (watcher, key) in std::mem::take(&mut *self.late.lock().unwrap()) {
            watcher.notify(Change::Key(&key));
        }
    }

    fn key(&self, key: &str) -> String {
        self.tell_late_changes();
        match self.fault {
            Fault::KeysIgnoreCase => key.to_lowercase(),
            Fault::KeysEndAtNul => key.split('\0').next().unwrap().to_owned(),
            Fault::KeysAreLong => key.chars().take(511).collect(),
            Fault::KeysAreAnyLength => key.chars().take(512).collect(),
            _ => key.to_owned(),
        }
    }

    fn owner(&self, owner: &str) -> String {
        match self.fault {
            Fault::OwnersIgnoreWhatFollowsAColon => owner.split(':').next().unwrap().to_owned(),
            Fault::OwnersAreShort => owner.chars().take(10 * 1024).collect(),
            _ => owner.to_owned(),
        }
    }

    fn value(&self, value: Vec<u8>) -> Vec<u8> {
        match self.fault {
            Fault::ValuesAreText => String::from_utf8_lossy(&value).into_owned().into_bytes(),
            Fault::ValuesAreShort => value.into_iter().take((1 << 20) - 1).collect(),
            _ => value,
        }
    }

    fn ttl(&self, ttl: Option<Duration>) -> Option<Duration> {
        match (self.fault, ttl) {
            (Fault::LifetimesAreIgnored, _) => None,
            (Fault::LifetimesAreWholeSeconds, Some(ttl)) => {
                Some(Duration::from_secs(ttl.as_secs()))
            }
            (Fault::LifetimesAreRoundedUp, Some(ttl)) => Some(Duration::from_secs(
                ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0)),
            )),
            _ => ttl,
        }
    }

    fn base(&self, key: &str) -> u64 {
        *self.bases.lock().unwrap().get(key).unwrap_or(&0)
    }

    fn seen(&self, key: &str, record: Record) -> Record {
        let version = record.version() - self.base(key);
        let ttl = match self.fault {
            Fault::LifetimesStandStill => record.ttl().map(|_| Duration::from_secs(3600)),
            _ => record.ttl(),
        };
        let seen = Record::new(record.value(), version);
        match ttl {
            Some(ttl) => seen.with_ttl(ttl),
            None => seen,
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Record>, Error> {
        if self.has(Fault::GetFails) {
            return Err(Error::new(ErrorKind::Unavailable, "out of order"));
        }
        let key = self.key(key);
        let read = self.sound.get(&key).await?.map(|r| self.seen(&key, r));
        if self.has(Fault::GetIsStale) && read.as_ref().is_none_or(|r| r.ttl().is_none()) {
            let mut said = self.said.lock().unwrap();
            return Ok(said.entry(key).or_insert(read).clone());
        }
        if self.has(Fault::PeekIsStale) {
            self.said.lock().unwrap().entry(key).or_insert(read.clone());
        }
        Ok(read)
    }

    /// Its own writes make it forget what it said.
    fn wrote(&self, key: &str) {
        if self.has(Fault::OwnedListsTheDead) && self.sound.peek(key) == Some(None) {
            self.owners.lock().unwrap().retain(|(_, owned)| owned != key);
        }
        if self.has(Fault::GetIsStale) {
            self.said.lock().unwrap().remove(key);
        }
        if self.has(Fault::WatchIsDeafToOthers) {
            let watchers = self.watchers.lock().unwrap();
            watchers.iter().for_each(|w| {
                w.notify(Change::Key(key));
            });
        }
    }
}

impl Store for Broken {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(self.read(key))
    }

    fn insert<'a>(&'a self, key: &'a str, mut record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let key = &self.key(key);
            record.value = self.value(record.value);
            record.ttl = self.ttl(record.ttl);
            record.owner = record.owner.map(|owner| self.owner(&owner));
            if self.has(Fault::InsertForgetsTheOwner) {
                record.owner = None;
            }
            if self.has(Fault::OwnerlessIsEmpty) {
                record.owner.get_or_insert_default();
            }
            if let Some(owner) = &record.owner {
                let owned = (owner.clone(), key.clone());
                self.owners.lock().unwrap().push(owned);
            }
            let raced = self.has(Fault::InsertRaces) && self.sound.get(key).await?.is_none();
            if raced {
                self.race.meet().await;
            }
            if raced || self.has(Fault::InsertOverwrites) {
                self.sound.remove(key).await?;
            }
            let version = self.sound.insert(key, record).await?;
            if self.has(Fault::VersionsBeginAnew)
                && let Some(version) = version
            {
                self.bases.lock().unwrap().insert(key.clone(), version - 1);
            }
            self.wrote(key);
            Ok(version.map(|version| version - self.base(key)))
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let key = &self.key(key);
            let value = self.value(value);
            let mut ttl = self.ttl(ttl);
            let mut version = version.wrapping_add(self.base(key));
            let found = self.sound.get(key).await?;
            match self.fault {
                Fault::ReplaceInserts if found.is_none() => {
                    return self.sound.insert(key, NewRecord::new(value)).await;
                }
                Fault::ReplaceIsLost if found.is_some() => return Ok(Some(version + 1)),
                Fault::ReplaceLosesTheOwner
                    if found.as_ref().is_some_and(|r| r.version() == version) =>
                {
                    self.sound.remove(key).await?;
                    return self.sound.insert(key, NewRecord::new(value)).await;
                }
                _ => {}
            }
            if let Some(found) = &found {
                match self.fault {
                    Fault::ReplaceIgnoresTheVersion => version = found.version(),
                    Fault::ReplaceKeepsTheLifetime => ttl = found.ttl(),
                    Fault::ReplaceDropsALifetime => ttl = None,
                    Fault::ReplaceRaces if found.version() == version => {
                        self.race.meet().await;
                        let now = self.sound.get(key).await?;
                        version = now.map_or(version, |now| now.version());
                    }
                    _ => {}
                }
            }
            let version = self.sound.replace(key, version, value, ttl).await?;
            self.wrote(key);
            Ok(version.map(|version| version - self.base(key)))
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let key = &self.key(key);
            if self.has(Fault::RemoveKeeps) {
                return Ok(self.sound.get(key).await?.is_some());
            }
            if self.has(Fault::RemoveRaces) && self.sound.get(key).await?.is_some() {
                self.race.meet().await;
                self.sound.remove(key).await?;
                return Ok(true);
            }
            let removed = self.sound.remove(key).await?;
            self.wrote(key);
            Ok(removed || self.has(Fault::RemoveSaysYes))
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        Box::pin(async move {
            let owner = self.owner(owner);
            let mut owned = self.sound.owned(&owner).await?;
            for (key, record) in &mut owned {
                *record = self.seen(key, record.clone());
            }
            if self.has(Fault::OwnedHasAnEnd) {
                owned.truncate(100);
            }
            if self.has(Fault::OwnedListsTheDead) && !owned.is_empty() {
                let owners = self.owners.lock().unwrap();
                for (_, key) in owners.iter().filter(|(other, _)| *other == owner) {
                    if !owned.iter().any(|(listed, _)| listed == key) {
                        owned.push((key.clone(), Record::new(*b"dead", 0)));
                    }
                }
            }
            Ok(owned)
        })
    }

    fn count_owned<'a>(&'a self, owner: &'a str, prefix: &'a [u8]) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let any = self.has(Fault::CountIgnoresThePrefix);
            let owned = self.owned(owner).await?;
            let counts = |record: &Record| any || record.value().starts_with(prefix);
            Ok(owned.iter().filter(|(_, record)| counts(record)).count() as u64)
        })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let owner = self.owner(owner);
            let owned = self.sound.owned(&owner).await?;
            if self.has(Fault::RemoveOwnedHasAnEnd) && owned.len() > 100 {
                for (key, _) in &owned[..100] {
                    self.sound.remove(key).await?;
                }
                return Ok(owned.len() as u64);
            }
            if self.has(Fault::RemoveOwnedGoesByOldOwners) {
                let owners = std::mem::take(&mut *self.owners.lock().unwrap());
                for (_, key) in owners.iter().filter(|(other, _)| *other == owner) {
                    self.sound.remove(key).await?;
                }
                return Ok(owned.len() as u64);
            }
            let removed = self.sound.remove_owned(&owner).await?;
            for (key, _) in &owned {
                self.wrote(key);
            }
            Ok(match self.fault {
                Fault::RemoveOwnedCountsNothing => 0,
                _ => removed,
            })
        })
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            if self.has(Fault::PurgeTakesAll) {
                let owners = self.owners.lock().unwrap().clone();
                for (_, key) in owners {
                    self.sound.remove(&key).await?;
                }
            }
            self.sound.purge().await
        })
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        match self.fault {
            Fault::PeekIsStale => self.said.lock().unwrap().get(key).cloned(),
            Fault::None => self.sound.peek(key),
            _ => None,
        }
    }

    fn watch(&self, watcher: Watcher) -> bool {
        match self.fault {
            Fault::WatchNeverBegins => return true,
            Fault::WatchIsDeafToOthers => {
                watcher.notify(Change::Live);
                self.watchers.lock().unwrap().push(watcher);
                return true;
            }
            Fault::GetIsStale => return false,
            Fault::WatchIsLate | Fault::WatchMissesRemoveOwned => {}
            _ => return self.sound.watch(watcher),
        }
        let (is_late, late) = (self.has(Fault::WatchIsLate), self.late.clone());
        let told: Told = Arc::new(move |change| match change {
            Change::Key(key) if is_late => {
                late.lock().unwrap().push((watcher.clone(), key.to_owned()));
            }
            // The suite removes the second key of an owner by remove_owned alone.
            Change::Key(key) if key.ends_with("watched too") => {}
            _ => {
                watcher.notify(change);
            }
        });
        self.sound.watch(Watcher::new(&told));
        self.ear.lock().unwrap().push(told);
        true
    }
}
