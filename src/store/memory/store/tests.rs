//! Tests of the indexes and the bounds.
#![allow(clippy::unwrap_used)]

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock in milliseconds that is set by hand.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&self) -> Duration {
        self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

fn new(millis: u64, owner: &str) -> NewRecord {
    NewRecord::new(*b"v").expires_after(Duration::from_millis(millis)).owned_by(owner)
}

fn kept(store: &Records) -> (usize, usize, usize, u64) {
    store.by_key.run_pending_tasks();
    let index = lock(&store.index);
    let owned = index.owners.values().map(HashSet::len).sum();
    let records = store.by_key.entry_count();
    (index.count, index.deadlines.len(), owned, records)
}

#[test]
fn the_index_lists_exactly_the_kept_records() {
    let clock = Hand::default();
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap().0;
    for number in 0..100 {
        let owner = if number % 2 == 0 { "even" } else { "odd" };
        let key = number.to_string();
        store.insert(&key, new(number + 1, owner)).unwrap().unwrap();
    }
    assert_eq!(kept(&store), (100, 100, 100, 100));
    // Replacing drops the deadline and keeps the owner. Removing drops everything.
    let version = store.read("99").unwrap().version();
    store.replace("99", version, vec![], None).unwrap().unwrap();
    assert!(store.remove("98").unwrap());
    assert_eq!(kept(&store), (99, 98, 99, 99));
    // Each write frees at most `SWEPT_PER_WRITE` of the 50 expired records.
    clock.0.store(50, Ordering::SeqCst);
    assert!(!store.remove("none").unwrap());
    assert_eq!(kept(&store).0, 99 - SWEPT_PER_WRITE);
    assert_eq!(store.remove_owned("odd"), 25);
    assert_eq!(kept(&store), (24, 24, 24, 24));
    clock.0.store(1_000, Ordering::SeqCst);
    assert_eq!(store.sweep(&mut lock(&store.index), clock.monotonic(), 100), 24);
    assert_eq!(kept(&store), (0, 0, 0, 0));
    assert!(lock(&store.index).owners.is_empty());
}

#[test]
fn a_full_store_rejects_insertions_and_keeps_live_records() {
    let clock = Hand::default();
    let store = MemoryStore::builder()
        .clock(clock.clone())
        .max_bytes(100 * (OVERHEAD + OWNER + 6) as u64)
        .build()
        .unwrap()
        .0;
    for number in 100..200 {
        store.insert(&number.to_string(), new(10, "al")).unwrap().unwrap();
    }
    let full = store.insert("more", new(10, "al")).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Storage);
    assert!(full.message().contains(".max_bytes("), "{full}");
    assert_eq!(store.owned("al").0.len(), 100);
    // Existing records can still be changed, and expired ones make room.
    let version = store.read("107").unwrap().version();
    let larger = store.replace("107", version, b"vv".to_vec(), None);
    assert_eq!(larger.unwrap_err().kind(), ErrorKind::Storage);
    assert_eq!(store.read("107").unwrap().version(), version);
    let same = store.replace("107", version, b"w".to_vec(), None);
    assert!(same.unwrap().is_some());
    clock.0.store(10, Ordering::SeqCst);
    assert!(store.insert("more", new(10, "al")).unwrap().is_some());
    assert_eq!(store.owned("al").0.len(), 2);
}

/// A large or an anonymous record may need more room than the fixed number that a write frees.
#[test]
fn what_expired_is_never_in_the_way() {
    let clock = Hand::default();
    let store = MemoryStore::builder()
        .clock(clock.clone())
        .max_bytes(10 << 20)
        .max_anonymous_bytes(1 << 20)
        .build()
        .unwrap()
        .0;
    let fill = |name: &str, new: NewRecord| {
        let inserted = |at: &usize| store.insert(&format!("{name} {at}"), new.clone()).is_ok();
        (0..).take_while(inserted).count()
    };
    let one = |millis| NewRecord::new(*b"v").expires_after(Duration::from_millis(millis));
    assert!(fill("stranger", one(20).for_anonymous()) > 1_000);
    assert!(fill("user", one(10)) > 10_000);
    clock.0.store(20, Ordering::SeqCst);
    let large = NewRecord::new(vec![0; 5 << 20]);
    assert!(store.insert("large", large).unwrap().is_some());
    assert!(lock(&store.index).count > 1_000, "only what was in the way went");
    let stranger = store.insert("stranger", one(10).for_anonymous());
    assert!(stranger.unwrap().is_some());
}

#[test]
fn removed_records_free_their_bytes() {
    let clock = Hand::default();
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap().0;
    let bytes = |store: &Records| {
        let index = lock(&store.index);
        (index.bytes, index.anonymous_bytes)
    };
    store.insert("a", new(10, "ann")).unwrap().unwrap();
    let anonymous = NewRecord::new([0; 100]).for_anonymous();
    let version = store.insert("b", anonymous).unwrap().unwrap();
    let (all, strangers) = bytes(&store);
    assert_eq!(strangers, (OVERHEAD + 101) as u64);
    assert_eq!(all, strangers + (OVERHEAD + OWNER + 5) as u64);
    // A replaced record stays anonymous.
    store.replace("b", version, vec![], None).unwrap().unwrap();
    assert_eq!(bytes(&store), (all - 100, strangers - 100));
    clock.0.store(10, Ordering::SeqCst);
    assert!(store.remove("b").unwrap());
    assert_eq!(bytes(&store), (0, 0));
}
