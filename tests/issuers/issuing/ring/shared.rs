//! A ring that processes share: rings over one store, each with its own memory.

use super::*;
use jamguard::Error;
use jamguard::store::{MemoryStore, NewRecord, Record, SealingKeys, Store, StoreFuture, Watcher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Several processes' store: it can be down, tell nobody of changes, and counts.
#[derive(Clone)]
struct Remote {
    records: MemoryStore,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    down: AtomicBool,
    /// Others are always faster.
    busy: AtomicBool,
    tells: AtomicBool,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

impl Remote {
    fn new(clock: &ManualClock, tells: bool) -> Self {
        let state = Arc::<State>::default();
        state.tells.store(tells, Ordering::SeqCst);
        Self { records: MemoryStore::builder().clock(clock.clone()).build().unwrap(), state }
    }

    fn set_down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    fn reads(&self) -> usize {
        self.state.reads.load(Ordering::SeqCst)
    }

    fn writes(&self) -> usize {
        self.state.writes.load(Ordering::SeqCst)
    }

    async fn count(&self, counter: &AtomicUsize) -> Result<(), Error> {
        counter.fetch_add(1, Ordering::SeqCst);
        // As over a network, others come in between.
        tokio::task::yield_now().await;
        match self.state.down.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "the store is down")),
            false => Ok(()),
        }
    }
}

impl Store for Remote {
    passes_on!(records: remove owned remove_owned purge);

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            self.count(&self.state.reads).await?;
            self.records.get(key).await
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.count(&self.state.writes).await?;
            self.records.insert(key, record).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.count(&self.state.writes).await?;
            if self.state.busy.load(Ordering::SeqCst) {
                return Ok(None);
            }
            self.records.replace(key, version, value, ttl).await
        })
    }

    fn watch(&self, watcher: Watcher) -> bool {
        self.state.tells.load(Ordering::SeqCst) && self.records.watch(watcher)
    }
}

const PLACE: &str = "keyring/keys";

fn sealing() -> SealingKeys {
    SealingKeys::new(&[7; 32])
}

/// A process with the ring.
fn process(store: &Remote, clock: &ManualClock) -> (KeyRing, Issuer) {
    let ring = ring(clock).store(store.clone(), sealing()).build().unwrap();
    let issuer = issuer(&ring);
    (ring, issuer)
}

#[tokio::test]
async fn two_processes_have_one_ring() {
    for tells in [true, false] {
        let clock = ManualClock::at(NOW);
        let store = Remote::new(&clock, tells);
        let (a, b) = (process(&store, &clock), process(&store, &clock));
        let (from_a, from_b) = (token(&a.1).await, token(&b.1).await);
        assert_eq!(kid(&from_a), kid(&from_b));
        assert_eq!(store.writes(), 1, "one of them began the ring");
        for issuer in [&a.1, &b.1] {
            for token in [&from_a, &from_b] {
                assert_eq!(verify(&issuer.verifier(), token).await, Ok(()));
            }
        }
        // A key that the other has not heard of is asked for.
        let new = a.0.rotate_now().await.unwrap();
        let from_a = token(&a.1).await;
        assert_eq!(kid(&from_a), new);
        assert_eq!(verify(&b.1.verifier(), &from_a).await, Ok(()), "tells: {tells}");
        assert_eq!(kid(&token(&b.1).await), new);
        assert_eq!(states(&a.0).await, states(&b.0).await);
    }
}

#[tokio::test]
async fn revocation_elsewhere_is_noticed_within_the_interval() {
    for tells in [true, false] {
        let clock = ManualClock::at(NOW);
        let store = Remote::new(&clock, tells);
        let (a, b) = (process(&store, &clock), process(&store, &clock));
        let verifier = b.1.verifier();
        let token = token(&a.1).await;
        assert_eq!(verify(&verifier, &token).await, Ok(()));
        a.0.revoke(&kid(&token)).await.unwrap();
        if !tells {
            assert_eq!(verify(&verifier, &token).await, Ok(()));
            clock.advance(Duration::from_secs(5));
        }
        assert_eq!(verify(&verifier, &token).await, Err(ErrorKind::UnknownKey));
    }
}

/// Half an interval old, one request asks while the others go on; a whole one, all wait for one.
#[tokio::test]
async fn few_requests_ask_the_store() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let (_, issuer) = process(&store, &clock);
    let token = token(&issuer).await;
    let verifier = issuer.verifier();
    for seconds in [2, 3, 5, 60, 3600] {
        clock.advance(Duration::from_secs(seconds));
        let token = match seconds {
            3600 => super::token(&issuer).await,
            _ => token.clone(),
        };
        clock.advance(Duration::from_secs(5));
        let before = store.reads();
        let crowd = (0..100).map(|_| verify(&verifier, &token));
        for answer in join_all(crowd).await {
            assert_eq!(answer, Ok(()));
        }
        assert_eq!(store.reads() - before, 1, "after {seconds} s");
    }
}

/// In the second half of the interval one asks, and nobody else waits for it.
#[tokio::test]
async fn one_request_asks_while_the_others_go_on() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let (_, issuer) = process(&store, &clock);
    let token = token(&issuer).await;
    let verifier = issuer.verifier();
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    for _ in 0..3 {
        clock.advance(Duration::from_millis(2_600));
        let before = store.reads();
        let mut crowd: Vec<_> = (0..100).map(|_| Box::pin(verify(&verifier, &token))).collect();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        crowd.retain_mut(|request| request.as_mut().poll(&mut cx).is_pending());
        assert_eq!((crowd.len(), store.reads() - before), (1, 1));
        for request in crowd {
            assert_eq!(request.await, Ok(()));
        }
        assert_eq!(store.reads() - before, 1);
    }
}

/// All at once, on one thread.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, answer) in &mut futures {
            if answer.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(cx)
            {
                *answer = Some(ready);
            }
        }
        match futures.iter().all(|(_, answer)| answer.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    futures.into_iter().map(|(_, answer)| answer.unwrap()).collect()
}

#[tokio::test]
async fn exactly_one_of_many_processes_rotates() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let processes: Vec<_> = (0..10)
        .map(|_| {
            let ring = ring(&clock).rotate_every(24 * HOUR);
            let ring = ring.store(store.clone(), sealing()).build().unwrap();
            (issuer(&ring), ring)
        })
        .collect();
    let all = || async {
        let tokens = join_all(processes.iter().map(|(issuer, _)| token(issuer))).await;
        for (issuer, _) in &processes {
            for token in &tokens {
                assert_eq!(verify(&issuer.verifier(), token).await, Ok(()));
            }
        }
        let mut kids: Vec<_> = tokens.iter().map(|token| kid(token)).collect();
        kids.dedup();
        kids
    };
    let first = all().await;
    assert_eq!(first.len(), 1);
    clock.advance(23 * HOUR);
    assert_eq!(all().await, first);
    for (_, ring) in &processes {
        let known = states(ring).await;
        let expected = [KeyState::Current, KeyState::Upcoming];
        assert_eq!(known.iter().map(|(_, state)| *state).collect::<Vec<_>>(), expected);
    }
    clock.advance(HOUR);
    let second = all().await;
    assert_eq!(second.len(), 1);
    assert_ne!(second, first);
    let record = store.records.get(PLACE).await.unwrap().unwrap();
    assert_eq!(record.ttl(), None);
}

#[tokio::test]
async fn an_outage_keeps_the_known_keys() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, true);
    let (ring, issuer) = process(&store, &clock);
    let first = token(&issuer).await;
    store.set_down(true);
    for _ in 0..600 {
        clock.advance(Duration::from_secs(1));
        let token = token(&issuer).await;
        for token in [&first, &token] {
            assert_eq!(verify(&issuer.verifier(), token).await, Ok(()));
        }
    }
    // What nobody can say is no refusal.
    let other = Remote::new(&clock, true);
    let foreign = token(&process(&other, &clock).1).await;
    for _ in 0..2 {
        let unknown = verify(&issuer.verifier(), &foreign).await;
        assert_eq!(unknown, Err(ErrorKind::Unavailable));
    }
    assert_eq!(ring.rotate().await.unwrap_err().kind(), ErrorKind::Unavailable);
    store.set_down(false);
    clock.advance(Duration::from_secs(1));
    let unknown = verify(&issuer.verifier(), &foreign).await;
    assert_eq!(unknown, Err(ErrorKind::UnknownKey));
    ring.rotate().await.unwrap();
}

#[tokio::test]
async fn an_outage_asks_seldom_and_rotates_later() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, true);
    let ring = ring(&clock).rotate_every(24 * HOUR);
    let ring = ring.store(store.clone(), sealing()).build().unwrap();
    let issuer = issuer(&ring);
    let old = kid(&token(&issuer).await);
    store.set_down(true);
    clock.advance(25 * HOUR);
    let before = store.reads();
    for _ in 0..100 {
        assert_eq!(kid(&token(&issuer).await), old);
    }
    assert!(store.reads() - before <= 2, "{} reads", store.reads() - before);
    store.set_down(false);
    clock.advance(Duration::from_secs(1));
    token(&issuer).await;
    assert_eq!(states(&ring).await.len(), 2);
}

#[tokio::test]
async fn a_start_without_the_store_is_made_good() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    store.set_down(true);
    let (_, issuer) = process(&store, &clock);
    let before = store.reads();
    let claims = json!({});
    let crowd = (0..100).map(|_| issuer.issue(&claims));
    for answer in join_all(crowd).await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!(store.reads() - before, 1);
    store.set_down(false);
    clock.advance(Duration::from_millis(500));
    token(&issuer).await;
}

#[tokio::test]
async fn the_store_holds_no_key() {
    for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let clock = ManualClock::at(NOW);
        let store = Remote::new(&clock, false);
        let key = jamguard::jose::SigningKey::generate(algorithm).unwrap();
        let ring = KeyRing::builder(algorithm).clock(clock.clone()).key(key.clone());
        let ring = ring.store(store.clone(), sealing()).build().unwrap();
        let token = token(&issuer(&ring)).await;
        let record = store.records.get(PLACE).await.unwrap().unwrap();

        // Not the private key in any form, nor its name.
        let jwk = key.expose_private_jwk().unwrap();
        let jwk: Value = serde_json::from_str(jwk.expose()).unwrap();
        let mut needles: Vec<Vec<u8>> = vec![kid(&token).into_bytes(), b"alg".to_vec()];
        for member in ["k", "d", "p", "q"] {
            if let Some(text) = jwk[member].as_str() {
                use base64::Engine as _;
                let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
                needles.push(text.as_bytes()[..20].to_vec());
                needles.push(engine.decode(text).unwrap()[..8].to_vec());
            }
        }
        assert!(needles.len() >= 4);
        for needle in needles {
            let held = record.value().windows(needle.len()).any(|part| part == needle);
            assert!(!held, "{algorithm}: {}", String::from_utf8_lossy(&needle));
        }

        // And every one comes back.
        let again = KeyRing::builder(algorithm).clock(clock.clone());
        let again = again.store(store.clone(), sealing()).build().unwrap();
        assert_eq!(verify(&issuer(&again).verifier(), &token).await, Ok(()), "{algorithm}");
    }
}

#[tokio::test]
async fn another_sealing_key_or_place_opens_nothing() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let (_, issuer) = process(&store, &clock);
    let token = token(&issuer).await;
    let with = |sealing: SealingKeys, name: &str| {
        let ring = ring(&clock).name(name).store(store.clone(), sealing);
        super::issuer(&ring.build().unwrap())
    };
    let other = SealingKeys::new(&[8; 32]);
    let error = with(other.clone(), "keys").issue(&json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert!(error.message().contains(".with_previous("), "{error}");
    let both = with(other.with_previous(&sealing()), "keys");
    assert_eq!(verify(&both.verifier(), &token).await, Ok(()));

    // Somebody who can write to the store moves the record.
    let record = store.records.get(PLACE).await.unwrap().unwrap();
    let moved = NewRecord::new(record.value().to_vec());
    store.records.insert("keyring/other", moved).await.unwrap();
    let error = with(sealing(), "other").issue(&json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
}

/// A secret that is read again is the same key to tokens seen before.
#[tokio::test]
async fn cached_tokens_stay_cached_while_the_ring_changes() {
    for algorithm in [Algorithm::HS256, Algorithm::ES256] {
        let clock = ManualClock::at(NOW);
        let store = Remote::new(&clock, true);
        let ring = || {
            let ring = KeyRing::builder(algorithm).clock(clock.clone());
            ring.store(store.clone(), sealing()).build().unwrap()
        };
        let (a, b) = (ring(), ring());
        let (issuer, verifier) = (issuer(&a), issuer(&b).verifier());
        let token = token(&issuer).await;
        assert_eq!(verify(&verifier, &token).await, Ok(()));
        a.rotate_now().await.unwrap();
        // The first looks at the store, and misses the cache on its way.
        assert_eq!(verify(&verifier, &token).await, Ok(()));
        let before = verifier.cache_stats();
        for _ in 0..10 {
            assert_eq!(verify(&verifier, &token).await, Ok(()));
        }
        let after = verifier.cache_stats();
        assert_eq!((after.hits - before.hits, after.misses - before.misses), (10, 0));
    }
}

/// New keys are found as fast as they come.
#[tokio::test]
async fn the_first_token_of_every_new_key_is_accepted() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let (a, b) = (process(&store, &clock), process(&store, &clock));
    for _ in 0..100 {
        a.0.rotate_now().await.unwrap();
        assert_eq!(verify(&b.1.verifier(), &token(&a.1).await).await, Ok(()));
    }
}

/// A flood of invented names reads the store a few hundred times, and then ten times a second.
#[tokio::test]
async fn invented_names_ask_the_store_seldom() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let (_, issuer) = process(&store, &clock);
    let verifier = issuer.verifier();
    let sound = token(&issuer).await;
    let key = jamguard::jose::SigningKey::generate(Algorithm::ES256).unwrap();
    let before = store.reads();
    for number in 0..5000 {
        let forged = key.clone().with_key_id(format!("k{number}"));
        let claims = json!({"iss": "https://issuer.example", "exp": NOW + 60});
        let forged = jamguard::testing::mint(&forged, &claims).unwrap();
        assert_eq!(verify(&verifier, &forged).await, Err(ErrorKind::UnknownKey));
        if number % 5 == 0 {
            clock.advance(Duration::from_millis(1));
        }
    }
    let reads = store.reads() - before;
    println!("5,000 invented names in a second: {reads} reads");
    assert!(reads <= 256 + 11, "{reads}");
    assert_eq!(verify(&verifier, &sound).await, Ok(()));
}

/// A store may lose its last writes, as Redis may when a replica takes over.
#[tokio::test]
async fn a_store_that_goes_back_brings_no_revoked_key_back() {
    for tells in [true, false] {
        let clock = ManualClock::at(NOW);
        let store = Remote::new(&clock, tells);
        let (a, b) = (process(&store, &clock), process(&store, &clock));
        let stolen = token(&a.1).await;
        let before = store.records.get(PLACE).await.unwrap().unwrap();
        a.0.revoke(&kid(&stolen)).await.unwrap();
        let after = store.records.get(PLACE).await.unwrap().unwrap();
        let back = before.value().to_vec();
        let replaced = store.records.replace(PLACE, after.version(), back, None);
        assert!(replaced.await.unwrap().is_some());

        clock.advance(Duration::from_secs(5));
        let verifier = a.1.verifier();
        let refused = Err(ErrorKind::UnknownKey);
        assert_eq!(verify(&verifier, &stolen).await, refused, "tells: {tells}");
        // The others learn it anew.
        clock.advance(Duration::from_secs(5));
        assert_eq!(verify(&b.1.verifier(), &stolen).await, refused);
        let new = token(&b.1).await;
        assert_ne!(kid(&new), kid(&stolen));
        assert_eq!(verify(&verifier, &new).await, Ok(()));
    }
}

/// While one of them asks the store for a key, the others wait for its answer.
#[tokio::test]
async fn the_first_tokens_of_a_new_key_arrive_together() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let (a, b) = (process(&store, &clock), process(&store, &clock));
    let verifier = b.1.verifier();
    assert_eq!(verify(&verifier, &token(&a.1).await).await, Ok(()));
    a.0.rotate_now().await.unwrap();
    let new = token(&a.1).await;
    let reads = store.reads();
    let answers =
        tokio::join!(verify(&verifier, &new), verify(&verifier, &new), verify(&verifier, &new),);
    assert_eq!(answers, (Ok(()), Ok(()), Ok(())));
    assert_eq!(store.reads(), reads + 1);
}

#[tokio::test]
async fn a_store_that_never_lets_a_write_through_is_given_up_on() {
    let clock = ManualClock::at(NOW);
    let store = Remote::new(&clock, false);
    let (ring, _) = process(&store, &clock);
    ring.rotate_now().await.unwrap();
    store.state.busy.store(true, Ordering::SeqCst);
    let rotated = tokio::time::timeout(Duration::from_secs(20), ring.rotate_now());
    let error = rotated.await.expect("an answer").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
