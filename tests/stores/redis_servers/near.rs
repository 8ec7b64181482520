//! [`CachedStore`] over Redis: what is remembered is right, or soon forgotten (faults 12 and 16 of
//! `docs/faults.md`).

use crate::redis_servers::cluster::Cluster;
use crate::redis_servers::sentinels::World;
use crate::support::proxy::Proxy;
use crate::support::redis::{Server, percentile, trackers, until};
use jamguard::store::{CachedStore, NewRecord, RedisStore, Store};
use jamguard::testing::store_suite;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

fn near(url: &str) -> CachedStore<RedisStore> {
    CachedStore::new(RedisStore::builder(url).build().unwrap())
}

fn new() -> NewRecord {
    NewRecord::new(*b"v")
}

/// Waits until what is read is remembered.
async fn warm(near: &CachedStore<RedisStore>, key: &str) {
    until("it is remembered", async || near.get(key).await.is_ok() && near.peek(key).is_some())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn near_redis_every_promise_holds() {
    let server = Server::start();
    store_suite(async || near(&server.url()), tokio::time::sleep).await;
    // One handle remembers, the other writes past it.
    let mixed = AtomicBool::new(false);
    let open = async || {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let shared: Arc<dyn Store> = match mixed.swap(true, Ordering::SeqCst) {
            true => Arc::new(store),
            false => Arc::new(CachedStore::new(store)),
        };
        shared
    };
    store_suite(open, tokio::time::sleep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn near_a_cluster_every_promise_holds() {
    let cluster = Cluster::start(0).await;
    store_suite(async || near(&cluster.url()), tokio::time::sleep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn near_a_primary_behind_sentinels_every_promise_holds() {
    let world = World::start().await;
    store_suite(async || near(&world.url()), tokio::time::sleep).await;
}

/// Fault 12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_seen_through_other_near_caches() {
    let server = Server::start();
    let (here, there) = (near(&server.url()), near(&server.url()));
    let mut version = here.insert("k", new()).await.unwrap().unwrap();
    let (mut own, mut times) = (0, Vec::new());
    for round in 0..1_000_u32 {
        warm(&there, "k").await;
        let value = round.to_be_bytes().to_vec();
        version = here.replace("k", version, value, None).await.unwrap().unwrap();
        let written = Instant::now();
        if here.get("k").await.unwrap().unwrap().version() != version {
            own += 1;
        }
        while there.get("k").await.unwrap().unwrap().version() != version {
            tokio::task::yield_now().await;
        }
        times.push(written.elapsed());
    }
    times.sort_unstable();
    println!(
        "fault 12, near caches: after the write returned, 0 old answers in this handle ({own} seen); \
         right elsewhere after p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms, N = 1000",
        percentile(&times, 50),
        percentile(&times, 99),
        percentile(&times, 100),
    );
    assert_eq!(own, 0);
    assert!(percentile(&times, 100) < 1_000.0);
}

/// Fault 16: the server stands still, or is gone. Nothing is remembered for longer than half a
/// second.
#[tokio::test]
async fn an_outage_is_no_time_to_go_by_memory() {
    let mut server = Server::start();
    let near = near(&server.url());
    near.insert("k", new()).await.unwrap().unwrap();
    warm(&near, "k").await;
    let paused = Instant::now();
    server.pause();
    until("nothing is remembered", async || near.peek("k").is_none()).await;
    let silent = paused.elapsed();
    assert!(near.get("k").await.is_err());
    server.resume();
    warm(&near, "k").await;
    let killed = Instant::now();
    server.kill();
    until("nothing is remembered", async || near.peek("k").is_none()).await;
    let gone = killed.elapsed();
    println!(
        "fault 16: nothing is answered from memory {silent:?} after Redis fell silent, {gone:?} after it died"
    );
    assert!(silent < Duration::from_millis(800) && gone < Duration::from_millis(800));
    // Empty after the restart: what was there before is not remembered.
    server.run();
    until("it is gone", async || matches!(near.get("k").await, Ok(None))).await;
}

/// When each version was replaced.
type Replaced = Arc<Mutex<Vec<(u64, Instant)>>>;

async fn more_writes(replaced: &Replaced, more: usize) {
    let wanted = replaced.lock().unwrap().len() + more;
    until("more writes", async || replaced.lock().unwrap().len() >= wanted).await;
}

/// What a reader near the store got, against what was written meanwhile: for how long an answer was
/// wrong at most.
async fn worst_staleness(
    near: &CachedStore<RedisStore>,
    writer: &RedisStore,
    meanwhile: impl AsyncFnOnce(&Replaced),
) -> (Duration, u64) {
    let replaced = Replaced::default();
    let stop = Arc::new(AtomicBool::new(false));
    let mut version = writer.insert("counted", new()).await.unwrap().unwrap();
    let writes = {
        let (writer, replaced, stop) = (writer.clone(), replaced.clone(), stop.clone());
        tokio::spawn(async move {
            let mut rate = tokio::time::interval(Duration::from_millis(3));
            rate.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !stop.load(Ordering::Relaxed) {
                rate.tick().await;
                let next = writer.replace("counted", version, vec![], None).await;
                replaced.lock().unwrap().push((version, Instant::now()));
                version = next.unwrap().unwrap();
            }
        })
    };
    let reads =
        {
            let (near, replaced, stop) = (near.clone(), replaced.clone(), stop.clone());
            tokio::spawn(async move {
                let (mut worst, mut remembered) = (Duration::ZERO, 0);
                while !stop.load(Ordering::Relaxed) {
                    // Only what is answered from memory: that is what may be old.
                    let Some(Some(seen)) = near.peek("counted") else {
                        let _ = near.get("counted").await;
                        continue;
                    };
                    let now = Instant::now();
                    remembered += 1;
                    let then =
                        replaced.lock().unwrap().iter().rev().find_map(|(version, then)| {
                            (*version == seen.version()).then_some(*then)
                        });
                    if let Some(then) = then {
                        worst = worst.max(now.saturating_duration_since(then));
                    }
                    tokio::task::yield_now().await;
                }
                (worst, remembered)
            })
        };
    meanwhile(&replaced).await;
    stop.store(true, Ordering::Relaxed);
    writes.await.unwrap();
    let seen = reads.await.unwrap();
    writer.remove("counted").await.unwrap();
    seen
}

/// Fault 16: only the connections that announce changes are lost, by being killed and by falling
/// silent, while others write on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_invalidation_connection_never_leaves_a_stale_answer_for_long() {
    let server = Server::start();
    let proxy = Proxy::start(server.port).await;
    let near = near(&format!("redis://127.0.0.1:{}", proxy.port));
    let writer = RedisStore::connect(&server.url()).await.unwrap();
    writer.insert("k", new()).await.unwrap().unwrap();
    warm(&near, "k").await;
    let calm = async |replaced: &Replaced| more_writes(replaced, 300).await;
    let (calm, remembered) = worst_staleness(&near, &writer, calm).await;
    assert!(remembered > 0);
    let (killed, _) = worst_staleness(&near, &writer, async |replaced| {
        for _ in 0..10 {
            warm(&near, "k").await;
            more_writes(replaced, 6).await;
            for tracker in trackers(&server) {
                server.command(&["CLIENT", "KILL", "ID", &tracker]);
            }
        }
    })
    .await;
    let mut forgotten = Vec::new();
    let (silent, _) = worst_staleness(&near, &writer, async |_| {
        for _ in 0..5 {
            warm(&near, "k").await;
            proxy.silence_trackers(true);
            let silenced = Instant::now();
            until("nothing is remembered", async || near.peek("k").is_none()).await;
            forgotten.push(silenced.elapsed());
            // Questions go to Redis meanwhile, and are answered.
            assert!(near.get("k").await.unwrap().is_some());
            proxy.silence_trackers(false);
        }
    })
    .await;
    println!(
        "fault 16, only the invalidation connection: the longest that an answer was old: {calm:?} in \
         calm, {killed:?} with 10 kills, {silent:?} with 5 silences, each noticed after {forgotten:?}"
    );
    for worst in [calm, killed, silent] {
        assert!(worst < Duration::from_millis(800));
    }
}

/// Redis tells of no change when two databases are exchanged.
#[tokio::test]
async fn an_exchanged_database_is_noticed_within_half_a_second() {
    let server = Server::start();
    let near = near(&server.url());
    let other = RedisStore::connect(&format!("{}/1", server.url())).await.unwrap();
    other.insert("revoked", new()).await.unwrap().unwrap();
    let exchange = || assert!(server.command(&["SWAPDB", "0", "1"]).starts_with("+OK"));
    let mut noticed = Vec::new();
    for round in 0..6 {
        warm(&near, "revoked").await;
        let before = near.peek("revoked").unwrap();
        assert_eq!(before.is_some(), round % 2 == 1);
        exchange();
        let after = until("the other database is read", async || {
            near.get("revoked").await.unwrap().is_some() != before.is_some()
        });
        noticed.push(after.await);
    }
    println!("SWAPDB is noticed after {noticed:?}");
    assert!(noticed.iter().all(|after| *after < Duration::from_millis(800)));
    // Exchanged and exchanged back, with a read in between.
    for key in ["a", "b", "c"] {
        other.insert(key, new()).await.unwrap().unwrap();
        warm(&near, "revoked").await;
        exchange();
        assert!(near.get(key).await.unwrap().is_some());
        exchange();
        let after =
            until("the first database is read", async || near.get(key).await.unwrap().is_none())
                .await;
        println!("SWAPDB back and forth is noticed after {after:?}");
        assert!(after < Duration::from_millis(800), "{after:?}");
    }
    // A database that is emptied has its marker again.
    warm(&near, "revoked").await;
    server.command(&["FLUSHDB"]);
    warm(&near, "revoked").await;
    exchange();
    until("the other database is read", async || near.get("revoked").await.unwrap().is_some())
        .await;
}
