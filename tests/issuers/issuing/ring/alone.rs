//! A ring of one process.

use super::*;
use jamguard::RingKey;
use jamguard::jose::SigningKey;
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn a_key_is_upcoming_current_retired_and_gone() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let verifier = issuer.verifier();

    let first = token(&issuer).await;
    let old = kid(&first);
    assert_eq!(states(&ring).await, [(old.clone(), KeyState::Current)]);

    let new = ring.rotate().await.unwrap();
    assert_eq!(ring.rotate().await.unwrap(), new, "there is an upcoming key already");
    let both = [(old.clone(), KeyState::Current), (new.clone(), KeyState::Upcoming)];
    assert_eq!(states(&ring).await, both);
    assert_eq!(published(&ring).await, [old.clone(), new.clone()]);
    assert_eq!(kid(&token(&issuer).await), old);

    clock.advance(HOUR - Duration::from_secs(1));
    let last = token(&issuer).await;
    assert_eq!(kid(&last), old);
    clock.advance(Duration::from_secs(1));
    assert_eq!(kid(&token(&issuer).await), new);
    assert_eq!(verify(&verifier, &last).await, Ok(()));
    let both = [(old.clone(), KeyState::Retired), (new.clone(), KeyState::Current)];
    assert_eq!(states(&ring).await, both);

    // The last token of the old key is good for as long as it would have been.
    clock.advance(15 * MINUTE);
    assert_eq!(verify(&verifier, &last).await, Ok(()));
    assert_eq!(published(&ring).await, [old.clone(), new.clone()]);
    clock.advance(MINUTE - Duration::from_secs(1));
    assert_eq!(verify(&verifier, &last).await, Err(ErrorKind::Expired));
    clock.advance(Duration::from_secs(1));
    assert_eq!(states(&ring).await, [(new.clone(), KeyState::Current)]);
    assert_eq!(published(&ring).await, [new]);
}

/// The overlap, not the token's own expiry, ends the key: cached or not.
#[tokio::test]
async fn a_retired_key_drops_out_after_the_overlap() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let verifier = issuer.verifier();
    let seen = token(&issuer).await;
    let unseen = token(&issuer).await;
    // A verifier that does not look at exp closely.
    let lenient = issuer.verifier_builder().leeway(HOUR).build().unwrap();
    for verifier in [&verifier, &lenient] {
        assert_eq!(verify(verifier, &seen).await, Ok(()));
    }
    ring.rotate_now().await.unwrap();
    clock.advance(16 * MINUTE - Duration::from_secs(1));
    assert_eq!(verify(&lenient, &seen).await, Ok(()));
    clock.advance(Duration::from_secs(1));
    for token in [&seen, &unseen] {
        assert_eq!(verify(&lenient, token).await, Err(ErrorKind::UnknownKey));
    }
}

#[tokio::test]
async fn rotation_now_takes_the_upcoming_key() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let upcoming = ring.rotate().await.unwrap();
    assert_eq!(ring.rotate_now().await.unwrap(), upcoming);
    assert_eq!(kid(&token(&issuer).await), upcoming);
    // And makes one where there is none, in the same second too.
    let next = ring.rotate_now().await.unwrap();
    assert_ne!(next, upcoming);
    assert_eq!(kid(&token(&issuer).await), next);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let verifier = issuer.verifier();
    let (seen, unseen) = (token(&issuer).await, token(&issuer).await);
    let old = kid(&seen);
    assert_eq!(verify(&verifier, &seen).await, Ok(()));

    ring.revoke(&old).await.unwrap();
    for token in [&seen, &unseen] {
        assert_eq!(verify(&verifier, token).await, Err(ErrorKind::UnknownKey));
    }
    let new = token(&issuer).await;
    assert_eq!(verify(&verifier, &new).await, Ok(()));
    assert_eq!(published(&ring).await, [kid(&new)]);
    let both = [(old.clone(), KeyState::Revoked), (kid(&new), KeyState::Current)];
    assert_eq!(states(&ring).await, both);
    ring.revoke(&old).await.unwrap();
    assert_eq!(states(&ring).await, both, "revoking again does nothing");
    let unknown = ring.revoke("unknown").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn revoking_the_current_key_lets_the_upcoming_one_sign() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let old = kid(&token(&issuer).await);
    let upcoming = ring.rotate().await.unwrap();
    ring.revoke(&old).await.unwrap();
    assert_eq!(kid(&token(&issuer).await), upcoming);
}

/// It would have retired the current one.
#[tokio::test]
async fn revoking_the_upcoming_key_leaves_the_current_one() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let old = kid(&token(&issuer).await);
    let upcoming = ring.rotate().await.unwrap();
    ring.revoke(&upcoming).await.unwrap();
    clock.advance(30 * 24 * HOUR);
    assert_eq!(kid(&token(&issuer).await), old);
    assert_eq!(published(&ring).await, [old]);
}

#[tokio::test]
async fn revoking_a_key_brings_no_retired_one_back() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let first = kid(&token(&issuer).await);
    let second = ring.rotate_now().await.unwrap();
    clock.advance(MINUTE);
    ring.revoke(&second).await.unwrap();
    let third = kid(&token(&issuer).await);
    assert!(third != first && third != second);
    // Its time runs on as before.
    assert_eq!(published(&ring).await, [first, third.clone()]);
    clock.advance(15 * MINUTE);
    assert_eq!(published(&ring).await, [third]);
}

#[tokio::test]
async fn keys_are_replaced_by_age() {
    let clock = ManualClock::at(NOW);
    let day = 24 * HOUR;
    let ring = ring(&clock).rotate_every(day).build().unwrap();
    let issuer = issuer(&ring);
    let mut signed = vec![kid(&token(&issuer).await)];
    let mut refused = 0;
    let mut good: Vec<(String, u64)> = Vec::new();
    for minute in 0..3 * 24 * 60 {
        let token = token(&issuer).await;
        if signed.last() != Some(&kid(&token)) {
            signed.push(kid(&token));
        }
        good.push((token, minute));
        good.retain(|(_, issued)| minute - issued <= 15);
        for (token, _) in good.iter().step_by(5) {
            refused += usize::from(verify(&issuer.verifier(), token).await.is_err());
        }
        clock.advance(MINUTE);
    }
    println!("{} keys in three days, {refused} tokens refused", signed.len());
    assert_eq!(refused, 0);
    assert_eq!(signed.len(), 3);
    // In time, the next one is known before it signs.
    clock.set_wall(NOW + 3 * 24 * 3600 - 60);
    let known = published(&ring).await;
    assert_eq!(known.len(), 2, "{known:?}");
}

#[tokio::test]
async fn a_key_that_expires_by_itself_is_replaced_in_time() {
    let clock = ManualClock::at(NOW);
    let mine = SigningKey::generate(Algorithm::ES256).unwrap();
    let expires = UNIX_EPOCH + Duration::from_secs(NOW + 4 * 3600);
    let ring = ring(&clock)
        .rotate_every(30 * 24 * HOUR)
        .key(RingKey::new(mine.clone()).expires_at(expires))
        .build()
        .unwrap();
    let issuer = issuer(&ring);
    for _ in 0..5 * 60 {
        let token = token(&issuer).await;
        assert_eq!(verify(&issuer.verifier(), &token).await, Ok(()));
        clock.advance(MINUTE);
    }
    assert_ne!(kid(&token(&issuer).await), mine.thumbprint().unwrap());
}

#[tokio::test]
async fn keys_of_before_verify_for_a_while() {
    let clock = ManualClock::at(NOW);
    let at = |seconds: u64| -> SystemTime { UNIX_EPOCH + Duration::from_secs(seconds) };
    let key = || SigningKey::generate(Algorithm::RS256).unwrap();
    let (old, new) = (key(), SigningKey::generate(Algorithm::EdDSA).unwrap());
    let ring = ring(&clock)
        .key(new.clone())
        .key(RingKey::new(old.clone()).current_from(at(NOW - 86_400)))
        .build()
        .unwrap();
    let names = [old.thumbprint().unwrap(), new.thumbprint().unwrap()];
    assert_eq!(published(&ring).await, names);
    let issuer = issuer(&ring);
    assert_eq!(kid(&token(&issuer).await), names[1]);
    let claims = json!({"iss": "https://issuer.example", "exp": NOW + 60});
    let old = old.with_key_id(&*names[0]);
    let token = jamguard::testing::mint(&old, &claims).unwrap();
    assert_eq!(verify(&issuer.verifier(), &token).await, Ok(()));

    // More may come later.
    let third = ring.import(RingKey::new(key()).current_from(at(NOW + 60))).await.unwrap();
    assert_eq!(published(&ring).await.len(), 3);
    clock.advance(MINUTE);
    assert_eq!(kid(&super::token(&issuer).await), third);
    for (key, advice) in [
        (RingKey::new(new.clone()), "already"),
        (RingKey::new(new.clone()).expires_at(at(NOW)), "expired"),
    ] {
        let error = ring.import(key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
    ring.revoke(&names[1]).await.unwrap();
    let error = ring.import(new).await.unwrap_err();
    assert!(error.message().contains("revoked"), "{error}");
}

/// Each has a name, so that they can be told apart, and none is published.
#[tokio::test]
async fn secrets_rotate_too() {
    let clock = ManualClock::at(NOW);
    let ring = KeyRing::builder(Algorithm::HS256).clock(clock.clone()).build().unwrap();
    let issuer = issuer(&ring);
    let before = token(&issuer).await;
    ring.rotate_now().await.unwrap();
    let after = token(&issuer).await;
    assert_ne!(kid(&before), kid(&after));
    for _ in 0..2 {
        for token in [&before, &after] {
            assert_eq!(verify(&issuer.verifier(), token).await, Ok(()));
        }
    }
    assert_eq!(published(&ring).await, [""; 0]);
}

#[tokio::test]
async fn a_clock_that_went_back_stops_nobody() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).rotate_every(24 * HOUR).build().unwrap();
    let issuer = issuer(&ring);
    let first = kid(&token(&issuer).await);
    clock.set_wall(NOW - 3600);
    let token = token(&issuer).await;
    assert_eq!(kid(&token), first);
    assert_eq!(verify(&issuer.verifier(), &token).await, Ok(()));
}

#[test]
fn rings_of_nonsense_say_what_to_do() {
    let sound = || KeyRing::builder(Algorithm::ES256);
    let nonsense = [
        (sound().overlap(Duration::ZERO), ".overlap("),
        (sound().rotate_every(Duration::ZERO), ".rotate_every("),
        (sound().rotate_every(HOUR), ".publish_ahead("),
        (sound().name(""), "name"),
        (sound().name("a/b"), "name"),
        (sound().refresh_interval(Duration::ZERO), "10 ms"),
        (sound().refresh_interval(25 * HOUR), "an hour"),
    ];
    for (builder, advice) in nonsense {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let twice = sound().key(key.clone()).key(key).build().unwrap_err();
    assert!(twice.message().contains("already"), "{twice}");
}

/// A key whose tokens were over by a clock that ran ahead verifies again when the clock is right.
#[tokio::test]
async fn a_clock_set_back_gives_keys_back() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock).build().unwrap();
    let issuer = issuer(&ring);
    let verifier = issuer.verifier();
    let token = token(&issuer).await;
    ring.rotate_now().await.unwrap();
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    clock.set_wall(NOW + 3600);
    assert!(verify(&verifier, &token).await.is_err());
    clock.set_wall(NOW);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
}
