//! Rotation, the grace, and a hundred uses at once.

use crate::refresh_tokens::stores::Counting;
use crate::refresh_tokens::{DAY, Device, NOW, OWNER, World, phone};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::ErrorKind::*;
use jamguard::store::{MemoryStore, Store};
use jamguard::{RefreshTokens, RefreshTokensBuilder, Refreshed, Secret};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, UNIX_EPOCH};

#[tokio::test]
async fn a_login_goes_on_token_by_token() {
    let world = World::new();
    let mut token = world.issue().await;
    let mut seen = HashSet::new();
    for day in 0..29 {
        assert!(seen.insert(token.clone()));
        let Refreshed { token: next, subject, data, expires_at, .. } =
            world.tokens.rotate(&token).await.unwrap();
        assert_eq!((&*subject, data), ("ann", phone()), "day {day}");
        assert_eq!(expires_at, UNIX_EPOCH + Duration::from_secs(NOW) + 30 * DAY);
        token = next.expose().to_owned();
        world.clock.advance(DAY);
    }
    // 256 bits of secret, and the family's name.
    let (family, secret) = token.split_once('.').unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(family).unwrap().len(), 16);
    assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
    assert!(seen.iter().all(|old| old.starts_with(family)));
    // Another login is another family.
    assert!(!world.issue().await.starts_with(family));
    assert_eq!(world.reused(), 0);
}

#[tokio::test]
async fn within_the_grace_the_answer_is_the_same() {
    let world = World::new();
    let first = world.issue().await;
    let second = world.rotate(&first).await.unwrap();
    for _ in 0..5 {
        assert_eq!(world.rotate(&first).await.unwrap(), second);
    }
    // Also when somebody was quicker, and used the new one already.
    let third = world.rotate(&second).await.unwrap();
    assert_eq!(world.rotate(&first).await.unwrap(), second);
    assert_eq!(world.rotate(&second).await.unwrap(), third);
    // Each has its own grace, which use does not prolong.
    world.clock.advance(Duration::from_secs(4));
    let fourth = world.rotate(&third).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.rotate(&third).await.unwrap(), fourth);
    assert_eq!(world.reused(), 0);
    world.refuses(&second, Reused).await;
    world.refuses(&fourth, Reused).await;
    assert_eq!(world.reused(), 1);
}

/// However fast somebody rotates, what is kept of a family stays small.
#[tokio::test]
async fn the_grace_remembers_a_few_rotations() {
    let world = World::new();
    let mut tokens = vec![world.issue().await];
    for at in 0..16 {
        tokens.push(world.rotate(&tokens[at]).await.unwrap());
    }
    assert_eq!(world.rotate(&tokens[0]).await.unwrap(), tokens[1]);
    tokens.push(world.rotate(&tokens[16]).await.unwrap());
    let kept = &world.store.owned(OWNER).await.unwrap()[0].1;
    assert!(kept.value().len() < 4096, "{}", kept.value().len());
    world.refuses(&tokens[0], Reused).await;
}

#[tokio::test]
async fn without_grace_every_second_use_is_reuse() {
    let world = World::with(|tokens| tokens.grace(Duration::ZERO));
    let first = world.issue().await;
    let second = world.rotate(&first).await.unwrap();
    world.refuses(&first, Reused).await;
    world.refuses(&second, Reused).await;
}

/// Of 100 concurrent uses of one token one wins, and within the grace the others get the same
/// response.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_uses_at_once() {
    for round in 0..20 {
        let world = World::new();
        let token = world.issue().await;
        let versions = Arc::new(Counting::of(world.store.clone()));
        let tokens = RefreshTokens::<Device>::builder(versions.clone())
            .clock(world.clock.clone())
            .build()
            .unwrap();
        let barrier = Arc::new(tokio::sync::Barrier::new(100));
        let uses: Vec<_> = (0..100)
            .map(|_| {
                let (tokens, token, barrier) = (tokens.clone(), token.clone(), barrier.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    let refreshed = tokens.rotate(&token).await.unwrap();
                    refreshed.token.expose().to_owned()
                })
            })
            .collect();
        let mut answers = HashSet::new();
        for one in uses {
            answers.insert(one.await.unwrap());
        }
        assert_eq!(answers.len(), 1, "round {round}");
        assert_eq!(versions.replaced.load(SeqCst), 1, "one of them rotated");
        let next = answers.into_iter().next().unwrap();
        world.later();
        world.rotate(&next).await.unwrap();
        world.refuses(&token, Reused).await;
    }
}

/// Without grace: one wins, and the others end the family.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_uses_at_once_without_grace() {
    let world = World::with(|tokens| tokens.grace(Duration::ZERO));
    let token = world.issue().await;
    let uses: Vec<_> = (0..100)
        .map(|_| {
            let (tokens, token) = (world.tokens.clone(), token.clone());
            tokio::spawn(async move { tokens.rotate(&token).await.map(drop) })
        })
        .collect();
    let mut won = 0;
    for one in uses {
        match one.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error.kind(), Reused),
        }
    }
    assert_eq!((won, world.reused()), (1, 1));
}

#[tokio::test]
async fn data_of_another_type() {
    let world = World::new();
    let token = world.issue().await;
    let strings = RefreshTokens::<String>::builder(world.store.clone())
        .clock(world.clock.clone())
        .build()
        .unwrap();
    let refused = strings.rotate(&token).await.unwrap_err();
    assert_eq!(refused.kind(), ClaimsMismatch);
    assert!(!refused.message().contains("phone"), "{refused}");
    // It is as it was, and without data there is nothing to read.
    let refreshed = world.tokens.rotate(&token).await.unwrap();
    assert_eq!(refreshed.data, phone());
    let plain: RefreshTokens = RefreshTokens::builder(MemoryStore::new()).build().unwrap();
    let token = plain.issue("ann", &()).await.unwrap();
    plain.rotate(token.expose()).await.unwrap();

    // What is no JSON is not issued.
    type NoJson = std::collections::HashMap<Vec<u8>, u8>;
    let odd = RefreshTokens::<NoJson>::builder(MemoryStore::new()).build().unwrap();
    let data = NoJson::from([(vec![1], 1)]);
    let refused = odd.issue("ann", &data).await.unwrap_err();
    assert_eq!(refused.kind(), Configuration);
}

#[tokio::test]
async fn nothing_shows_a_token() {
    let world = World::new();
    let token: Secret = world.tokens.issue("ann", &phone()).await.unwrap();
    let refreshed = world.tokens.rotate(token.expose()).await.unwrap();
    let (_, secret) = refreshed.token.expose().split_once('.').unwrap();
    for text in [
        format!("{refreshed:?}"),
        format!("{:?}", world.tokens),
        format!("{token:?}"),
        format!("{:?}", RefreshTokens::<()>::builder(MemoryStore::new())),
    ] {
        assert!(!text.contains(secret), "{text}");
    }
    let error = world.tokens.rotate("secret.text").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret.text"));
}

#[test]
fn nonsense_is_refused_at_build() {
    type Begun = RefreshTokensBuilder<()>;
    type Set = fn(Begun) -> Begun;
    let nonsense: [(Set, &str); 7] = [
        (|t| t.name(""), "1 to 64 letters"),
        (|t| t.name("a/b"), "1 to 64 letters"),
        (|t| t.lifetime(Duration::ZERO), "under a second"),
        (|t| t.idle_lifetime(Duration::ZERO), "under a second"),
        (|t| t.lifetime(Duration::ZERO).idle_lifetime(DAY), "under a second"),
        (|t| t.lifetime(DAY).idle_lifetime(2 * DAY), ".idle_lifetime("),
        (|t| t.grace(Duration::from_secs(61)), "over 60 s"),
    ];
    for (set, advice) in nonsense {
        let built = set(RefreshTokens::builder(MemoryStore::new())).build();
        let error = built.unwrap_err();
        assert_eq!(error.kind(), Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
}
