//! Several runtimes, as actix-web has one a worker: a fetch runs on the runtime of whoever asked
//! first, and others wait for it.

use crate::support::issuer::*;
use jamguard::ErrorKind::Unavailable;
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::ManualClock;
use jamguard::{Error, Verifier};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

/// The first time it has the old set and waits at the gate, then it has the new one at once.
struct Slow {
    old: String,
    new: String,
    gate: Notify,
    calls: AtomicU64,
    /// Whether the old set was given.
    delivered: AtomicBool,
}

impl Fetch for Slow {
    fn fetch<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async {
            let set = match self.calls.fetch_add(1, Ordering::SeqCst) {
                0 => {
                    self.gate.notified().await;
                    self.delivered.store(true, Ordering::SeqCst);
                    &self.old
                }
                _ => &self.new,
            };
            Ok(FetchedDocument::new(set.clone().into()))
        })
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn slow(timeout: Duration) -> (Arc<Slow>, Verifier, String) {
    let key = key("k1");
    let slow = Arc::new(Slow {
        old: set_of(&[&crate::support::issuer::key("k0")]),
        new: set_of(&[&key]),
        gate: Notify::new(),
        calls: AtomicU64::new(0),
        delivered: AtomicBool::new(false),
    });
    let clock = ManualClock::at(NOW);
    let keys = RemoteKeySet::builder("https://issuer.example/keys")
        .fetcher(slow.clone())
        .timeout(timeout)
        .build()
        .unwrap();
    (slow, verifier(&keys, &clock), token(&key))
}

/// Begins a fetch on this runtime, and leaves it under way.
fn lead(runtime: &Runtime, slow: &Slow, verifier: &Verifier, token: &str) {
    runtime.block_on(async {
        let begun = tokio::time::timeout(Duration::from_millis(50), verify(verifier, token));
        assert!(begun.await.is_err(), "it waits for the keys");
    });
    assert_eq!(slow.calls.load(Ordering::SeqCst), 1);
}

#[test]
fn those_who_wait_for_a_fetch_whose_runtime_is_dropped_get_the_next_ones_result() {
    let (slow, verifier, token) = slow(Duration::from_secs(5));
    let leader = runtime();
    lead(&leader, &slow, &verifier, &token);
    let all_wait = Arc::new(Barrier::new(4));
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let (verifier, token, all_wait) = (verifier.clone(), token.clone(), all_wait.clone());
            std::thread::spawn(move || {
                runtime().block_on(async {
                    let all = (0..10).map(|_| verify(&verifier, &token));
                    let mut all: Vec<_> = all.map(Box::pin).collect();
                    for one in &mut all {
                        assert_eq!(at_once(one), None, "it waits for the keys");
                    }
                    all_wait.wait();
                    let mut answers = Vec::new();
                    for one in all {
                        answers.push(one.await);
                    }
                    answers
                })
            })
        })
        .collect();
    all_wait.wait();
    let begun = Instant::now();
    leader.shutdown_background();
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap(), vec![Ok(()); 10]);
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "no caller waited for the timeout");
    assert_eq!(slow.calls.load(Ordering::SeqCst), 2, "one more fetch");
}

/// A worker that a handler blocks, or a runtime that nobody drives: what waits on others is told
/// so, and the next request fetches on its own.
#[test]
fn a_fetch_on_a_runtime_that_stands_still_is_given_up() {
    let (slow, verifier, token) = slow(Duration::from_millis(200));
    let leader = runtime();
    lead(&leader, &slow, &verifier, &token);
    // Not dropped, and never run again until the end.
    runtime().block_on(async {
        let begun = Instant::now();
        let answer = verify(&verifier, &token).await;
        assert!(begun.elapsed() < Duration::from_secs(5));
        if answer != Ok(()) {
            assert_eq!(answer, Err(Unavailable));
            assert_eq!(verify(&verifier, &token).await, Ok(()));
        }
    });
    assert_eq!(slow.calls.load(Ordering::SeqCst), 2);
    // The old fetch ends in its own time, and does not bring back what it had.
    slow.gate.notify_one();
    leader.block_on(until("the old fetch", || slow.delivered.load(Ordering::SeqCst)));
    assert_eq!(at_once(verify(&verifier, &token)), Some(Ok(())));
}

#[test]
fn a_runtime_that_is_gone_leaves_the_keys() {
    let key = key("k1");
    let own = runtime();
    let world = own.block_on(async {
        let world = World::with(|keys| keys.timeout(Duration::from_secs(1))).await;
        world.server.set("/keys", Answer::ok(set_of(&[&key])));
        assert_eq!(world.verify(&key).await, Ok(()));
        world
    });
    // The server went with it; the keys are there, and outside any runtime, too.
    drop(own);
    let sound = token(&key);
    assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
    world.clock.advance(9 * MINUTE);
    assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
    assert_eq!(world.keys.fetches(), 1, "none starts without a runtime");
    world.clock.advance(2 * HOUR);
    let refused = at_once(verify(&world.verifier, &sound));
    assert_eq!(refused, Some(Err(Unavailable)));
    let after = runtime().block_on(verify(&world.verifier, &sound));
    assert_eq!(after, Err(Unavailable), "the issuer is gone");
    assert_eq!(world.keys.fetches(), 2);
}

/// Connections of one runtime do not outlive it in the others' way.
#[test]
fn runtimes_take_turns() {
    let servers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let world = servers.block_on(World::with(|keys| keys.cooldown(Duration::ZERO)));
    for turn in 0..5 {
        let new = key(&format!("turn{turn}"));
        world.server.set("/keys", Answer::ok(set_of(&[&new])));
        assert_eq!(runtime().block_on(world.verify(&new)), Ok(()), "{turn}");
    }
    assert_eq!(world.keys.fetches(), 5);
}
