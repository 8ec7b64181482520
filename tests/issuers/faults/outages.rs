//! Faults 1, 2, 3 and 8: the issuer is down, or worse than down.

use crate::faults::web::{APP, Site, world};
use crate::support::issuer::*;
use axum::http::StatusCode;
use jamguard::emulator::{AppSettings, Emulator, Endpoint};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, SystemClock};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn fault_01_issuer_down_for_ten_minutes() {
    let (emulator, app, clock, site) = world().await;
    let cached = app.id_token("ann@example.com").unwrap();
    assert_eq!(site.get(&cached).await.status, StatusCode::OK);
    // Nobody has seen these yet: they are verified in full during the outage.
    let fresh: Vec<String> =
        (0..=600).map(|n| app.id_token(format!("ann{n}@example.com")).unwrap()).collect();
    let unknown = token_of_unknown_key(&app);
    emulator.stop().await;
    // The keys expire in the middle of it.
    clock.advance(5 * MINUTE);
    let (mut requests, mut rejected) = (0, 0);
    for fresh in &fresh {
        for token in [&cached, fresh, &cached] {
            requests += 1;
            rejected += u64::from(site.get(token).await.status != StatusCode::OK);
        }
        // Waits for the fetch that these may have started. Whether its key exists cannot be said.
        if site.keys.fetches() > 1 {
            let answer = site.get(&unknown).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        }
        clock.advance(SECOND);
    }
    let tries = site.keys.fetches() - 1;
    println!(
        "fault 1: issuer down for 10 min: {rejected} of {requests} valid requests rejected, {tries} fetches tried"
    );
    assert_eq!(rejected, 0);
    // From 480 s on, when the refresh is due, at 0, 1, 3, 7, 15, 31, 63, 123, 183, … s.
    assert_eq!(tries, backoff_slots(Duration::from_secs(900 - 480)));
}

/// How many tries fit into an outage.
fn backoff_slots(outage: Duration) -> u64 {
    let pauses = [1, 2, 4, 8, 16, 32].into_iter().chain(std::iter::repeat(60));
    let starts = pauses.scan(0, |at, pause| {
        *at += pause;
        Some(*at)
    });
    1 + starts.take_while(|at| *at <= outage.as_secs()).count() as u64
}

/// Right in everything but its key.
fn token_of_unknown_key(app: &jamguard::emulator::App) -> String {
    let token = jamguard::emulator::IdToken::new("eve@example.com").header("kid", "unknown");
    app.issue(token).unwrap()
}

#[tokio::test]
async fn fault_02_issuer_down_past_max_stale() {
    let (emulator, app, clock, site) = world().await;
    let cached = app.id_token("ann@example.com").unwrap();
    assert_eq!(site.get(&cached).await.status, StatusCode::OK);
    emulator.fail(Endpoint::Jwks, 503);
    // An hour past the ten minutes that the keys are good for.
    clock.advance(HOUR + 10 * MINUTE);
    let (mut unavailable, mut unauthorized) = (0, 0);
    for n in 0..1_000 {
        let token = match n % 3 {
            0 => cached.clone(),
            1 => app.id_token(format!("ann{n}@example.com")).unwrap(),
            _ => token_of_unknown_key(&app),
        };
        let answer = site.get(&token).await;
        unauthorized += u64::from(answer.status == StatusCode::UNAUTHORIZED);
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(answer.retry_after.unwrap() >= 1);
            unavailable += 1;
        }
    }
    let tries = emulator.requests(Endpoint::Jwks) - 1;
    println!(
        "fault 2: issuer down past max_stale: {unavailable} of 1000 requests 503 with Retry-After, {unauthorized} 401, {tries} fetch tried"
    );
    assert_eq!((unavailable, unauthorized, tries), (1_000, 0, 1));
    emulator.clear_faults();
    clock.advance(SECOND / 2);
    assert_eq!(site.get(&cached).await.status, StatusCode::OK);
    emulator.stop().await;
}

#[tokio::test]
async fn fault_03_cold_start_with_the_issuer_down() {
    // A port that is free again, and a token of the issuer that was there.
    let emulator = Emulator::builder().start().await.unwrap();
    let base_url = emulator.base_url().to_owned();
    let port = base_url.rsplit(':').next().unwrap().parse().unwrap();
    let app = emulator.add_app(AppSettings::new(APP)).unwrap();
    let token = app.id_token("ann@example.com").unwrap();
    emulator.stop().await;

    let site = Site::new(&base_url, SystemClock);
    let mut refused = 0;
    // Half a second apart: 2 s.
    crate::support::wait::until("five fetches were tried", async || {
        let answer = site.get(&token).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.retry_after.unwrap() >= 1);
        refused += 1;
        site.keys.fetches() == 5
    })
    .await;
    let emulator = Emulator::builder().port(port).start().await.unwrap();
    let app = emulator.add_app(AppSettings::new(APP)).unwrap();
    let token = app.id_token("ann@example.com").unwrap();
    let serves = async || site.get(&token).await.status == StatusCode::OK;
    let after = crate::support::wait::until("it serves", serves).await;
    assert!(after < 5 * SECOND, "{after:?}");
    println!(
        "fault 3: cold start, issuer down: {refused} requests 503, serving {} ms after its return",
        after.as_millis()
    );
    emulator.stop().await;
}

/// The same, exact: half a second after the last try, whatever came before.
#[tokio::test]
async fn fault_03_cold_start_by_the_clock() {
    let (emulator, app, clock, site) = world().await;
    let token = app.id_token("ann@example.com").unwrap();
    emulator.fail(Endpoint::Jwks, 500);
    for tries in 1..=20 {
        for _ in 0..3 {
            let answer = site.get(&token).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.retry_after, Some(1));
        }
        assert_eq!(emulator.requests(Endpoint::Jwks), tries);
        clock.advance(SECOND / 2);
    }
    emulator.clear_faults();
    assert_eq!(site.get(&token).await.status, StatusCode::OK);
    emulator.stop().await;
}

#[tokio::test]
async fn fault_08_key_endpoint_drips_or_hangs() {
    let figures = ["1 byte/s", "hanging"].map(async |what| {
        let server = Server::start().await;
        let key = key("k1");
        let good = set_of(&[&key]);
        server.set("/keys", Answer::ok(good.clone()));
        // As it comes: 5 s.
        let clock = ManualClock::at(NOW);
        let keys = jamguard::jwks::RemoteKeySet::builder(server.url("/keys"))
            .clock(clock.clone())
            .build()
            .unwrap();
        let verifier = verifier(&keys, &clock);
        let sound = token(&key);
        assert_eq!(verify(&verifier, &sound).await, Ok(()));
        let bad = match what {
            "hanging" => Answer::Hang,
            _ => Answer::Drip(good.into()),
        };
        server.set("/keys", bad);
        clock.advance(9 * MINUTE);
        let begun = Instant::now();
        let (mut known, mut waited) = (0, 0);
        let unknown = token(&crate::support::issuer::key("k2"));
        let mut given_up = std::pin::pin!(verify(&verifier, &unknown));
        let after = loop {
            for _ in 0..10 {
                known += 1;
                waited += u64::from(at_once(verify(&verifier, &sound)) != Some(Ok(())));
            }
            let step = Duration::from_millis(10);
            if let Ok(answer) = tokio::time::timeout(step, &mut given_up).await {
                assert_eq!(answer, Err(ErrorKind::Unavailable));
                break begun.elapsed();
            }
        };
        println!(
            "fault 8: key endpoint {what}: given up after {:.2} s, {waited} of {known} known-kid requests waited",
            after.as_secs_f32()
        );
        assert_eq!((waited, keys.fetches()), (0, 2));
        assert!(after > 4 * SECOND, "given up too early: {after:?}");
        assert!(after < 10 * SECOND, "given up too late: {after:?}");
    });
    let [drips, hangs] = figures;
    tokio::join!(drips, hangs);
}
