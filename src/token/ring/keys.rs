//! State of a ring's keys and its transitions, independent of clock and store.

use super::key::{KeyInfo, KeyState, RingKey};
use crate::core::{Error, ErrorKind, clock::since_epoch, ensure};
use crate::jose::{Algorithm, KeySet, SigningKey, VerifyingKey, header::MAX_KID};
use std::{fmt, sync::Arc};

/// Tolerated clock difference between processes that share a ring, in seconds.
const CLOCK_SKEW: u64 = 60;

/// A key with its dates in Unix seconds.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) kid: String,
    /// When it starts to sign.
    pub(super) since: u64,
    /// When the next key starts to sign, and when this key's tokens expire.
    pub(super) retired: Option<(u64, u64)>,
    /// When it stops both signing and verifying, regardless of the other dates.
    pub(super) expires: Option<u64>,
    pub(super) what: Material,
}

#[derive(Clone)]
pub(super) enum Material {
    Pair(Arc<Pair>),
    /// The time until which the ring remembers the revocation.
    Revoked(u64),
}

pub(super) struct Pair {
    pub(super) signing: SigningKey,
    pub(super) verifying: VerifyingKey,
}

impl Pair {
    pub(super) fn new(signing: SigningKey) -> Result<Arc<Self>, Error> {
        let verifying = signing.verifying_key()?;
        Ok(Arc::new(Self { signing, verifying }))
    }
}

impl Entry {
    pub(super) fn new(key: SigningKey, kid: String, since: u64) -> Result<Self, Error> {
        Ok(Self { kid, since, retired: None, expires: None, what: Material::Pair(Pair::new(key)?) })
    }

    /// Creates the entry of a given key, with its dates checked.
    pub(super) fn of(ring_key: RingKey, now: u64) -> Result<Self, Error> {
        let RingKey { key, since, expires, named } = ring_key;
        let seconds = |time| since_epoch(time).as_secs();
        let since = since.map_or(now, seconds);
        let expires = expires.map(seconds);
        if let Some(expires) = expires {
            ensure(
                expires > now,
                "the key is expired: give a newer one, or a later .expires_at(…)",
            )?;
            ensure(
                expires > since,
                "the key expires before it becomes current: check .current_from(…) and \
                 .expires_at(…)",
            )?;
        }
        let kid = match key.key_id() {
            Some(kid) => kid.to_owned(),
            // Tokens do not name it: a `kid` derived from the secret would allow checking guesses.
            None if !named => "unnamed".to_owned(),
            None => key.fingerprint()?,
        };
        // As strict as verifiers are.
        ensure(
            !kid.is_empty() && kid.len() <= MAX_KID && !kid.chars().any(char::is_control),
            "a key id must have 1 to 256 bytes and no control characters",
        )?;
        let key = if named { key.with_key_id(kid.clone()) } else { key };
        Ok(Self { expires, ..Self::new(key, kid, since)? })
    }

    pub(super) fn generate(algorithm: Algorithm, since: u64) -> Result<Self, Error> {
        let key = SigningKey::generate(algorithm)?;
        let kid = key.fingerprint()?;
        Self::new(key.with_key_id(kid.clone()), kid, since)
    }

    pub(super) fn is_revoked(&self) -> bool {
        matches!(self.what, Material::Revoked(_))
    }

    fn until(&self) -> Option<u64> {
        let retired = self.retired.map(|(_, until)| until);
        match (retired, self.expires) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Returns the key pair as long as its tokens are valid.
    fn live(&self, now: u64) -> Option<&Arc<Pair>> {
        match &self.what {
            Material::Pair(pair) if self.until().is_none_or(|until| now < until) => Some(pair),
            _ => None,
        }
    }

    /// Returns the key pair if it is neither retired nor expired.
    fn standing(&self, now: u64) -> Option<&Arc<Pair>> {
        let stands = self.retired.is_none_or(|(at, _)| now < at);
        self.live(now).filter(|_| stands)
    }
}

/// The rotation schedule. Times in seconds.
pub(crate) struct Schedule {
    /// The algorithm of new keys.
    pub(crate) algorithm: Algorithm,
    pub(crate) rotate_every: Option<u64>,
    pub(crate) publish_ahead: u64,
    /// How long a key's tokens stay valid after the next key starts to sign.
    pub(crate) overlap: u64,
}

/// The keys of a ring, ordered by the time from which they sign.
#[derive(Clone, Default)]
pub(super) struct Keys(Vec<Entry>);

impl Keys {
    pub(super) fn from_entries(entries: Vec<Entry>) -> Self {
        let mut keys = Self(entries);
        keys.0.sort_by_key(|entry| entry.since);
        keys
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Returns whether both have the same keys, states and dates.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same = |(a, b): (&Entry, &Entry)| {
            let dates = |entry: &Entry| (entry.since, entry.retired, entry.expires);
            a.kid == b.kid && a.is_revoked() == b.is_revoked() && dates(a) == dates(b)
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }

    pub(super) fn find(&self, kid: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.kid == kid)
    }

    /// Returns the key that signs.
    pub(super) fn current(&self, now: u64) -> Option<(&Entry, &Arc<Pair>)> {
        let mut standing = (self.0.iter()).filter_map(|entry| Some((entry, entry.standing(now)?)));
        let begun = standing.clone().rfind(|(entry, _)| entry.since <= now);
        // After the clock was set back or a key was revoked, the next key signs early.
        begun.or_else(|| standing.next())
    }

    /// Returns whether the current key signs by its date, not for lack of another.
    pub(super) fn begun(&self, now: u64) -> bool {
        (self.current(now)).is_some_and(|(entry, _)| entry.since <= now)
    }

    /// Returns all keys that may verify tokens, including upcoming ones.
    pub(super) fn verifying(&self, now: u64) -> KeySet {
        let live = self.0.iter().filter_map(|entry| entry.live(now));
        live.map(|pair| pair.verifying.clone()).collect()
    }

    /// Returns when the next key's tokens expire on schedule.
    pub(super) fn next_change(&self, now: u64) -> Option<u64> {
        let ends = self.0.iter().filter(|entry| !entry.is_revoked());
        ends.filter_map(Entry::until).filter(|until| *until > now).min()
    }

    /// Returns whether any key's tokens have expired on schedule.
    pub(super) fn ended(&self, now: u64) -> bool {
        let mut ends = self.0.iter().filter_map(Entry::until);
        ends.any(|until| until <= now)
    }

    pub(super) fn list(&self, now: u64) -> Vec<KeyInfo> {
        let current = self.current(now).map(|(entry, _)| &*entry.kid);
        let told = self.0.iter().filter_map(|entry| {
            let (state, algorithm) = match &entry.what {
                Material::Revoked(_) => (KeyState::Revoked, None),
                Material::Pair(pair) => {
                    entry.live(now)?;
                    let state = match entry {
                        _ if current == Some(&*entry.kid) => KeyState::Current,
                        _ if entry.since > now => KeyState::Upcoming,
                        _ => KeyState::Retired,
                    };
                    (state, Some(pair.signing.algorithm()))
                }
            };
            Some(KeyInfo {
                kid: entry.kid.clone(),
                algorithm,
                state,
                since: entry.since,
                until: entry.until(),
            })
        });
        told.collect()
    }

    /// Returns whether it is time to publish the next key or to use it.
    pub(super) fn is_due(&self, schedule: &Schedule, now: u64) -> bool {
        let Some(every) = schedule.rotate_every else {
            return false;
        };
        let newest = self.0.iter().rfind(|entry| entry.standing(now).is_some());
        let aged = newest.is_none_or(|newest| {
            let next = newest.since.saturating_add(every);
            // Early enough for the last token of a key that expires.
            let expires = newest.expires.unwrap_or(u64::MAX);
            let next = next.min(expires.saturating_sub(schedule.overlap));
            now.saturating_add(schedule.publish_ahead) >= next
        });
        aged || !self.begun(now.saturating_add(CLOCK_SKEW))
    }

    /// Performs a scheduled rotation if it is due.
    pub(super) fn age(&mut self, schedule: &Schedule, now: u64) -> Result<(), Error> {
        if !self.is_due(schedule, now) {
            return Ok(());
        }
        match self.begun(now.saturating_add(CLOCK_SKEW)) {
            true => self.announce(schedule, now),
            false => self.advance(schedule, now),
        }
        .map(drop)
    }

    fn upcoming(&self, now: u64) -> Option<usize> {
        let upcoming = |entry: &Entry| entry.since > now && entry.live(now).is_some();
        self.0.iter().position(upcoming)
    }

    /// Publishes the next key if there is no upcoming one. Returns its `kid`.
    pub(super) fn announce(&mut self, schedule: &Schedule, now: u64) -> Result<String, Error> {
        if let Some(at) = self.upcoming(now) {
            return Ok(self.0[at].kid.clone());
        }
        let since = now.saturating_add(schedule.publish_ahead);
        self.add(Entry::generate(schedule.algorithm, since)?, schedule, now)
    }

    /// Makes the upcoming key, or a new one, sign at once. Returns its `kid`.
    pub(super) fn advance(&mut self, schedule: &Schedule, now: u64) -> Result<String, Error> {
        let next = match self.upcoming(now) {
            Some(at) => Entry { since: now, ..self.0.remove(at) },
            None => Entry::generate(schedule.algorithm, now)?,
        };
        self.add(next, schedule, now)
    }

    /// Revokes a key. If it was the current one, another signs at once.
    pub(super) fn revoke(&mut self, kid: &str, schedule: &Schedule, now: u64) -> Result<(), Error> {
        let Some(entry) = self.0.iter_mut().find(|entry| entry.kid == kid) else {
            return Err(Error::new(
                ErrorKind::NotFound,
                "the ring has no such key: its tokens are rejected already",
            ));
        };
        if entry.is_revoked() {
            return Ok(());
        }
        entry.what = Material::Revoked(now.saturating_add(schedule.overlap));
        self.settle(schedule, now);
        if !self.begun(now) {
            self.advance(schedule, now)?;
        }
        Ok(())
    }

    /// Revokes keys again that are known to be revoked: a store may have lost that.
    pub(super) fn stay_revoked(
        &mut self,
        known: &Self,
        schedule: &Schedule,
        now: u64,
    ) -> Result<(), Error> {
        for entry in &known.0 {
            if matches!(entry.what, Material::Revoked(until) if now < until)
                && self.find(&entry.kid).is_some()
            {
                self.revoke(&entry.kid, schedule, now)?;
            }
        }
        Ok(())
    }

    /// Adds a key. Returns its `kid`.
    pub(super) fn add(
        &mut self,
        entry: Entry,
        schedule: &Schedule,
        now: u64,
    ) -> Result<String, Error> {
        let known = self.find(&entry.kid);
        ensure(
            !known.is_some_and(Entry::is_revoked),
            "the key was revoked and cannot be added again: use a new key",
        )?;
        ensure(known.is_none(), "the ring already has a key with this kid: give each key its own")?;
        let kid = entry.kid.clone();
        let place = self.0.partition_point(|other| other.since <= entry.since);
        self.0.insert(place, entry);
        self.settle(schedule, now);
        Ok(kid)
    }

    /// Updates which key follows which, and removes expired entries.
    fn settle(&mut self, schedule: &Schedule, now: u64) {
        let mut next = None;
        for entry in self.0.iter_mut().rev() {
            if entry.is_revoked() {
                continue;
            }
            // A retirement in the future may still change.
            if entry.retired.is_none_or(|(at, _)| at > now) {
                entry.retired = next.map(|at: u64| {
                    let at = at.max(entry.since);
                    (at, at.saturating_add(schedule.overlap))
                });
            }
            next = Some(entry.since);
        }
        self.0.retain(|entry| match entry.what {
            Material::Revoked(until) => now < until,
            Material::Pair(_) => entry.live(now).is_some(),
        });
    }
}

/// Hides ids that are derived from secrets: more people see logs than tokens.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |entry: &Entry| match &entry.what {
            Material::Revoked(_) => "revoked".to_owned(),
            Material::Pair(pair) => {
                let key = &pair.signing;
                let is_made = || key.fingerprint().is_ok_and(|made| made == entry.kid);
                match key.algorithm().is_symmetric() && is_made() {
                    true => "unnamed".to_owned(),
                    false => entry.kid.clone(),
                }
            }
        };
        f.debug_list().entries(self.0.iter().map(name)).finish()
    }
}
