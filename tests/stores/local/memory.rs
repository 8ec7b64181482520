//! Bounds in bytes: what they take of a process's memory, and who can fill them.

use crate::support::test_name;
use jamguard::ErrorKind;
use jamguard::store::{CachedStore, MemoryStore, NewRecord, Record, Store, StoreFuture, Watcher};
use std::process::Command;
use std::time::Duration;

pub(crate) const PART: &str = "JAMGUARD_TEST_PART";
const BOUND: u64 = 16 << 20;
/// What is documented of both stores: resident growth per byte of the bound, at most.
const STATED: f64 = 1.25;

/// Bytes of this process in memory, without those of its program file, which become resident as its
/// code runs; `None` if the system does not tell.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: Vec<u64> = statm.split(' ').flat_map(str::parse).collect();
    let (resident, of_files) = (pages.get(1)?, pages.get(2)?);
    Some((resident - of_files) * 4096)
}

/// A store whose records need no memory: those under `record/` exist, with this many bytes.
struct Endless(usize);

impl Store for Endless {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        let record = key.starts_with("record/");
        Box::pin(async move { Ok(record.then(|| Record::new(vec![7; self.0], 1))) })
    }

    fn insert<'a>(&'a self, _: &'a str, _: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async { Ok(None) })
    }

    fn replace<'a>(
        &'a self,
        _: &'a str,
        _: u64,
        _: Vec<u8>,
        _: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async { Ok(None) })
    }

    fn remove<'a>(&'a self, _: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async { Ok(false) })
    }

    fn owned<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn remove_owned<'a>(&'a self, _: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async { Ok(0) })
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    fn watch(&self, watcher: Watcher) -> bool {
        watcher.notify(jamguard::store::Change::Live)
    }
}

/// Reads twice as many bytes as the cache may hold.
async fn fill_near(kind: &str, value: usize) -> Box<dyn Store> {
    let near = CachedStore::builder(Endless(value)).max_bytes(BOUND).build().unwrap();
    let each = value as u64 + 500;
    for number in 0..2 * BOUND / each {
        let key = format!("{kind}/session/app/{number:043}");
        near.get(&key).await.unwrap();
    }
    Box::new(near)
}

/// Reads records until the cache is full of them, and then as many keys without a record.
async fn fill_near_twice() -> Box<dyn Store> {
    let near = CachedStore::builder(Endless(300)).max_bytes(BOUND).build().unwrap();
    for kind in ["record", "record", "record", "absent"] {
        for number in 0..2 * BOUND / 900 {
            let key = format!("{kind}/session/app/{number:043}");
            near.get(&key).await.unwrap();
        }
    }
    Box::new(near)
}

/// Inserts until the store is full.
async fn fill_store(value: usize, owner: bool) -> Box<dyn Store> {
    let store = MemoryStore::builder().max_bytes(BOUND).build().unwrap();
    for number in 0.. {
        let mut record = NewRecord::new(vec![7; value]).expires_after(Duration::from_secs(3600));
        if owner {
            record = record.owned_by(format!("session/app/{number:043}"));
        }
        let key = format!("session/app/{number:043}");
        if store.insert(&key, record).await.is_err() {
            break;
        }
    }
    Box::new(store)
}

const PARTS: [&str; 8] = [
    "near: keys without a record",
    "near: records of 16 bytes",
    "near: records of 300 bytes",
    "near: records of 4,000 bytes",
    "memory: records of 8 bytes",
    "memory: owned records of 300 bytes",
    "memory: owned records of 4,000 bytes",
    "near: records of 300 bytes, then keys without a record",
];

/// In the other process: how much it grew.
pub(crate) fn play(part: &str) {
    // The test harness has begun this line.
    println!();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    runtime.block_on(async {
        let before = resident_bytes();
        // What was filled is held until it is measured.
        let _filled: Box<dyn Store> = match PARTS.iter().position(|known| *known == part) {
            Some(0) => fill_near("absent", 0).await,
            Some(1) => fill_near("record", 16).await,
            Some(2) => fill_near("record", 300).await,
            Some(3) => fill_near("record", 4000).await,
            Some(4) => fill_store(8, false).await,
            Some(5) => fill_store(300, true).await,
            Some(6) => fill_store(4000, true).await,
            _ => fill_near_twice().await,
        };
        let after = resident_bytes();
        if let (Some(before), Some(after)) = (before, after) {
            println!("grown by {} bytes", after.saturating_sub(before));
        }
    });
}

/// Inserts records until there is no room for one more; says how many there are.
async fn insert_until_full(store: &MemoryStore, prefix: &str, record: &NewRecord) -> usize {
    for number in 0.. {
        let key = format!("{prefix}/{number}");
        let inserted = store.insert(&key, record.clone());
        if let Err(error) = inserted.await {
            assert_eq!(error.kind(), ErrorKind::Storage);
            return number;
        }
    }
    unreachable!()
}

#[tokio::test]
async fn records_of_strangers_leave_room_for_others() {
    let store = MemoryStore::builder().max_bytes(1 << 20).build().unwrap();
    let stranger = NewRecord::new(*b"a wrong code").for_anonymous();
    let strangers = insert_until_full(&store, "attempt", &stranger).await;
    let user = NewRecord::new(*b"a revocation");
    let users = insert_until_full(&store, "deny", &user).await;
    assert!(strangers > 500, "{strangers}");
    assert!(users.abs_diff(strangers) < strangers / 10, "{users}");
    // Through a near cache too, and in a part of another size.
    let store = MemoryStore::builder().max_bytes(1 << 20);
    let store = store.max_anonymous_bytes(100_000).build().unwrap();
    let near = CachedStore::new(store.clone());
    let mut number = 0;
    let full = loop {
        number += 1;
        let key = format!("attempt/{number}");
        if let Err(error) = near.insert(&key, stranger.clone()).await {
            break error;
        }
    };
    assert!(number < 200, "{number}");
    assert!(full.message().contains(".max_anonymous_bytes("), "{full}");
    near.insert("deny/1", user).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_bound_counts_bytes_and_not_records() {
    let bounded = || MemoryStore::builder().max_bytes(1 << 20).build().unwrap();
    let small = insert_until_full(&bounded(), "k", &NewRecord::new([0; 8])).await;
    let large = insert_until_full(&bounded(), "k", &NewRecord::new([0; 100_000])).await;
    assert!((1000..2000).contains(&small), "{small}");
    assert_eq!(large, 10);
    // A record that grows counts as a new one does.
    let store = bounded();
    let version = store.insert("k", NewRecord::new([0; 8])).await.unwrap();
    let grown = store.replace("k", version.unwrap(), vec![0; 2 << 20], None);
    assert_eq!(grown.await.unwrap_err().kind(), ErrorKind::Storage);
    assert_eq!(store.get("k").await.unwrap().unwrap().value(), [0; 8]);
}

/// Where the system tells how much memory a process has.
#[cfg(target_os = "linux")]
#[test]
fn a_bound_in_bytes_bounds_what_the_process_takes() {
    let mut over = Vec::new();
    for part in PARTS {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .arg(test_name(module_path!(), "child"))
            .args(["--exact", "--nocapture", "--test-threads=1"])
            .env(PART, part);
        let output = child.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let grown = text.lines().find_map(|line| {
            let number = line.strip_prefix("grown by ")?.strip_suffix(" bytes")?;
            number.parse::<f64>().ok()
        });
        let factor = grown.unwrap_or_else(|| panic!("{part}: {text}")) / BOUND as f64;
        println!("{part}: resident growth of {factor:.2} bytes per byte of the bound");
        if factor > STATED {
            over.push(format!("{part}: {factor:.2}"));
        }
    }
    assert!(over.is_empty(), "over {STATED}: {over:?}");
}

/// Not a test of its own: this binary, started again by one, plays its part here.
#[test]
fn child() {
    if let Ok(part) = std::env::var(PART) {
        play(&part);
    }
}
