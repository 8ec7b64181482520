//! How long keys are good for: `Cache-Control` within bounds, refresh ahead of expiry, back-off,
//! `max_stale`. The clock is moved by hand.

use crate::support::issuer::*;
use jamguard::ErrorKind::{Configuration, Unavailable, UnknownKey};
use jamguard::jwks::{RemoteKeySet, RemoteKeySetBuilder};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

fn cached(world: &World, header: &str) -> Answer {
    Answer::ok(set_of(&[&world.key])).with("cache-control", header)
}

/// How long after a fetch the next begins: the first of these ages at which one does.
async fn refreshed_after(header: &str, ages: &[Duration]) -> Option<Duration> {
    let world = World::new().await;
    world.server.set("/keys", cached(&world, header));
    let sound = token(&world.key);
    assert_eq!(verify(&world.verifier, &sound).await, Ok(()));
    let mut passed = Duration::ZERO;
    for age in ages {
        world.clock.advance(*age - passed);
        passed = *age;
        assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
        if world.keys.fetches() > 1 {
            until("the fetch to arrive", || world.server.hits() > 1).await;
            return Some(passed);
        }
    }
    assert_eq!(world.server.hits(), 1);
    None
}

#[tokio::test]
async fn cache_control_is_honoured_within_bounds() {
    // Refreshed ahead of expiry: after four fifths of the age.
    let seconds = Duration::from_secs;
    for (header, age) in [
        ("max-age=1000", seconds(1000)),
        ("public, max-age=1000, must-revalidate", seconds(1000)),
        ("MAX-AGE=1000", seconds(1000)),
        ("max-age=\"1000\"", seconds(1000)),
        ("max-age=1", MINUTE),
        ("max-age=0", MINUTE),
        ("no-store", MINUTE),
        ("max-age=1000, no-cache", MINUTE),
        ("max-age=31536000", DAY),
        ("max-age=18446744073709551615", DAY),
        ("max-age=99999999999999999999999", 10 * MINUTE),
        ("max-age=-1", 10 * MINUTE),
        ("max-age=soon", 10 * MINUTE),
        ("max-age", 10 * MINUTE),
        ("s-maxage=5", 10 * MINUTE),
        ("", 10 * MINUTE),
    ] {
        let due = age.mul_f32(0.8);
        let ages = [due - SECOND, due + SECOND];
        let found = refreshed_after(header, &ages).await;
        assert_eq!(found, Some(ages[1]), "{header}");
    }
}

#[tokio::test]
async fn the_bounds_can_be_set() {
    let world = World::with(|keys| keys.age_bounds(2 * MINUTE, 3 * MINUTE)).await;
    for (header, due) in [("max-age=1", 96), ("max-age=1000", 144)] {
        world.server.set("/keys", cached(&world, header));
        let keys = RemoteKeySet::builder(world.server.url("/keys"))
            .age_bounds(2 * MINUTE, 3 * MINUTE)
            .clock(world.clock.clone())
            .build()
            .unwrap();
        let verifier = verifier(&keys, &world.clock);
        let sound = token(&world.key);
        assert_eq!(verify(&verifier, &sound).await, Ok(()));
        world.clock.advance(Duration::from_secs(due - 1));
        assert_eq!(at_once(verify(&verifier, &sound)), Some(Ok(())));
        assert_eq!(keys.fetches(), 1, "{header}");
        world.clock.advance(2 * SECOND);
        assert_eq!(at_once(verify(&verifier, &sound)), Some(Ok(())));
        assert_eq!(keys.fetches(), 2, "{header}");
    }
}

#[tokio::test]
async fn stale_keys_serve_for_max_stale_and_not_a_second_longer() {
    // Ten minutes of age, then half an hour.
    let world = World::with(|keys| keys.max_stale(30 * MINUTE)).await;
    let (sound, new) = (token(&world.key), token(&key("k2")));
    assert_eq!(verify(&world.verifier, &sound).await, Ok(()));
    world.server.set("/keys", Answer::status(500));
    world.clock.advance(40 * MINUTE - SECOND);
    assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
    assert_eq!(verify(&world.verifier, &new).await, Err(Unavailable));
    world.clock.advance(SECOND);
    let stale = verify(&world.verifier, &sound).await;
    assert_eq!(stale, Err(Unavailable), "cached as it is");
    // Nobody's cached token is thrown away for that.
    world.server.set("/keys", Answer::ok(set_of(&[&world.key])));
    world.clock.advance(SECOND);
    assert_eq!(verify(&world.verifier, &sound).await, Ok(()));
}

#[tokio::test]
async fn failures_are_retried_ever_more_seldom() {
    let world = World::new().await;
    let sound = token(&world.key);
    assert_eq!(verify(&world.verifier, &sound).await, Ok(()));
    world.server.set("/keys", Answer::status(500));
    world.clock.advance(11 * MINUTE);
    let unknown = token(&key("k2"));
    for (expected, pause) in (2..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        let pause = Duration::from_secs(pause);
        // The first request starts the fetch, the second waits for its end.
        assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
        assert_eq!(world.keys.fetches(), expected as u64);
        assert_eq!(verify(&world.verifier, &unknown).await, Err(Unavailable));
        assert_eq!(world.server.hits(), expected, "{pause:?}");
        world.clock.advance(pause - Duration::from_millis(1));
        assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
        assert_eq!(verify(&world.verifier, &unknown).await, Err(Unavailable));
        assert_eq!(world.server.hits(), expected, "{pause:?}, less a little");
        world.clock.advance(Duration::from_millis(1));
    }
    // A success ends it, and the next failure begins anew.
    world.server.set("/keys", Answer::ok(set_of(&[&world.key])));
    assert_eq!(verify(&world.verifier, &unknown).await, Err(UnknownKey));
    world.server.set("/keys", Answer::status(500));
    world.clock.advance(11 * MINUTE);
    assert_eq!(verify(&world.verifier, &unknown).await, Err(Unavailable));
    let hits = world.server.hits();
    world.clock.advance(SECOND);
    assert_eq!(verify(&world.verifier, &unknown).await, Err(Unavailable));
    assert_eq!(world.server.hits(), hits + 1);
}

/// However long the outage was: what waits for keys is served half a second after the last try.
#[tokio::test]
async fn without_usable_keys_the_back_off_is_short() {
    let world = World::new().await;
    let sound = token(&world.key);
    assert_eq!(verify(&world.verifier, &sound).await, Ok(()));
    world.server.set("/keys", Answer::status(500));
    for _ in 0..80 {
        world.clock.advance(MINUTE);
        let _ = verify(&world.verifier, &token(&key("k2"))).await;
    }
    assert_eq!(verify(&world.verifier, &sound).await, Err(Unavailable));
    world.server.set("/keys", Answer::ok(set_of(&[&world.key])));
    world.clock.advance(SECOND / 2);
    assert_eq!(verify(&world.verifier, &sound).await, Ok(()));
}

/// A new key whose first fetch fails is found as soon as the back-off allows, not only after the
/// cooldown: a failure says nothing about the key.
#[tokio::test]
async fn a_failed_fetch_does_not_count_for_the_cooldown() {
    let world = World::new().await;
    assert_eq!(world.verify(&world.key).await, Ok(()));
    let new = key("k2");
    world.server.set("/keys", Answer::status(503));
    assert_eq!(world.verify(&new).await, Err(Unavailable));
    let set = set_of(&[&world.key, &new]);
    world.server.set("/keys", Answer::ok(set));
    assert_eq!(world.verify(&new).await, Err(Unavailable), "back-off");
    world.clock.advance(SECOND);
    assert_eq!(world.verify(&new).await, Ok(()));
    assert_eq!(world.server.hits(), 3);
}

/// Which keys these are has a number, and no other set gets a new one.
#[tokio::test]
async fn a_refresh_that_brings_the_same_keys_changes_nothing() {
    let world = World::new().await;
    let sound = token(&world.key);
    let generation = |generation: u64| {
        let found = format!("{:?}", world.keys);
        assert!(found.contains(&format!("generation: {generation}")), "{found}");
    };
    generation(0);
    assert_eq!(verify(&world.verifier, &sound).await, Ok(()));
    generation(1);
    assert_eq!(world.verify(&key("k2")).await, Err(UnknownKey));
    assert_eq!(world.server.hits(), 2);
    generation(1);
    let set = set_of(&[&key("k3"), &world.key]);
    world.server.set("/keys", Answer::ok(set));
    world.clock.advance(MINUTE);
    assert_eq!(world.verify(&key("k2")).await, Err(UnknownKey));
    generation(2);
    assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
}

#[tokio::test]
async fn load_fetches_once_and_again_only_when_the_keys_are_too_old() {
    let world = World::new().await;
    assert_eq!(world.keys.fetches(), 0, "nothing is fetched at build");
    world.keys.load().await.unwrap();
    world.keys.load().await.unwrap();
    assert_eq!(world.server.hits(), 1);
    let sound = token(&world.key);
    assert_eq!(at_once(verify(&world.verifier, &sound)), Some(Ok(())));
    world.clock.advance(10 * MINUTE + HOUR);
    world.keys.load().await.unwrap();
    assert_eq!((world.server.hits(), world.keys.fetches()), (2, 2));
}

#[tokio::test]
async fn verifiers_that_share_a_key_set_share_its_fetches() {
    let world = World::new().await;
    let others: Vec<_> = (0..4).map(|_| verifier(&world.keys, &world.clock)).collect();
    let (sound, new) = (token(&world.key), key("k2"));
    for verifier in &others {
        assert_eq!(verify(verifier, &sound).await, Ok(()));
    }
    assert_eq!(world.server.hits(), 1);
    // One sees the new key first; all know it, and all forget the old one.
    world.server.set("/keys", Answer::ok(set_of(&[&new])));
    assert_eq!(verify(&others[0], &token(&new)).await, Ok(()));
    for verifier in &others {
        let answer = at_once(verify(verifier, &token(&new)));
        assert_eq!(answer, Some(Ok(())));
        let answer = at_once(verify(verifier, &sound));
        assert_eq!(answer, Some(Err(UnknownKey)));
    }
    assert_eq!((world.server.hits(), world.keys.fetches()), (2, 2));
}

#[test]
fn times_that_cannot_work_are_refused() {
    let refused = |set: fn(RemoteKeySetBuilder) -> RemoteKeySetBuilder| {
        let keys = set(RemoteKeySet::builder("https://issuer.example/keys"));
        match keys.build() {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.kind(), Configuration);
                assert!(error.message().len() > 20, "it says what to do");
                true
            }
        }
    };
    assert!(refused(|keys| keys.timeout(Duration::ZERO)));
    assert!(refused(|keys| keys.timeout(61 * SECOND)));
    assert!(refused(|keys| keys.timeout(Duration::MAX)));
    assert!(refused(|keys| keys.age_bounds(Duration::ZERO, DAY)));
    assert!(refused(|keys| keys.age_bounds(DAY, MINUTE)));
    assert!(refused(|keys| keys.age_bounds(MINUTE, 8 * DAY)));
    assert!(refused(|keys| keys.default_age(8 * DAY)));
    assert!(refused(|keys| keys.max_stale(Duration::MAX)));
    assert!(refused(|keys| keys.cooldown(Duration::MAX)));
    assert!(!refused(|keys| keys));
    assert!(!refused(|keys| keys.timeout(60 * SECOND).max_stale(Duration::ZERO)));
    assert!(!refused(|keys| keys.age_bounds(MINUTE, MINUTE).cooldown(MINUTE)));
}
