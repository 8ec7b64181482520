//! What watchers are notified of, and when (faults 12 and 16 of `docs/faults.md`).

use crate::support::proxy::Proxy;
use crate::support::redis::{Server, percentile, trackers, until};
use jamguard::store::{Change, NewRecord, RedisStore, Store, Watcher};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Notes what it is told.
pub(crate) struct Notes {
    told: Arc<Mutex<Vec<(Instant, String)>>>,
    _listens: Arc<dyn Fn(Change<'_>) + Send + Sync>,
}

impl Notes {
    pub(crate) fn of(store: &RedisStore) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let notes = told.clone();
        let listens: Arc<dyn Fn(Change<'_>) + Send + Sync> = Arc::new(move |change| {
            let text = match change {
                Change::Key(key) => key.to_owned(),
                other => format!("{other:?}"),
            };
            notes.lock().unwrap().push((Instant::now(), text));
        });
        assert!(store.watch(Watcher::new(&listens)));
        Self { told, _listens: listens }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter().map(|(_, text)| text.clone()).collect()
    }

    /// When it was first told this.
    pub(crate) fn when(&self, what: &str) -> Option<Instant> {
        let told = self.told.lock().unwrap();
        told.iter().find(|(_, text)| text == what).map(|(at, _)| *at)
    }

    pub(crate) async fn wait(&self, what: &str) -> Instant {
        until(what, async || self.when(what).is_some()).await;
        self.when(what).unwrap()
    }

    pub(crate) fn forget(&self) {
        self.told.lock().unwrap().clear();
    }
}

fn store(server: &Server) -> RedisStore {
    RedisStore::builder(&server.url()).build().unwrap()
}

fn new() -> NewRecord {
    NewRecord::new(*b"v").owned_by("ann")
}

#[tokio::test]
async fn every_way_to_change_a_record_is_told_to_others_and_to_oneself() {
    let server = Server::start();
    let (here, there) = (store(&server), store(&server));
    let (mine, theirs) = (Notes::of(&here), Notes::of(&there));
    mine.wait("Live").await;
    theirs.wait("Live").await;
    let told = async |what: &str| {
        assert!(mine.when(what).is_some(), "told before the write returned");
        theirs.wait(what).await;
        mine.forget();
        theirs.forget();
    };
    let version = here.insert("k", new()).await.unwrap().unwrap();
    told("k").await;
    here.replace("k", version, vec![], None).await.unwrap().unwrap();
    told("k").await;
    assert!(here.remove("k").await.unwrap());
    told("k").await;
    here.insert("owned", new()).await.unwrap().unwrap();
    told("owned").await;
    assert_eq!(here.remove_owned("ann").await.unwrap(), 1);
    told("owned").await;
    // Its end is told as well.
    let short = new().expires_after(Duration::from_millis(20));
    here.insert("short", short).await.unwrap().unwrap();
    told("short").await;
    theirs.wait("short").await;
    server.command(&["FLUSHALL"]);
    mine.wait("All").await;
    theirs.wait("All").await;
    assert!(theirs.when("Lost").is_none());
    // One that comes later learns inside the call that all is well.
    assert_eq!(Notes::of(&there).all(), ["Live"]);
}

/// What Redis tells may be under way: a write of one's own is told before it returns.
#[tokio::test]
async fn a_write_of_ones_own_is_told_before_it_returns() {
    let server = Server::start();
    let proxy = Proxy::start(server.port).await;
    let store = RedisStore::builder(&format!("redis://127.0.0.1:{}", proxy.port)).build().unwrap();
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    proxy.silence_trackers(true);
    let told = |key: &str| {
        assert!(notes.when(key).is_some(), "told before the write returned");
        notes.forget();
    };
    let version = store.insert("k", new()).await.unwrap().unwrap();
    told("k");
    store.replace("k", version, vec![], None).await.unwrap().unwrap();
    told("k");
    assert!(store.remove("k").await.unwrap());
    told("k");
    store.insert("owned", new()).await.unwrap().unwrap();
    told("owned");
    assert_eq!(store.remove_owned("ann").await.unwrap(), 1);
    told("owned");
    // Also one that fails: it may have been done.
    server.pause();
    assert!(store.insert("vain", new()).await.is_err());
    told("vain");
}

/// Keys of counters and lists are not records: nobody is woken for them.
#[tokio::test]
async fn a_write_is_told_once() {
    let server = Server::start();
    let (here, there) = (store(&server), store(&server));
    let theirs = Notes::of(&there);
    theirs.wait("Live").await;
    for number in 0..100 {
        here.insert(&number.to_string(), new()).await.unwrap().unwrap();
    }
    theirs.wait("99").await;
    assert_eq!(theirs.all().len(), 101);
}

/// Fault 12, as far as the store goes: how soon another handle, over its own connections, is
/// notified.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_learned_elsewhere_within_milliseconds() {
    let server = Server::start();
    let (here, there) = (store(&server), store(&server));
    let theirs = Notes::of(&there);
    theirs.wait("Live").await;
    let mut times = Vec::new();
    for number in 0..1_000 {
        let key = number.to_string();
        here.insert(&key, new()).await.unwrap().unwrap();
        let written = Instant::now();
        let told = theirs.wait(&key).await;
        times.push(told.saturating_duration_since(written));
        theirs.forget();
    }
    times.sort_unstable();
    println!(
        "fault 12, store: told elsewhere after the write returned: p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms, N = 1000",
        percentile(&times, 50),
        percentile(&times, 99),
        percentile(&times, 100),
    );
    assert!(percentile(&times, 99) < 1_000.0);
}

/// Fault 16.
#[tokio::test]
async fn a_lost_connection_is_told_at_once_and_made_again() {
    let server = Server::start();
    let store = store(&server);
    let notes = Notes::of(&store);
    let (mut lost, mut live) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        notes.wait("Live").await;
        notes.forget();
        let ids = trackers(&server);
        assert_eq!(ids.len(), 1);
        let killed = Instant::now();
        server.command(&["CLIENT", "KILL", "ID", &ids[0]]);
        lost.push(notes.wait("Lost").await - killed);
        live.push(notes.wait("Live").await - killed);
        // The other connection did not notice.
        assert!(store.get("k").await.is_ok());
    }
    lost.sort_unstable();
    live.sort_unstable();
    println!(
        "fault 16, connection killed: lost is told after p50 {:.1} ms, max {:.1} ms; live again after max {:.1} ms",
        percentile(&lost, 50),
        percentile(&lost, 100),
        percentile(&live, 100),
    );
    assert!(percentile(&lost, 100) < 800.0 && percentile(&live, 100) < 1_000.0);
}

/// Fault 16: the connection stays open, and nothing arrives over it.
#[tokio::test]
async fn a_silent_connection_is_given_up_within_half_a_second() {
    let server = Server::start();
    let store = store(&server);
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        notes.forget();
        let paused = Instant::now();
        server.pause();
        silent.push(notes.wait("Lost").await - paused);
        server.resume();
        let resumed = Instant::now();
        let live = notes.wait("Live").await - resumed;
        assert!(live < Duration::from_secs(1), "{live:?}");
    }
    silent.sort_unstable();
    println!("fault 16, silent: lost is told after {silent:?}");
    assert!(*silent.last().unwrap() < Duration::from_millis(800));
}

/// A proxy may lead an open connection to another server.
#[tokio::test]
async fn records_and_their_changes_come_from_one_server_or_lost_is_told() {
    let (server, other) = (Server::start(), Server::start());
    let proxy = Proxy::start(server.port).await;
    let store = RedisStore::connect(&proxy.url()).await.unwrap();
    let notes = Notes::of(&store);
    for trackers in [false, true, false] {
        notes.wait("Live").await;
        assert!(store.get("k").await.is_ok());
        notes.forget();
        let carried = Instant::now();
        proxy.carry_over(trackers, other.port);
        let lost = notes.wait("Lost").await - carried;
        println!("carried over to another server: lost is told after {lost:?}");
        assert!(lost < Duration::from_millis(800), "{lost:?}");
    }
    notes.wait("Live").await;
}

#[tokio::test]
async fn watchers_live_through_a_restart_and_a_late_start() {
    let mut server = Server::start();
    server.kill();
    let store = store(&server);
    let notes = Notes::of(&store);
    let mut failed = 0;
    until("a hundred reads fail", async || {
        failed += usize::from(store.get("k").await.is_err());
        failed == 100
    })
    .await;
    assert!(notes.all().is_empty(), "nothing may be remembered before Redis is there");
    for _ in 0..2 {
        server.run();
        let started = Instant::now();
        assert!(notes.wait("Live").await - started < Duration::from_secs(1));
        server.kill();
        notes.wait("Lost").await;
        notes.forget();
    }
}

/// The store goes, and whoever remembers what it said is told.
#[tokio::test]
async fn a_dropped_store_says_lost() {
    let server = Server::start();
    let store = store(&server);
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    drop(store);
    notes.wait("Lost").await;
}
