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

use super::verified::Verified;
use crate::core::hash::seeded_hash;
use crate::core::set_cache::{SetCache, Weight};
use std::cell::RefCell;

const SETS: usize = 1024;
/// Per thread; when exceeded, the thread's cache is cleared.
const MAX_BYTES: usize = 8 * 1024 * 1024;

struct Slot {
    mark: u64,
    verifier: u64,
    verified: Verified,
}

impl Slot {
    fn is(&self, mark: u64, token: &[u8]) -> bool {
        self.mark == mark && self.verified.entry().token.as_bytes() == token
    }
}

impl Weight for Slot {
    fn weight(&self) -> usize {
        self.verified.entry().weight()
    }
}

thread_local! {
    static CACHE: RefCell<SetCache<Slot>> = RefCell::new(SetCache::new(SETS, MAX_BYTES));
}

/// Returns a hash of the token's last 16 bytes, and the part of it that selects the set.
fn mark(token: &[u8]) -> (u64, usize) {
    let mark = seeded_hash(&token[token.len().saturating_sub(16)..]);
    (mark, (mark >> 48) as usize)
}

/// Finds a token of any verifier whose id `wanted` accepts.
#[inline]
pub(crate) fn find(token: &[u8], wanted: impl Fn(u64) -> bool) -> Option<(u64, Verified)> {
    let (mark, set) = mark(token);
    // While the thread exits, or inside another lookup, the cache is unavailable.
    CACHE
        .try_with(|cache| {
            let cache = cache.try_borrow().ok()?;
            let slot = cache.find(set, |slot| wanted(slot.verifier) && slot.is(mark, token))?;
            Some((slot.verifier, slot.verified.clone()))
        })
        .ok()
        .flatten()
}

/// Stores a token that the shared cache returned.
pub(crate) fn remember(verifier: u64, verified: &Verified) {
    let (mark, set) = mark(verified.entry().token.as_bytes());
    let new = Slot { mark, verifier, verified: verified.clone() };
    let same = |known: &Slot, new: &Slot| {
        known.verifier == new.verifier && known.is(mark, new.verified.entry().token.as_bytes())
    };
    // Evicted entries are dropped after the borrow: their drop may run application code.
    let evicted = CACHE
        .try_with(|cache| cache.try_borrow_mut().map(|mut cache| cache.insert(set, new, same)));
    drop(evicted);
}

/// Removes a token that failed a re-check.
pub(crate) fn forget(verifier: u64, verified: &Verified) {
    let token = verified.entry().token.as_bytes();
    let (mark, set) = mark(token);
    let wanted = |slot: &Slot| slot.verifier == verifier && slot.is(mark, token);
    let removed =
        CACHE.try_with(|cache| cache.try_borrow_mut().map(|mut cache| cache.remove(set, wanted)));
    drop(removed);
}

#[cfg(test)]
mod tests {
    use super::super::claim_set::ClaimSet;
    use super::super::list::changes::Marks;
    use super::super::rules::Window;
    use super::super::verified::{Entry, Evidence};
    use super::*;
    use std::sync::{Arc, OnceLock};
    use std::time::Duration;

    /// Builds tokens that differ, but share the bytes used for lookup.
    fn text(token: &str) -> String {
        format!("{token}.the same signature")
    }

    fn verified(token: &str) -> Verified {
        Verified::new(Arc::new(Entry {
            token: text(token).into(),
            hash: 0,
            claims: ClaimSet::new(String::new(), None, None),
            token_id: None,
            window: Window { expires: None, begins: 0 },
            confirmation: None,
            issued_in: None,
            evidence: Evidence::Introspection { usable: Duration::ZERO..Duration::ZERO },
            epoch: 0,
            revocation_id: OnceLock::new(),
            issuer_verifies_emails: false,
            is_alb: false,
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
            let (_, held) = CACHE.with_borrow(SetCache::held);
            assert!(held <= MAX_BYTES);
        }
        CACHE.set(SetCache::new(SETS, MAX_BYTES));
    }
}
