//! Fault 10: the request that leads a fetch is cancelled, or the fetch itself fails.

use crate::support::gate::Gate;
use crate::support::issuer::*;
use jamguard::ErrorKind::{self, Unavailable, UnknownKey};
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::ManualClock;
use jamguard::{Error, Verifier};
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const WAITERS: usize = 1_000;

/// Panics at these calls, once the gate is open.
struct Panics {
    set: String,
    gate: Gate,
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
            self.gate.pass().await;
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
    let (set, gate, calls) = (set_of(&[&key]), Gate::default(), AtomicU64::new(0));
    let fetcher = Arc::new(Panics { set, gate, panics, calls });
    let keys = RemoteKeySet::builder("https://issuer.example/keys")
        .fetcher(fetcher.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    (fetcher, verifier(&keys, &clock), clock, token(&key))
}

/// Many requests that wait for one fetch.
struct Crowd {
    answers: JoinSet<Result<(), ErrorKind>>,
    /// How many were polled once, and how many again.
    polled: Arc<[AtomicUsize; 2]>,
}

impl Crowd {
    /// Returns when all have asked.
    async fn new(verifier: &Verifier, token: &str) -> Self {
        let mut answers = JoinSet::new();
        let polled = Arc::<[AtomicUsize; 2]>::default();
        for _ in 0..WAITERS {
            let (verifier, token, polled) = (verifier.clone(), token.to_owned(), polled.clone());
            answers.spawn(async move {
                let mut answer = pin!(verify(&verifier, &token));
                let mut counters = polled.iter();
                poll_fn(|context| {
                    let polled = answer.as_mut().poll(context);
                    if let Some(counter) = counters.next() {
                        counter.fetch_add(1, Ordering::SeqCst);
                    }
                    polled
                })
                .await
            });
        }
        let crowd = Self { answers, polled };
        until("all have asked", || crowd.polled[0].load(Ordering::SeqCst) == WAITERS).await;
        crowd
    }

    /// Waits until all were woken and ask again.
    async fn until_all_ask_again(&self) {
        until("all ask again", || self.polled[1].load(Ordering::SeqCst) == WAITERS).await;
    }

    /// Panics if one of them hangs.
    async fn answers(self) -> Vec<Result<(), ErrorKind>> {
        let all = tokio::time::timeout(Duration::from_secs(30), self.answers.join_all());
        all.await.expect("somebody hangs")
    }
}

fn served(answers: &[Result<(), ErrorKind>]) -> usize {
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_leader_is_cancelled() {
    let (fetcher, verifier, _clock, token) = panicking(0..0);
    fetcher.gate.close();
    let leader = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verify(&verifier, &token).await }
    });
    fetcher.gate.until_waiting(1).await;
    let crowd = Crowd::new(&verifier, &token).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    fetcher.gate.open();
    let answers = crowd.answers().await;
    let (served, fetches) = (served(&answers), fetcher.calls.load(Ordering::SeqCst));
    println!(
        "fault 10: the leader of a fetch is cancelled: {served} of 1000 others served, {fetches} fetch, 0 hung"
    );
    assert_eq!((served, fetches), (WAITERS, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_fetch_panics_once() {
    let (fetcher, verifier, _clock, token) = panicking(0..1);
    fetcher.gate.close();
    let crowd = Crowd::new(&verifier, &token).await;
    fetcher.gate.open();
    let answers = crowd.answers().await;
    let (served, fetches) = (served(&answers), fetcher.calls.load(Ordering::SeqCst));
    println!(
        "fault 10: the fetch panics once: {served} of 1000 served by the next, {fetches} fetches, 0 hung"
    );
    assert_eq!((served, fetches), (WAITERS, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_fetch_always_panics() {
    let (fetcher, verifier, clock, token) = panicking(0..u64::MAX);
    fetcher.gate.close();
    let crowd = Crowd::new(&verifier, &token).await;
    fetcher.gate.open();
    let first = crowd.answers().await;
    assert_eq!(first, vec![Err(Unavailable); WAITERS]);
    // Bounded by the back-off, like any failure.
    let second = Crowd::new(&verifier, &token).await.answers().await;
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
    fetcher.gate.close();
    let crowd = Crowd::new(&verifier, &unknown).await;
    fetcher.gate.let_one_pass();
    crowd.until_all_ask_again().await;
    fetcher.gate.open();
    let answers = crowd.answers().await;
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
    fetcher.gate.close();
    assert_eq!(at_once(verify(&verifier, &token)), Some(Ok(())));
    fetcher.gate.until_waiting(1).await;
    let new = crate::support::issuer::token(&key("k2"));
    assert_eq!(at_once(verify(&verifier, &new)), None, "it waits, and is gone");
    assert_eq!(at_once(verify(&verifier, &token)), Some(Ok(())));
    fetcher.gate.open();
    assert_eq!(verify(&verifier, &new).await, Err(UnknownKey));
    let fetches = fetcher.calls.load(Ordering::SeqCst) - 1;
    println!(
        "fault 10: a request that waits for a refresh is cancelled: the refresh ends, {fetches} fetches, 0 hung"
    );
    assert_eq!(fetches, 2, "the refresh, and one that began after the token came");
}
