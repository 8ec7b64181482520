//! The near cache: every promise of the store below, and what it remembers, and for how long.

mod probe;

use crate::support::wait::until;
use jamguard::store::{CachedStore, Change, MemoryStore, NewRecord, Record, Store, Watcher};
use jamguard::testing::{ManualClock, store_suite};
use probe::Probe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOW: u64 = 1_700_000_000;
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn near_a_memory_store_every_promise_holds() {
    let store = MemoryStore::new();
    store_suite(async || CachedStore::new(store.clone()), tokio::time::sleep).await;
    let clock = ManualClock::at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let near = async || CachedStore::builder(store.clone()).clock(clock.clone()).build().unwrap();
    store_suite(near, async |time| clock.advance(time)).await;
    // One that has room for next to nothing, and one near another.
    let small = async || {
        let near = CachedStore::builder(store.clone()).clock(clock.clone());
        near.max_bytes(1000).build().unwrap()
    };
    store_suite(small, async |time| clock.advance(time)).await;
    let twice = async || {
        let near = CachedStore::builder(store.clone()).clock(clock.clone()).build().unwrap();
        CachedStore::builder(near).clock(clock.clone()).build().unwrap()
    };
    store_suite(twice, async |time| clock.advance(time)).await;
}

#[cfg(feature = "file")]
#[tokio::test(flavor = "multi_thread")]
async fn near_a_file_store_every_promise_holds() {
    let folder = crate::support::folder::Folder::new("near");
    let store = jamguard::store::FileStore::open(folder.store()).unwrap();
    store_suite(async || CachedStore::new(store.clone()), tokio::time::sleep).await;
}

fn new(value: &[u8]) -> NewRecord {
    NewRecord::new(value)
}

/// A clock, a store below, and a near cache over it that is live.
fn world() -> (ManualClock, Probe, CachedStore<Probe>) {
    let clock = ManualClock::at(NOW);
    let below = Probe::new(MemoryStore::builder().clock(clock.clone()).build().unwrap());
    let near = CachedStore::builder(below.clone()).clock(clock.clone()).build().unwrap();
    below.say(Change::Live);
    (clock, below, near)
}

async fn value(store: &impl Store, key: &str) -> Option<Vec<u8>> {
    let record = store.get(key).await.unwrap();
    record.map(|record| record.value().to_vec())
}

fn peeked(store: &impl Store, key: &str) -> Option<Option<Vec<u8>>> {
    let peeked = store.peek(key)?;
    Some(peeked.map(|record| record.value().to_vec()))
}

#[tokio::test]
async fn an_answer_is_asked_for_once() {
    let (_, below, near) = world();
    let version = near.insert("key", new(b"1")).await.unwrap().unwrap();
    assert_eq!(near.peek("key"), None);
    for _ in 0..10 {
        assert_eq!(value(&near, "key").await, Some(b"1".to_vec()));
        // That there is nothing is an answer too.
        assert_eq!(value(&near, "nothing").await, None);
    }
    assert_eq!(below.asked(), 2);
    assert_eq!(near.peek("key").unwrap().unwrap().version(), version);
    assert_eq!(near.peek("nothing"), Some(None));
    // Clones remember together.
    assert_eq!(near.clone().peek("nothing"), Some(None));
}

#[tokio::test]
async fn an_own_write_is_seen_at_once() {
    let (_, below, near) = world();
    assert_eq!(value(&near, "key").await, None);
    let version = near.insert("key", new(b"1")).await.unwrap().unwrap();
    assert_eq!(value(&near, "key").await, Some(b"1".to_vec()));
    near.replace("key", version, b"2".to_vec(), None).await.unwrap().unwrap();
    assert_eq!(value(&near, "key").await, Some(b"2".to_vec()));
    near.remove("key").await.unwrap();
    assert_eq!(value(&near, "key").await, None);
    near.insert("key", new(b"3").owned_by("ann")).await.unwrap();
    assert_eq!(value(&near, "key").await, Some(b"3".to_vec()));
    near.remove_owned("ann").await.unwrap();
    assert_eq!(value(&near, "key").await, None);
    assert_eq!(below.asked(), 6);
}

#[tokio::test]
async fn a_write_elsewhere_is_seen_as_soon_as_it_is_told() {
    let (_, below, near) = world();
    assert_eq!(value(&near, "key").await, None);
    assert_eq!(value(&near, "other").await, None);
    below.insert("key", new(b"1")).await.unwrap();
    assert_eq!(near.peek("key"), None);
    assert_eq!(near.peek("other"), Some(None));
    assert_eq!(value(&near, "key").await, Some(b"1".to_vec()));
    below.say(Change::All);
    assert_eq!(near.peek("key"), None);
    assert_eq!(near.peek("other"), None);
    assert_eq!(value(&near, "key").await, Some(b"1".to_vec()));
    assert_eq!(peeked(&near, "key"), Some(Some(b"1".to_vec())));
}

/// The answer is on its way when the record changes: it is given, and not remembered.
async fn overtaken(change: impl AsyncFn(&Probe, &CachedStore<Probe>)) {
    let (_, below, near) = world();
    near.insert("key", new(b"old")).await.unwrap();
    below.hold_answers();
    let asking = tokio::spawn({
        let near = near.clone();
        async move { value(&near, "key").await }
    });
    while below.asked() == 0 {
        tokio::task::yield_now().await;
    }
    change(&below, &near).await;
    below.let_answers_go();
    assert_eq!(asking.await.unwrap(), Some(b"old".to_vec()));
    assert_eq!(near.peek("key"), None);
    // Nothing else hinders what is asked later.
    value(&near, "key").await;
    assert!(near.peek("key").is_some());
}

#[tokio::test]
async fn an_answer_from_before_a_change_is_not_remembered_after_it() {
    let replace = async |store: &dyn Store| {
        store.remove("key").await.unwrap();
        store.insert("key", new(b"new")).await.unwrap();
    };
    overtaken(async |below, _| replace(below).await).await;
    overtaken(async |_, near| replace(near).await).await;
    overtaken(async |below, _| below.say(Change::All)).await;
    overtaken(async |below, _| {
        below.say(Change::Lost);
        below.say(Change::Live);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_brings_an_old_answer_back() {
    let store = MemoryStore::new();
    let below = Probe::new(store);
    let near = CachedStore::new(below.clone());
    below.say(Change::Live);
    let mut version = near.insert("key", new(b"")).await.unwrap().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (near, done) = (near.clone(), done.clone());
            tokio::spawn(async move {
                while done.load(Ordering::Relaxed) == 0 {
                    near.get("key").await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..20_000 {
        let replaced = below.replace("key", version, vec![], None).await;
        version = replaced.unwrap().unwrap();
        let known = match near.peek("key") {
            Some(known) => known,
            None => near.get("key").await.unwrap(),
        };
        assert_eq!(known.map(|r| r.version()), Some(version), "round {round}");
    }
    done.store(1, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn while_changes_are_not_learned_nothing_is_remembered() {
    let clock = ManualClock::at(NOW);
    let below = Probe::new(MemoryStore::builder().clock(clock.clone()).build().unwrap());
    let near = CachedStore::builder(below.clone()).clock(clock.clone()).build().unwrap();
    let asks_each_time = async || {
        below.asked();
        for _ in 0..3 {
            value(&near, "key").await;
            assert_eq!(near.peek("key"), None);
        }
        below.asked() == 3
    };
    assert!(asks_each_time().await, "before it was live");
    below.say(Change::Live);
    value(&near, "key").await;
    assert!(near.peek("key").is_some());
    below.say(Change::Lost);
    assert_eq!(near.peek("key"), None);
    assert!(asks_each_time().await, "while it was lost");
    below.say(Change::All);
    assert!(asks_each_time().await, "told of changes while it was lost");
    below.say(Change::Live);
    assert_eq!(near.peek("key"), None);
    value(&near, "key").await;
    assert!(near.peek("key").is_some());
}

#[tokio::test]
async fn a_store_that_cannot_be_watched_is_remembered_for_max_age() {
    let clock = ManualClock::at(NOW);
    let below = Probe::unwatchable(MemoryStore::builder().clock(clock.clone()).build().unwrap());
    let near = CachedStore::builder(below.clone()).clock(clock.clone()).build().unwrap();
    value(&near, "key").await;
    assert_eq!(near.peek("key"), None);

    let near = CachedStore::builder(below.clone())
        .clock(clock.clone())
        .max_age(5 * SECOND)
        .build()
        .unwrap();
    assert_eq!(value(&near, "key").await, None);
    // Somebody else's write goes unseen, and not for longer.
    below.insert("key", new(b"1").owned_by("ann")).await.unwrap();
    clock.advance(5 * SECOND - Duration::from_millis(1));
    assert_eq!(near.peek("key"), Some(None));
    clock.advance(Duration::from_millis(1));
    assert_eq!(near.peek("key"), None);
    assert_eq!(value(&near, "key").await, Some(b"1".to_vec()));
    // Our own is seen at once.
    near.remove_owned("ann").await.unwrap();
    assert_eq!(value(&near, "key").await, None);
    near.insert("key", new(b"2")).await.unwrap();
    assert_eq!(value(&near, "key").await, Some(b"2".to_vec()));
    let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = Arc::new(|_| {});
    assert!(!near.watch(Watcher::new(&told)));
}

#[tokio::test]
async fn max_age_bounds_a_watched_store_too() {
    let clock = ManualClock::at(NOW);
    let below = Probe::new(MemoryStore::builder().clock(clock.clone()).build().unwrap());
    let near =
        CachedStore::builder(below.clone()).clock(clock.clone()).max_age(SECOND).build().unwrap();
    below.say(Change::Live);
    value(&near, "key").await;
    assert_eq!(near.peek("key"), Some(None));
    clock.advance(SECOND);
    assert_eq!(near.peek("key"), None);
}

#[tokio::test]
async fn a_copy_lives_no_longer_than_its_record() {
    let (clock, below, near) = world();
    let record = new(b"1").expires_after(10 * SECOND);
    near.insert("key", record).await.unwrap();
    assert_eq!(value(&near, "key").await, Some(b"1".to_vec()));
    below.asked();
    clock.advance(4 * SECOND);
    // The wall clock has no say in it.
    clock.set_wall(0);
    let left = |record: Option<Record>| record.and_then(|r| r.ttl());
    assert_eq!(left(near.get("key").await.unwrap()), Some(6 * SECOND));
    assert_eq!(left(near.peek("key").unwrap()), Some(6 * SECOND));
    clock.advance(6 * SECOND - Duration::from_millis(1));
    assert!(near.peek("key").unwrap().is_some());
    assert_eq!(below.asked(), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(near.peek("key"), None);
    assert_eq!(value(&near, "key").await, None);
    assert_eq!(below.asked(), 1);
}

#[tokio::test]
async fn what_may_have_been_written_is_not_remembered() {
    let (_, below, near) = world();
    let record = new(b"1").owned_by("ann");
    near.insert("key", record.clone()).await.unwrap();
    value(&near, "key").await;
    below.fail(true);
    assert!(near.remove("key").await.is_err());
    assert_eq!(near.peek("key"), None);
    // A failure is no answer, and not remembered as one.
    assert!(near.get("key").await.is_err());
    assert_eq!(near.peek("key"), None);
    below.fail(false);
    near.insert("key", record).await.unwrap();
    value(&near, "key").await;
    below.fail(true);
    assert!(near.remove_owned("ann").await.is_err());
    assert_eq!(near.peek("key"), None);
    // Nor what was given up halfway.
    below.fail(false);
    value(&near, "key").await;
    drop(near.remove("key"));
    assert!(near.peek("key").is_some(), "it never began");
    below.fail(true);
    let mut removing = near.remove("key");
    let waker = std::task::Waker::noop();
    let _ = removing.as_mut().poll(&mut std::task::Context::from_waker(waker));
    drop(removing);
    assert_eq!(near.peek("key"), None);
}

#[tokio::test]
async fn watchers_are_told_when_nothing_old_is_left() {
    let (_, below, near) = world();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = Arc::new({
        let (near, heard) = (near.clone(), heard.clone());
        move |change| {
            assert_eq!(near.peek("key"), None, "{change:?}");
            heard.lock().unwrap().push(format!("{change:?}"));
        }
    });
    let heard = || std::mem::take(&mut *heard.lock().unwrap());
    assert!(near.watch(Watcher::new(&told)));
    assert_eq!(heard(), ["Live"]);
    for change in [Change::Key("key"), Change::All, Change::Lost, Change::Live] {
        value(&near, "key").await;
        below.say(change);
        assert_eq!(heard(), [format!("{change:?}")]);
    }
    value(&near, "key").await;
    near.insert("key", new(b"1")).await.unwrap();
    assert!(heard().contains(&"Key(\"key\")".to_owned()));
    // Who comes while it is lost hears of Live when it is.
    below.say(Change::Lost);
    let later: Arc<Mutex<Vec<String>>> = Arc::default();
    let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = Arc::new({
        let later = later.clone();
        move |change| later.lock().unwrap().push(format!("{change:?}"))
    });
    assert!(near.watch(Watcher::new(&told)));
    assert!(later.lock().unwrap().is_empty());
    below.say(Change::Live);
    assert_eq!(*later.lock().unwrap(), ["Live"]);
}

#[tokio::test]
async fn it_is_bounded_by_bytes() {
    let store = MemoryStore::new();
    let below = Probe::new(store);
    let near = CachedStore::builder(below.clone()).max_bytes(1 << 20).build().unwrap();
    below.say(Change::Live);
    let keys: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    for key in &keys {
        near.insert(key, new(&[7; 10_000])).await.unwrap();
    }
    let read_all = async || {
        for key in &keys {
            value(&near, key).await;
        }
        keys.iter().filter(|key| near.peek(key).is_some()).count()
    };
    until("moka has tidied up", async || read_all().await <= 110).await;
    let kept = read_all().await;
    assert!((50..=110).contains(&kept), "{kept} of 10,000 bytes in 1 MiB");
}

/// Each request for a session reads its record: what the store below is asked.
async fn asked_for(near: &CachedStore<Probe>, below: &Probe, keys: &[String]) -> usize {
    below.asked();
    for key in keys {
        assert!(near.get(key).await.unwrap().is_some());
    }
    below.asked()
}

#[tokio::test]
async fn invented_ids_push_no_record_out() {
    let below = Probe::new(MemoryStore::new());
    let near = CachedStore::builder(below.clone()).max_bytes(4 << 20).build().unwrap();
    below.say(Change::Live);
    let keys: Vec<String> = (0..200).map(|number| format!("real/{number}")).collect();
    for key in &keys {
        below.insert(key, new(&[7; 300])).await.unwrap();
    }
    asked_for(&near, &below, &keys).await;
    assert_eq!(asked_for(&near, &below, &keys).await, 0);
    for number in 0..60_000 {
        let invented = format!("session/{number:043}");
        assert!(near.get(&invented).await.unwrap().is_none());
    }
    let asked = asked_for(&near, &below, &keys).await;
    assert!(asked <= 4, "{asked} questions for 200 requests");
}

#[tokio::test]
async fn keys_without_a_record_have_a_bound_of_their_own() {
    let remembered = async |share: Option<u64>| {
        let below = Probe::new(MemoryStore::new());
        let mut near = CachedStore::builder(below.clone()).max_bytes(1 << 20);
        if let Some(bytes) = share {
            near = near.max_absent_bytes(bytes);
        }
        let near = near.build().unwrap();
        below.say(Change::Live);
        let keys: Vec<String> = (0..1000).map(|number| format!("none/{number}")).collect();
        for key in &keys {
            near.get(key).await.unwrap();
        }
        let is_known = |key: &&String| near.peek(key).is_some();
        // The newest stay.
        let newest = keys.iter().rev().take_while(is_known).count();
        assert_eq!(newest, keys.iter().filter(is_known).count());
        newest
    };
    let default = remembered(None).await;
    assert!((400..600).contains(&default), "{default}");
    assert_eq!(remembered(Some(0)).await, 0);
    assert_eq!(remembered(Some(1 << 18)).await, default);
    assert_eq!(remembered(Some(800_000)).await, 1000);
}

/// A key that had no record and got one is not forgotten when its old place is needed.
#[tokio::test]
async fn a_key_that_got_a_record_is_a_record() {
    let below = Probe::new(MemoryStore::new());
    let near = CachedStore::builder(below.clone()).max_bytes(1 << 20).build().unwrap();
    below.say(Change::Live);
    assert!(near.get("key").await.unwrap().is_none());
    near.insert("key", new(b"1")).await.unwrap();
    assert!(near.get("key").await.unwrap().is_some());
    for number in 0..2000 {
        near.get(&format!("none/{number}")).await.unwrap();
    }
    assert_eq!(peeked(&near, "key"), Some(Some(b"1".to_vec())));
}
