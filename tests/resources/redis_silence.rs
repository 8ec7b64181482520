//! Fault 15 of `docs/faults.md`, in a process of its own, whose memory and threads can be measured
//! (`cargo test --all-features --test resources -- --nocapture`).

use crate::support::redis::{Server, percentile, until};
use jamguard::ErrorKind;
use jamguard::store::{NewRecord, RedisStore, Store};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const AT_ONCE: usize = 2_000;

/// Kilobytes of memory in use, and threads, of this process.
fn usage() -> (i64, i64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let figure = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (figure("VmRSS:"), figure("Threads:"))
}

/// Writes until the time is over, so many at once; how long each waited for its error.
async fn write_in_vain(store: &RedisStore, time: Duration) -> Vec<Duration> {
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < time {
        let mut callers = JoinSet::new();
        for number in 0..AT_ONCE {
            let store = store.clone();
            callers.spawn(async move {
                let begun = Instant::now();
                let record = NewRecord::new(vec![7; 1024]).owned_by("ann");
                let error = store.insert(&number.to_string(), record).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                begun.elapsed()
            });
        }
        times.extend(callers.join_all().await);
    }
    times.sort_unstable();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_costs_bounded_memory_and_time() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    server.pause();
    let (before, threads) = usage();
    write_in_vain(&store, Duration::from_secs(1)).await;
    let (early, _) = usage();
    let times = write_in_vain(&store, Duration::from_secs(5)).await;
    let (late, threads_after) = usage();
    println!(
        "fault 15: {} writes of 1 KiB to a silent Redis, {AT_ONCE} at a time: all unavailable, \
         p50 {:.0} ms, max {:.0} ms; memory +{} KiB after the first second, +{} KiB after six; \
         threads {threads} -> {threads_after}",
        times.len(),
        percentile(&times, 50),
        percentile(&times, 100),
        early - before,
        late - before,
    );
    assert!(*times.last().unwrap() < Duration::from_millis(600));
    // What 2,000 callers need at once, and no more with time: the writes were of 20 MB a second.
    assert!(early - before < 64 * 1024);
    assert!(late - early < 16 * 1024);
    assert_eq!(threads_after, threads);
    server.resume();
    let back = until("it answers again", async || store.get("k").await.is_ok()).await;
    assert!(back < Duration::from_secs(1), "{back:?}");
}
