//! Redis goes away, comes back, or says nothing (faults 13 and 14 of `docs/faults.md`).

use crate::support::load::Load;
use crate::support::redis::{Server, until};
use jamguard::store::{NewRecord, RedisStore, Store};
use jamguard::{Error, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The store's own 250 ms, and what a busy machine adds.
const WITHIN: Duration = Duration::from_millis(500);

fn store(server: &Server) -> RedisStore {
    RedisStore::builder(&server.url()).build().unwrap()
}

fn new() -> NewRecord {
    NewRecord::new(*b"v").owned_by("ann").expires_after(Duration::from_secs(600))
}

/// Every operation once; what they answered, and how long the slowest took.
async fn everything(store: &RedisStore) -> (Vec<Result<(), Error>>, Duration) {
    let operations = [
        store.get("k").forget(),
        store.insert("k", new()).forget(),
        store.replace("k", 1, vec![], None).forget(),
        store.remove("k").forget(),
        store.owned("ann").forget(),
        store.remove_owned("ann").forget(),
    ];
    let mut answers = Vec::new();
    let mut slowest = Duration::ZERO;
    for operation in operations {
        let begun = Instant::now();
        answers.push(operation.await);
        slowest = slowest.max(begun.elapsed());
    }
    (answers, slowest)
}

type Answer<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Forgets what was answered.
trait Forget<'a> {
    fn forget(self) -> Answer<'a>;
}

impl<'a, T: 'a> Forget<'a> for jamguard::store::StoreFuture<'a, T> {
    fn forget(self) -> Answer<'a> {
        Box::pin(async { self.await.map(drop) })
    }
}

fn unavailable(answers: &[Result<(), Error>]) -> bool {
    answers
        .iter()
        .all(|answer| matches!(answer, Err(error) if error.kind() == ErrorKind::Unavailable))
}

/// Fault 13.
#[tokio::test]
async fn a_server_that_is_down_is_unavailable_at_once() {
    let mut server = Server::start();
    let store = store(&server);
    assert!(store.insert("k", new()).await.unwrap().is_some());
    server.kill();
    let (mut slowest, mut asked) = (Duration::ZERO, 0);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        let (answers, took) = everything(&store).await;
        assert!(unavailable(&answers), "{answers:?}");
        slowest = slowest.max(took);
        asked += answers.len();
    }
    println!("fault 13, down: {asked} operations, all unavailable, the slowest in {slowest:?}");
    assert!(slowest < WITHIN);
    // Silent instead of down.
    server.run();
    until("it is there again", async || store.get("k").await.is_ok()).await;
    server.pause();
    let (answers, slowest) = everything(&store).await;
    println!("fault 13, silent: the slowest of every operation took {slowest:?}");
    assert!(unavailable(&answers), "{answers:?}");
    assert!(slowest < WITHIN);
    server.resume();
    let back = until("it answers again", async || store.get("k").await.is_ok()).await;
    assert!(back < Duration::from_secs(1), "{back:?}");
}

/// Nobody asked while it was gone: nobody is told that it was.
#[tokio::test]
async fn a_restart_in_a_quiet_moment_fails_no_operation() {
    let mut server = Server::durable();
    let store = store(&server);
    for number in 0..5 {
        assert!(store.insert(&number.to_string(), new()).await.unwrap().is_some());
        server.kill();
        server.run();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(store.owned("ann").await.unwrap().len(), number + 1);
    }
}

/// An application starts before its Redis.
#[tokio::test]
async fn a_store_may_be_built_before_redis_is_there() {
    let mut server = Server::start();
    server.kill();
    let store = store(&server);
    let (answers, _) = everything(&store).await;
    assert!(unavailable(&answers), "{answers:?}");
    server.run();
    let back = until("it is used", async || store.get("k").await.is_ok()).await;
    assert!(back < Duration::from_secs(1), "{back:?}");
}

/// Fault 14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_restarted_under_load_loses_nothing_that_was_acknowledged() {
    let mut server = Server::durable();
    let store = store(&server);
    let load = Arc::new(Load::default());
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let (store, load) = (store.clone(), load.clone());
        writers.spawn(async move {
            let (mut kept, mut number, mut rate) = (Vec::new(), 0, load.rate());
            while !load.is_stopped() {
                rate.tick().await;
                let key = format!("{writer}-{number}");
                number += 1;
                let answer = store.insert(&key, new()).await;
                load.count(&answer);
                if let Ok(version) = answer {
                    kept.push((key, version.unwrap()));
                }
            }
            kept
        });
    }
    let mut reconnected = Vec::new();
    for _ in 0..3 {
        load.more_acknowledged(500).await;
        server.kill();
        load.more_refused(4_000).await;
        server.run();
        reconnected
            .push(until("writes succeed again", async || store.get("k").await.is_ok()).await);
    }
    load.more_acknowledged(500).await;
    load.stop();
    let kept = writers.join_all().await.concat();
    let refused = load.refused();
    let mut lost = 0;
    for (key, version) in &kept {
        match store.get(key).await.unwrap() {
            Some(record) if record.version() == *version => {}
            _ => lost += 1,
        }
    }
    // Also by their owner, and those too whose answer was lost with the connection.
    let owned = store.owned("ann").await.unwrap().len();
    println!(
        "fault 14: 3 x kill -9 and restart under load: {} records acknowledged, {refused} writes \
         refused, {lost} records lost; used again after {reconnected:?}",
        kept.len()
    );
    assert_eq!(lost, 0);
    assert!(owned >= kept.len());
    assert!(kept.len() > 100 && refused > 0);
    assert!(reconnected.iter().all(|after| *after < Duration::from_secs(1)));
}

/// More callers than may wait are refused at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_may_wait_are_refused_at_once() {
    let server = Server::start();
    let store =
        RedisStore::builder(&server.url()).timeout(Duration::from_secs(20)).build().unwrap();
    assert!(store.get("k").await.unwrap().is_none());
    server.pause();
    let mut callers = JoinSet::new();
    for _ in 0..17_000 {
        let store = store.clone();
        callers.spawn(async move { store.get("k").await.map(drop) });
    }
    let mut refused = 0;
    while refused < 17_000 - 16_384 {
        let answer = callers.join_next().await.unwrap().unwrap();
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable);
        refused += 1;
    }
    server.resume();
    let answers = callers.join_all().await;
    assert_eq!(answers.len(), 16_384);
    assert!(answers.iter().all(Result::is_ok), "those that waited were served");
}

/// A command that Redis is long about harms nobody but itself.
#[tokio::test]
async fn after_a_timeout_the_next_operation_has_a_connection_of_its_own() {
    let server = Server::start();
    let store = store(&server);
    assert!(store.get("k").await.unwrap().is_none());
    let before = server.info("total_connections_received");
    server.pause();
    assert!(store.get("k").await.is_err());
    server.resume();
    until("it answers", async || store.get("k").await.is_ok()).await;
    // One more of ours, and the one that asks.
    assert!(server.info("total_connections_received") >= before + 2);
}
