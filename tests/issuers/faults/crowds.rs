//! Faults 4, 5, 6, 7 and 9: many requests at the moment when keys are unknown, new, gone or
//! expiring.

use crate::faults::web::world;
use crate::support::issuer::*;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::emulator::{Endpoint, IdToken};
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, Error, ErrorKind, VerificationPool};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const CROWD: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn fault_04_one_unknown_kid() {
    let (emulator, app, _clock, site) = world().await;
    let sound = app.id_token("ann@example.com").unwrap();
    assert_eq!(site.get(&sound).await.status, StatusCode::OK);
    emulator.delay(Endpoint::Jwks, Duration::from_millis(300));
    let before = emulator.requests(Endpoint::Jwks);
    let unknown: Arc<str> =
        app.issue(IdToken::new("eve@example.com").header("kid", "unknown")).unwrap().into();
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (verifier, token) = (site.verifier.clone(), unknown.clone());
        crowd.spawn(async move { verify(&verifier, &token).await });
    }
    let answers = crowd.join_all().await;
    let fetches = emulator.requests(Endpoint::Jwks) - before;
    println!("fault 4: 10,000 concurrent requests with one unknown kid: {fetches} fetch");
    assert_eq!(answers, vec![Err(ErrorKind::UnknownKey); CROWD]);
    assert_eq!((fetches, site.keys.fetches()), (1, 2));
    assert_eq!(site.get(&unknown).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.get(&sound).await.status, StatusCode::OK);
    emulator.stop().await;
}

/// Tokens that differ in their kid only; making one costs next to nothing.
struct RandomKids {
    rest: String,
    state: u64,
}

impl RandomKids {
    fn new(model: &str) -> Self {
        let (_, rest) = model.split_once('.').unwrap();
        Self { rest: rest.to_owned(), state: 0x9e37_79b9_7f4a_7c15 }
    }

    fn next(&mut self) -> String {
        // xorshift64
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let header = format!(r#"{{"alg":"ES256","kid":"{:016x}"}}"#, self.state);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), self.rest)
    }
}

/// In nanoseconds.
fn p99(times: &mut [u64]) -> u64 {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

#[tokio::test]
async fn fault_05_a_million_random_kids() {
    const KIDS: u64 = 1_000_000;
    let [world, calm] = [World::new().await, World::new().await];
    let worlds = [&world, &calm];
    let sound = worlds.map(|world| token(&world.key));
    for world in worlds {
        assert_eq!(world.verify(&world.key).await, Ok(()));
    }
    let mut kids = RandomKids::new(&sound[0]);
    let mut times = [const { Vec::new() }; 2];
    let (mut refused, mut waited) = (0, 0);
    let fetches = world.server.hits();
    for n in 0..KIDS {
        // Every 60 µs one, so that a minute is over with the last.
        if n % 50 == 0 && n > 0 {
            world.clock.advance(Duration::from_millis(3));
        }
        let answer = verify(&world.verifier, &kids.next()).await;
        refused += u64::from(answer == Err(ErrorKind::UnknownKey));
        if n % 10 == 0 {
            // In turns with a verifier that the flood does not reach.
            let turn = (n / 10 % 2) as usize;
            let begun = Instant::now();
            let answer = at_once(verify(&worlds[turn].verifier, &sound[turn]));
            times[turn].push(u64::try_from(begun.elapsed().as_nanos()).unwrap());
            waited += u64::from(answer != Some(Ok(())));
        }
    }
    let fetches = world.server.hits() - fetches;
    let [flooded, calm] = times.each_mut().map(|times| p99(times));
    println!(
        "fault 5: 1,000,000 random kids over a minute: {fetches} fetches, known-kid p99 {flooded} ns ({calm} ns at a verifier beside it, {:+.1} %)",
        (flooded as f64 / calm as f64 - 1.0) * 100.0
    );
    assert_eq!((refused, waited, fetches), (KIDS, 0, 2));
    // Far beyond noise: a fetch or a lock that is held costs more.
    assert!(flooded < 20 * calm + 1_000_000);
}

#[tokio::test]
async fn fault_06_first_token_with_the_new_key() {
    let (emulator, app, _clock, site) = world().await;
    let old = app.id_token("ann@example.com").unwrap();
    assert_eq!(site.get(&old).await.status, StatusCode::OK);
    app.rotate_key().unwrap();
    let before = emulator.requests(Endpoint::Jwks);
    let mut unauthorized = 0;
    for n in 0..100 {
        let new = app.id_token(format!("ann{n}@example.com")).unwrap();
        for token in [&new, &old] {
            let status = site.get(token).await.status;
            unauthorized += u64::from(status != StatusCode::OK);
        }
    }
    let fetches = emulator.requests(Endpoint::Jwks) - before;
    println!(
        "fault 6: rotation: first token with the new key accepted, {fetches} fetch, {unauthorized} false 401"
    );
    assert_eq!((fetches, unauthorized), (1, 0));
    emulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_07_key_removed_while_its_token_is_cached() {
    let (emulator, app, clock, site) = world().await;
    let old: Arc<str> = app.id_token("ann@example.com").unwrap().into();
    let crowd = async || {
        let mut crowd = JoinSet::new();
        for _ in 0..1_000 {
            let (verifier, token) = (site.verifier.clone(), old.clone());
            crowd.spawn(async move { verify(&verifier, &token).await.is_ok() });
        }
        crowd.join_all().await.into_iter().filter(|ok| *ok).count()
    };
    // On every thread, more than once: in the shared cache and in the threads' own memories.
    assert_eq!(crowd().await, 1_000);
    assert_eq!(crowd().await, 1_000);
    app.replace_key().unwrap();
    assert_eq!(crowd().await, 1_000, "the refresh is not due yet");
    // Else the keys may be there before the request that has them fetched looks at any.
    emulator.delay(Endpoint::Jwks, Duration::from_millis(500));
    clock.advance(9 * MINUTE);
    assert_eq!(site.get(&old).await.status, StatusCode::OK);
    let new = app.id_token("ann@example.com").unwrap();
    until("the refresh", || at_once(verify(&site.verifier, &new)) == Some(Ok(()))).await;
    let accepted = crowd().await;
    let fetches = emulator.requests(Endpoint::Jwks);
    println!(
        "fault 7: key removed while its token is cached: {accepted} of 1000 requests accepted after the refresh"
    );
    assert_eq!(accepted, 0);
    assert_eq!(site.get(&old).await.status, StatusCode::UNAUTHORIZED);
    assert!(fetches <= 3, "{fetches}");
    emulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_09_ten_thousand_requests_at_expiry() {
    let (emulator, app, clock, site) = world().await;
    // Signatures are checked at once, so that only a fetch could let a request wait.
    let pool = VerificationPool::builder().threads(0).build().unwrap();
    let verifier = site.verifier.clone();
    Authenticator::builder().verifier(verifier).verification_pool(pool).build().unwrap();
    let cached: Arc<str> = app.id_token("ann@example.com").unwrap().into();
    let fresh: Arc<str> = app.id_token("bob@example.com").unwrap().into();
    assert_eq!(site.get(&cached).await.status, StatusCode::OK);
    emulator.delay(Endpoint::Jwks, Duration::from_millis(500));
    // To the second.
    clock.advance(10 * MINUTE);
    let mut crowd = JoinSet::new();
    for n in 0..CROWD {
        let token = if n % 2 == 0 { &cached } else { &fresh };
        let (verifier, token) = (site.verifier.clone(), token.clone());
        crowd.spawn(async move { at_once(verify(&verifier, &token)) });
    }
    let answers = crowd.join_all().await;
    let waiters = answers.iter().filter(|answer| answer.is_none()).count();
    until("the refresh", || emulator.requests(Endpoint::Jwks) == 2).await;
    let fetches = site.keys.fetches() - 1;
    println!(
        "fault 9: 10,000 requests at the key set's expiry: {fetches} background fetch, {waiters} waiters"
    );
    assert_eq!(answers, vec![Some(Ok(())); CROWD]);
    assert_eq!(fetches, 1);
    emulator.stop().await;
}

/// The same many times over, with a fetch that is back before the last of the crowd has looked.
#[test]
fn fault_09_one_expiry_after_another() {
    const ROUNDS: u64 = 500;
    const THREADS: usize = 4;
    let (known, clock) = (key("k1"), ManualClock::at(NOW));
    let keys = RemoteKeySet::builder("https://issuer.example/keys")
        .fetcher(Instantly(set_of(&[&known])))
        .cooldown(7 * 24 * HOUR)
        .clock(clock.clone())
        .build()
        .unwrap();
    let verifier = verifier(&keys, &clock);
    let (sound, unknown) = (token(&known), token(&key("k2")));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    assert_eq!(runtime.block_on(verify(&verifier, &sound)), Ok(()));
    // In the cooldown that follows, an unknown kid waits for a fetch under way and starts none.
    let refused = runtime.block_on(verify(&verifier, &unknown));
    assert_eq!(refused, Err(ErrorKind::UnknownKey));
    let before = keys.fetches();
    let (barrier, waiters) = (Barrier::new(THREADS), AtomicU64::new(0));
    let round = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let _inside = runtime.enter();
                for next in 1..=ROUNDS {
                    if barrier.wait().is_leader() {
                        runtime.block_on(until("the refresh to end", || {
                            at_once(verify(&verifier, &unknown)).is_some()
                        }));
                        clock.advance(9 * MINUTE);
                        clock.set_wall(NOW);
                        round.store(next, Ordering::SeqCst);
                    }
                    // All at the same moment, as a barrier's sleepers would not be.
                    while round.load(Ordering::SeqCst) < next {
                        std::hint::spin_loop();
                    }
                    for _ in 0..10 {
                        let answer = at_once(verify(&verifier, &sound));
                        waiters.fetch_add(u64::from(answer != Some(Ok(()))), Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let (fetches, waiters) = (keys.fetches() - before, waiters.into_inner());
    println!(
        "fault 9: 500 expiries met by 4 threads at once: {fetches} background fetches, {waiters} waiters"
    );
    assert_eq!((fetches, waiters), (ROUNDS, 0));
}

struct Instantly(String);

impl Fetch for Instantly {
    fn fetch<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async { Ok(FetchedDocument::new(self.0.clone().into())) })
    }
}
