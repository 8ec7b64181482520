//! The senders whose tokens verified recently: their new tokens are checked first.

use crate::core::hash::seeded_hash;
use crate::core::set_cache::{SetCache, Weight};
use crate::core::{lock, millis};
use std::sync::Mutex;
use std::time::Duration;

/// 4 senders each: 65,536 in 2 MiB, allocated at the first verified token.
const SETS: usize = 16 * 1024;
/// How long a sender is known after a token that verified.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a sender has no priority after a token that failed.
const DISTRUSTED_FOR: Duration = Duration::from_secs(30);

/// Senders by hash. Only tokens that verified add one, so forged tokens cannot evict them.
pub(super) struct KnownSenders(Mutex<SetCache<Known>>);

/// Times are monotonic, in milliseconds.
#[derive(Clone, Copy)]
struct Known {
    sender: u64,
    until: u64,
    distrusted_until: u64,
}

impl Weight for Known {
    fn weight(&self) -> usize {
        size_of::<Option<Self>>()
    }
}

/// The sender of tokens that name none, which is never known.
const NOBODY: u64 = 0;

/// Returns the hash of a token's `iss` and `sub`, with seeds that are random per process.
///
/// Tokens without `sub` name no sender: one that is forged must not count against all the others.
pub(crate) fn sender_id(issuer: Option<&str>, subject: Option<&str>) -> u64 {
    if subject.is_none() {
        return NOBODY;
    }
    let hash = |text: Option<&str>| seeded_hash(text.unwrap_or_default().as_bytes()).to_ne_bytes();
    let mut both = [0; 16];
    both[..8].copy_from_slice(&hash(issuer));
    both[8..].copy_from_slice(&hash(subject));
    seeded_hash(&both)
}

impl KnownSenders {
    pub(super) fn new() -> Self {
        // A full set evicts one sender; all places together are within the limit.
        Self(Mutex::new(SetCache::new(SETS, usize::MAX)))
    }

    /// Returns whether the sender's tokens verified recently, and none failed in the last moments.
    pub(super) fn have(&self, sender: u64, now: Duration) -> bool {
        let now = millis(now);
        let is_known = |known: &Known| {
            known.sender == sender && now < known.until && now >= known.distrusted_until
        };
        lock(&self.0).find(set(sender), is_known).is_some()
    }

    /// Notes that a token of the sender verified. It does not end distrust.
    pub(super) fn add(&self, sender: u64, now: Duration) {
        if sender == NOBODY {
            return;
        }
        let mut all = lock(&self.0);
        let found = all.find(set(sender), |known| known.sender == sender);
        let distrusted_until = found.map_or(0, |known| known.distrusted_until);
        let until = millis(now.saturating_add(KNOWN_FOR));
        Self::put(&mut all, Known { sender, until, distrusted_until });
    }

    /// Notes that a token which names the sender failed.
    pub(super) fn distrust(&self, sender: u64, now: Duration) {
        let mut all = lock(&self.0);
        if let Some(known) = all.find(set(sender), |known| known.sender == sender).copied() {
            let distrusted_until = millis(now.saturating_add(DISTRUSTED_FOR));
            Self::put(&mut all, Known { distrusted_until, ..known });
        }
    }

    fn put(all: &mut SetCache<Known>, new: Known) {
        drop(all.insert(set(new.sender), new, |one, other| one.sender == other.sender));
    }
}

/// The part of the hash that selects the set.
fn set(sender: u64) -> usize {
    (sender >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_sender_is_known_for_a_day_and_distrusted_for_a_while_after_a_failure() {
        let senders = KnownSenders::new();
        let (user, other) = (sender_id(Some("iss"), Some("a")), sender_id(Some("iss"), Some("b")));
        assert!(!senders.have(user, SECOND));
        senders.add(user, SECOND);
        assert!(senders.have(user, SECOND) && !senders.have(other, SECOND));
        assert!(!senders.have(user, SECOND + KNOWN_FOR));
        senders.distrust(user, SECOND);
        // A success meanwhile does not restore the priority: its name is in use by an attacker.
        senders.add(user, SECOND);
        assert!(!senders.have(user, SECOND));
        assert!(senders.have(user, SECOND + DISTRUSTED_FOR));
    }

    #[test]
    fn tokens_without_a_subject_have_no_priority() {
        let senders = KnownSenders::new();
        let sender = sender_id(Some("iss"), None);
        senders.add(sender, SECOND);
        assert!(!senders.have(sender, SECOND));
    }

    #[test]
    fn failures_do_not_add_senders() {
        let senders = KnownSenders::new();
        (0..100_000).for_each(|sender| senders.distrust(sender << 32, SECOND));
        assert_eq!(lock(&senders.0).held().0, 0);
    }

    #[test]
    fn the_number_of_senders_is_bounded() {
        let senders = KnownSenders::new();
        for number in 0..200_000 {
            senders.add(sender_id(Some("iss"), Some(&number.to_string())), SECOND);
        }
        let (count, bytes) = lock(&senders.0).held();
        assert!(count <= 65_536 && bytes <= 3 << 20, "{count} senders, {bytes} bytes");
    }

    /// `iss` and `sub` are hashed apart: moving a character from one to the other is another sender.
    #[test]
    fn issuer_and_subject_are_not_concatenated() {
        assert_ne!(sender_id(Some("ab"), Some("c")), sender_id(Some("a"), Some("bc")));
    }
}
