//! Fault 10: the request that leads a fetch is cancelled, or the fetch itself fails.

use crate::support::issuer::*;
use jamguard::ErrorKind::{self, Unavailable, UnknownKey};
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::ManualClock;
use jamguard::{Error, Verifier};
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const WAITERS: usize = 1_000;

/// Panics at these calls, after a while.
struct Panics {
    set: String,
    panics: Range<u64>,
    calls: AtomicU64,
}

impl Fetch for Panics {
    fn fetch<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async {
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.panics.contains(&call) {
                // A panic without its report.
                std::panic::resume_unwind(Box::new("the fetcher panics"));
            }
            Ok(FetchedDocument::new(self.set.clone().into()))
        })
    }
}

fn panicking(panics: Range<u64>) -> (Arc<Panics>, Verifier, ManualClock, String) {
    let (key, clock) = (key("k1"), ManualClock::at(NOW));
    let fetcher = Arc::new(Panics { set: set_of(&[&key]), panics, calls: AtomicU64::new(0) });
    let keys = RemoteKeySet::builder("https://issuer.example/keys")
        .fetcher(fetcher.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    (fetcher, verifier(&keys, &clock), clock, token(&key))
}

fn crowd(verifier: &Verifier, token: &str) -> JoinSet<Result<(), ErrorKind>> {
    let mut crowd = JoinSet::new();
    for _ in 0..WAITERS {
        let (verifier, token) = (verifier.clone(), token.to_owned());
        crowd.spawn(async move { verify(&verifier, &token).await });
    }
    crowd
}

/// Their answers; one that hangs is a panic here.
async fn answers(crowd: JoinSet<Result<(), ErrorKind>>) -> Vec<Result<(), ErrorKind>> {
    let all = tokio::time::timeout(Duration::from_secs(30), crowd.join_all());
    all.await.expect("somebody hangs")
}

fn served(answers: &[Result<(), ErrorKind>]) -> usize {
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_leader_is_cancelled() {
    let (fetcher, verifier, _clock, token) = panicking(0..0);
    let leader = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verify(&verifier, &token).await }
    });
    until("the fetch", || fetcher.calls.load(Ordering::SeqCst) == 1).await;
    let crowd = crowd(&verifier, &token);
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    let answers = answers(crowd).await;
    let (served, fetches) = (served(&answers), fetcher.calls.load(Ordering::SeqCst));
    println!(
        "fault 10: the leader of a fetch is cancelled: {served} of 1000 others served, {fetches} fetch, 0 hung"
    );
    assert_eq!((served, fetches), (WAITERS, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_fetch_panics_once() {
    let (fetcher, verifier, _clock, token) = panicking(0..1);
    let answers = answers(crowd(&verifier, &token)).await;
    let (served, fetches) = (served(&answers), fetcher.calls.load(Ordering::SeqCst));
    println!(
        "fault 10: the fetch panics once: {served} of 1000 served by the next, {fetches} fetches, 0 hung"
    );
    assert_eq!((served, fetches), (WAITERS, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_fetch_always_panics() {
    let (fetcher, verifier, clock, token) = panicking(0..u64::MAX);
    let first = answers(crowd(&verifier, &token)).await;
    assert_eq!(first, vec![Err(Unavailable); WAITERS]);
    // Bounded by the back-off, like any failure.
    let second = answers(crowd(&verifier, &token)).await;
    assert_eq!(second, vec![Err(Unavailable); WAITERS]);
    let fetches = fetcher.calls.load(Ordering::SeqCst);
    println!(
        "fault 10: the fetch always panics: 2000 of 2000 requests 503, {fetches} fetches, 0 hung"
    );
    assert_eq!(fetches, 2);
    clock.advance(Duration::from_secs(1));
    assert_eq!(verify(&verifier, &token).await, Err(Unavailable));
    assert_eq!(fetcher.calls.load(Ordering::SeqCst), 3, "and tried again");
}

/// With keys at hand, neither stops anybody.
#[tokio::test]
async fn fault_10_a_refresh_in_the_background_panics_once() {
    let (fetcher, verifier, clock, token) = panicking(1..2);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    clock.advance(9 * MINUTE);
    until("the next refresh", || {
        assert_eq!(at_once(verify(&verifier, &token)), Some(Ok(())));
        fetcher.calls.load(Ordering::SeqCst) == 3
    })
    .await;
    println!("fault 10: a background refresh panics: the next request retries, 0 waiters, 0 hung");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_fetch_for_an_unknown_kid_panics_once() {
    let (fetcher, verifier, _clock, sound) = panicking(1..2);
    assert_eq!(verify(&verifier, &sound).await, Ok(()));
    let unknown = crate::support::issuer::token(&key("k2"));
    let answers = answers(crowd(&verifier, &unknown)).await;
    let fetches = fetcher.calls.load(Ordering::SeqCst) - 1;
    println!(
        "fault 10: the fetch for an unknown kid panics once: 1000 of 1000 answered by the next, {fetches} fetches, 0 hung"
    );
    assert_eq!(answers, vec![Err(UnknownKey); WAITERS]);
    assert_eq!(fetches, 2);
    assert_eq!(at_once(verify(&verifier, &sound)), Some(Ok(())));
}

#[tokio::test]
async fn fault_10_a_request_that_waits_for_a_refresh_is_cancelled() {
    let (fetcher, verifier, clock, token) = panicking(0..0);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    clock.advance(9 * MINUTE);
    assert_eq!(at_once(verify(&verifier, &token)), Some(Ok(())));
    let new = crate::support::issuer::token(&key("k2"));
    assert_eq!(at_once(verify(&verifier, &new)), None, "it waits, and is gone");
    assert_eq!(at_once(verify(&verifier, &token)), Some(Ok(())));
    assert_eq!(verify(&verifier, &new).await, Err(UnknownKey));
    let fetches = fetcher.calls.load(Ordering::SeqCst) - 1;
    println!(
        "fault 10: a request that waits for a refresh is cancelled: the refresh ends, {fetches} fetches, 0 hung"
    );
    assert_eq!(fetches, 2, "the refresh, and one that began after the token came");
}
