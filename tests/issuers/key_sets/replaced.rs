//! Keys replaced under the same name: issuers that restart with other keys, and forged tokens, which
//! look the same until the keys are fetched again.

use crate::support::issuer::*;
use jamguard::ErrorKind::{BadSignature, UnknownKey};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint;
use jamguard::{Authenticator, VerificationPool, Verifier};
use std::time::Duration;

const COOLDOWN: Duration = Duration::from_secs(30);

/// Tokens that name the issuer's key and are signed with another.
fn forged(count: usize) -> Vec<String> {
    let stranger = key("k1");
    let forge = |number: usize| {
        let mut claims = claims();
        claims["jti"] = number.to_string().into();
        mint(&stranger, &claims).unwrap()
    };
    (0..count).map(forge).collect()
}

#[tokio::test]
async fn a_restarted_issuers_key_is_accepted_after_one_fetch() {
    let world = World::new().await;
    let old = token(&world.key);
    assert_eq!(verify(&world.verifier, &old).await, Ok(()));
    let new = key("k1");
    world.server.set("/keys", Answer::ok(set_of(&[&new])));
    assert_eq!(world.verify(&new).await, Ok(()));
    assert_eq!(world.server.hits(), 2);
    // The old key is gone, also from memory, and its tokens fetch nothing within the cooldown.
    for _ in 0..3 {
        assert_eq!(verify(&world.verifier, &old).await, Err(BadSignature));
        assert_eq!(world.verify(&new).await, Ok(()));
    }
    assert_eq!(world.server.hits(), 2);
    // A second restart within the cooldown has to wait for its end.
    let newer = key("k1");
    world.server.set("/keys", Answer::ok(set_of(&[&newer])));
    world.clock.advance(COOLDOWN - Duration::from_secs(1));
    assert_eq!(world.verify(&newer).await, Err(BadSignature));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.verify(&newer).await, Ok(()));
    assert_eq!(world.server.hits(), 3);
}

/// Another algorithm under the same name, and keys without a name.
#[tokio::test]
async fn a_replaced_key_is_noticed_whatever_it_is_like() {
    let new_key = |algorithm: Algorithm, kid: Option<&str>| {
        let key = SigningKey::generate(algorithm).unwrap();
        match kid {
            Some(kid) => key.with_key_id(kid),
            None => key,
        }
    };
    for kid in [Some("k1"), None] {
        for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::Ed25519] {
            let world = World::new().await;
            let verifier = Verifier::builder()
                .jwks(world.keys.clone())
                .algorithms([Algorithm::ES256, algorithm])
                .issuer(ISSUER)
                .any_audience()
                .clock(world.clock.clone())
                .build()
                .unwrap();
            let old = new_key(Algorithm::ES256, kid);
            let new = new_key(algorithm, kid);
            world.server.set("/keys", Answer::ok(set_of(&[&old])));
            assert_eq!(verify(&verifier, &token(&old)).await, Ok(()));
            world.server.set("/keys", Answer::ok(set_of(&[&new])));
            let answer = verify(&verifier, &token(&new)).await;
            assert_eq!(answer, Ok(()), "{kid:?} {algorithm}");
            assert_eq!(world.server.hits(), 2, "{kid:?} {algorithm}");
            let refused = match algorithm {
                Algorithm::ES256 => BadSignature,
                _ => UnknownKey,
            };
            let answer = verify(&verifier, &token(&old)).await;
            assert_eq!(answer, Err(refused), "{kid:?} {algorithm}");
            assert_eq!(world.server.hits(), 2, "{kid:?} {algorithm}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_forged_tokens_causes_one_fetch_in_a_cooldown() {
    let world = World::new().await;
    // The default queue would reject some of the flood.
    let pool = VerificationPool::builder().queue_length(2000).build().unwrap();
    let auth = Authenticator::builder().verifier(world.verifier.clone()).verification_pool(pool);
    auth.build().unwrap();
    let warm = token(&world.key);
    assert_eq!(verify(&world.verifier, &warm).await, Ok(()));
    let forged = forged(1_000);
    for fetches in 2..5 {
        let mut crowd = tokio::task::JoinSet::new();
        for token in &forged {
            let (verifier, token) = (world.verifier.clone(), token.clone());
            crowd.spawn(async move { verify(&verifier, &token).await });
        }
        for answer in crowd.join_all().await {
            assert_eq!(answer, Err(BadSignature));
        }
        assert_eq!(world.server.hits(), fetches);
        world.clock.advance(COOLDOWN - Duration::from_secs(1));
        assert_eq!(verify(&world.verifier, &forged[0]).await, Err(BadSignature));
        assert_eq!(world.server.hits(), fetches);
        assert_eq!(at_once(verify(&world.verifier, &warm)), Some(Ok(())));
        world.clock.advance(Duration::from_secs(1));
    }
}

/// While the fetch hangs that a forged token caused, others do not wait for it.
#[tokio::test]
async fn sound_tokens_do_not_wait_for_the_fetch_of_a_forged_one() {
    let world = World::with(|keys| keys.timeout(Duration::from_secs(1))).await;
    let warm = token(&world.key);
    assert_eq!(verify(&world.verifier, &warm).await, Ok(()));
    world.server.set("/keys", Answer::Hang);
    let forged = forged(3);
    let (verifier, first) = (world.verifier.clone(), forged[0].clone());
    let waiting = tokio::spawn(async move { verify(&verifier, &first).await });
    until("the fetch", || world.server.hits() == 2).await;
    assert_eq!(at_once(verify(&world.verifier, &warm)), Some(Ok(())));
    let fresh = token(&world.key);
    assert_eq!(at_once(verify(&world.verifier, &fresh)), Some(Ok(())));
    // The known key has answered: the issuer's outage is no 503 for it.
    assert_eq!(waiting.await.unwrap(), Err(BadSignature));
    // Nor do the next ones fetch within the cooldown.
    for token in &forged {
        let answer = at_once(verify(&world.verifier, token));
        assert_eq!(answer, Some(Err(BadSignature)));
    }
    assert_eq!(world.server.hits(), 2);
    // An honest restart is found when the issuer is back.
    let new = key("k1");
    world.server.set("/keys", Answer::ok(set_of(&[&new])));
    world.clock.advance(COOLDOWN);
    assert_eq!(world.verify(&new).await, Ok(()));
    assert_eq!(world.server.hits(), 3);
}
