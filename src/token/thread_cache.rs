//! Per-thread cache of hot tokens, in front of every verifier's shared cache.
//!
//! A hit requires a comparison of the whole token and passes the same re-checks as a hit in the
//! shared cache, so it is never staler. The shared cache records each read in a log that all
//! threads contend for; this cache avoids that.
//!
//! Lookup uses the last bytes of the signature, which almost never collide: hashing the whole token
//! would take longer than the rest of the verification.
//!
//! Bound: 4,096 tokens and [`MAX_BYTES`] per thread, whatever the number of verifiers. Only tokens
//! from the shared cache are inserted, so a flood of tokens seen once cannot evict others.

use super::cache;
use super::verified::Verified;
use std::cell::RefCell;

const WAYS: usize = 4;
const SETS: usize = 1024;
/// Per thread; when exceeded, the thread's cache is cleared.
const MAX_BYTES: usize = 8 * 1024 * 1024;

struct Slot {
    mark: u64,
    verifier: u64,
    verified: Verified,
}

#[derive(Default)]
struct Memo {
    slots: Vec<Option<Slot>>,
    bytes: usize,
    /// The way of a full set to evict next.
    turn: usize,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// Returns a hash of the token's last 16 bytes.
fn mark(token: &[u8]) -> u64 {
    cache::hash(&token[token.len().saturating_sub(16)..])
}

/// Returns the start of the set that the mark's upper bits select.
fn set_of(mark: u64) -> usize {
    (mark >> 48) as usize % SETS * WAYS
}

impl Memo {
    fn set(&mut self, mark: u64) -> &mut [Option<Slot>] {
        let at = set_of(mark);
        &mut self.slots[at..at + WAYS]
    }
}

/// Finds a token of any verifier whose id `wanted` accepts.
pub(crate) fn find(token: &[u8], wanted: impl Fn(u64) -> bool) -> Option<(u64, Verified)> {
    let mark = mark(token);
    // While the thread exits, or inside another lookup, the cache is unavailable.
    MEMO.try_with(|memo| {
        let memo = memo.try_borrow().ok()?;
        let at = set_of(mark);
        let set = memo.slots.get(at..at + WAYS)?;
        let slot = set.iter().flatten().find(|slot| {
            slot.mark == mark
                && wanted(slot.verifier)
                && slot.verified.entry().token.as_bytes() == token
        })?;
        Some((slot.verifier, slot.verified.clone()))
    })
    .ok()
    .flatten()
}

/// Stores a token that the shared cache returned.
pub(crate) fn remember(verifier: u64, verified: &Verified) {
    let new = Slot {
        mark: mark(verified.entry().token.as_bytes()),
        verifier,
        verified: verified.clone(),
    };
    // Evicted entries are dropped after the borrow: their drop may run application code.
    let dropped = MEMO.try_with(|memo| {
        let mut memo = memo.try_borrow_mut().ok()?;
        let weight = new.verified.entry().weight();
        let mut dropped = Vec::new();
        if memo.slots.is_empty() {
            memo.slots.resize_with(SETS * WAYS, || None);
        } else if memo.bytes + weight > MAX_BYTES {
            dropped.extend(memo.slots.iter_mut().filter_map(Option::take));
            memo.bytes = 0;
        }
        memo.turn = (memo.turn + 1) % WAYS;
        let turn = memo.turn;
        let set = memo.set(new.mark);
        let same = |slot: &Option<Slot>| {
            slot.as_ref().is_some_and(|slot| {
                slot.mark == new.mark
                    && slot.verifier == verifier
                    && slot.verified.entry().token == new.verified.entry().token
            })
        };
        let place = (set.iter().position(same))
            .or_else(|| set.iter().position(Option::is_none))
            .unwrap_or(turn);
        let old = set[place].replace(new);
        memo.bytes += weight;
        if let Some(old) = old {
            memo.bytes = memo.bytes.saturating_sub(old.verified.entry().weight());
            dropped.push(old);
        }
        Some(dropped)
    });
    drop(dropped);
}

/// Removes a token that failed a re-check.
pub(crate) fn forget(verifier: u64, verified: &Verified) {
    let dropped = MEMO.try_with(|memo| {
        let mut memo = memo.try_borrow_mut().ok()?;
        if memo.slots.is_empty() {
            return None;
        }
        let entry = verified.entry();
        let set = memo.set(mark(entry.token.as_bytes()));
        let slot = set.iter_mut().find(|slot| {
            slot.as_ref().is_some_and(|slot| {
                slot.verifier == verifier && slot.verified.entry().token == entry.token
            })
        })?;
        let old = slot.take()?;
        memo.bytes = memo.bytes.saturating_sub(old.verified.entry().weight());
        Some(old)
    });
    drop(dropped);
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::super::claim_set::ClaimSet;
    use super::super::list::changes::Marks;
    use super::super::rules::Window;
    use super::super::verified::Entry;
    use super::*;
    use crate::jose::jws::Compact;
    use std::sync::atomic::AtomicU64;
    use std::sync::{Arc, OnceLock};

    /// Builds tokens that differ, but share the bytes used for lookup.
    fn text(token: &str) -> String {
        format!("{token}.the same signature")
    }

    fn verified(token: &str) -> Verified {
        Verified::new(Arc::new(Entry {
            token: text(token).into(),
            hash: 0,
            // {"alg":"ES256"}
            header: Compact::split(b"eyJhbGciOiJFUzI1NiJ9..", 99)
                .and_then(|compact| compact.header())
                .unwrap(),
            claims: ClaimSet::new(String::new(), None, None),
            token_id: None,
            window: Window { expires: None, begins: 0 },
            issued_in: None,
            key: [0; 32],
            generation: AtomicU64::new(0),
            epoch: 0,
            revocation_id: OnceLock::new(),
            issuer_verifies_emails: false,
            marks: Marks::default(),
        }))
    }

    fn found(verifier: u64, token: &str) -> Option<String> {
        let (id, verified) = find(text(token).as_bytes(), |id| id == verifier)?;
        assert_eq!(id, verifier);
        assert_eq!(verified.expose_token(), text(token));
        Some(token.to_owned())
    }

    #[test]
    fn tokens_with_the_same_ending_are_told_apart() {
        remember(1, &verified("a"));
        assert_eq!(found(1, "a").as_deref(), Some("a"));
        assert_eq!(found(1, "b"), None);
        assert_eq!(found(2, "a"), None);

        // Neither evicts the other; the same token replaces itself.
        for (verifier, token) in [(1, "b"), (2, "a"), (1, "a")] {
            remember(verifier, &verified(token));
        }
        for (verifier, token) in [(1, "a"), (1, "b"), (2, "a")] {
            assert_eq!(found(verifier, token).as_deref(), Some(token));
        }
        forget(1, &verified("b"));
        assert_eq!((found(1, "b"), found(2, "b")), (None, None));
        assert!(found(1, "a").is_some() && found(2, "a").is_some());
        forget(2, &verified("a"));
        assert!(found(1, "a").is_some() && found(2, "a").is_none());
    }

    #[test]
    fn size_is_bounded() {
        let long = "a".repeat(MAX_BYTES / 3);
        for number in 0..10 {
            let token = format!("{long}{number}");
            remember(1, &verified(&token));
            assert!(found(1, &token).is_some());
            let held: usize = MEMO.with_borrow(|memo| {
                let slots = memo.slots.iter().flatten();
                let held = slots.map(|slot| slot.verified.entry().weight()).sum();
                assert_eq!(memo.bytes, held);
                held
            });
            assert!(held <= MAX_BYTES);
        }
        MEMO.with_borrow_mut(|memo| *memo = Memo::default());
    }
}
