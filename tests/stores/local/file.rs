//! The file store: every promise of a store, and what a file adds.

use crate::support::folder::Folder;
use jamguard::store::{FileStore, NewRecord, Store};
use jamguard::testing::{ManualClock, store_suite};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const NOW: u64 = 1_700_000_000;
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_file_store_keeps_every_promise() {
    let folder = Folder::new("promises");
    let store = FileStore::open(folder.store()).unwrap();
    store_suite(async || store.clone(), tokio::time::sleep).await;
    drop(store);
    let clock = ManualClock::at(NOW);
    let builder = FileStore::builder().clock(clock.clone());
    let store = builder.open(folder.store()).unwrap();
    store_suite(async || store.clone(), async |time| clock.advance(time)).await;
}

struct Parked(std::thread::Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// An executor that is no runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Parked(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn no_runtime_is_needed() {
    let folder = Folder::new("no-runtime");
    let store = FileStore::open(folder.store()).unwrap();
    let version = block_on(store.insert("key", NewRecord::new(*b"value"))).unwrap();
    let read = block_on(store.get("key")).unwrap().unwrap();
    assert_eq!(Some(read.version()), version);
}

#[tokio::test]
async fn what_was_written_outlives_the_store() {
    let folder = Folder::new("reopened");
    let clock = ManualClock::at(NOW);
    let open = || {
        let builder = FileStore::builder().clock(clock.clone());
        builder.open(folder.store()).unwrap()
    };
    let owned = |value: &'static str| NewRecord::new(value).owned_by("ann");

    let store = open();
    let first = store.insert("gone", owned("0")).await.unwrap().unwrap();
    assert!(store.remove("gone").await.unwrap());
    let kept = store.insert("kept", owned("1")).await.unwrap().unwrap();
    let mortal = owned("2").expires_after(HOUR);
    store.insert("mortal", mortal).await.unwrap().unwrap();
    // Dropped, it is closed: it can be opened in the next line.
    drop(store);

    let store = open();
    let read = store.get("kept").await.unwrap().unwrap();
    assert_eq!((read.value(), read.version()), (&b"1"[..], kept));
    assert_eq!(store.get("mortal").await.unwrap().unwrap().ttl(), Some(HOUR));
    assert_eq!(store.owned("ann").await.unwrap().len(), 2);
    let again = store.insert("gone", owned("3")).await.unwrap().unwrap();
    assert!(again > kept && kept > first, "{first}, {kept}, {again}");
    drop(store);

    // Time passes while nothing runs.
    clock.advance(HOUR);
    let store = open();
    assert!(store.get("mortal").await.unwrap().is_none());
    assert_eq!(store.remove_owned("ann").await.unwrap(), 2);
}

#[tokio::test]
async fn expired_records_leave_the_file() {
    let folder = Folder::new("purge");
    let clock = ManualClock::at(NOW);
    let builder = FileStore::builder().clock(clock.clone());
    let store = builder.open(folder.store()).unwrap();
    let fill = async || {
        for number in 0..100 {
            let record = NewRecord::new(*b"").expires_after(HOUR).owned_by("all");
            store.insert(&number.to_string(), record).await.unwrap();
        }
    };
    fill().await;
    assert_eq!(store.purge().await.unwrap(), 0);
    clock.advance(HOUR);
    assert_eq!(store.purge().await.unwrap(), 100);
    assert_eq!(store.purge().await.unwrap(), 0);
    // Each write takes some of them along.
    fill().await;
    clock.advance(HOUR);
    store.insert("more", NewRecord::new(*b"")).await.unwrap();
    assert_eq!(store.purge().await.unwrap(), 100 - 64);
}

#[tokio::test]
async fn a_write_is_done_whoever_waits_for_it() {
    let folder = Folder::new("cancelled");
    let store = FileStore::open(folder.store()).unwrap();
    for number in 0..20 {
        let key = number.to_string();
        let mut insert = store.insert(&key, NewRecord::new(*b""));
        let waker = Waker::noop();
        assert!(insert.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    drop(store);
    let store = FileStore::open(folder.store()).unwrap();
    for number in 0..20 {
        assert!(store.get(&number.to_string()).await.unwrap().is_some());
    }
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("permissions");
    let _store = FileStore::open(folder.store()).unwrap();
    let mode = folder.store().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
}

#[tokio::test]
async fn owners_are_not_written_out() {
    let folder = Folder::new("owners");
    let store = FileStore::open(folder.store()).unwrap();
    let record = NewRecord::new(*b"a value to find").owned_by("ann@example.com");
    store.insert("key", record).await.unwrap();
    drop(store);
    let file = std::fs::read(folder.store()).unwrap();
    let holds = |text: &[u8]| file.windows(text.len()).any(|bytes| bytes == text);
    assert!(holds(b"a value to find") && !holds(b"ann@example.com"));
}
