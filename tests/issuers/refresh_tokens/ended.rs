//! Families that were ended, or ended by themselves.

use crate::refresh_tokens::{DAY, Device, NOW, OWNER, World, phone};
use jamguard::ErrorKind::*;
use jamguard::RefreshTokens;
use jamguard::store::{NewRecord, Store};
use std::time::Duration;

#[tokio::test]
async fn a_revoked_family() {
    let world = World::new();
    // By its current token, and by an old one: a logout is a logout.
    for old in [false, true] {
        let first = world.issue().await;
        let second = world.rotate(&first).await.unwrap();
        world.later();
        let by = if old { &first } else { &second };
        world.tokens.revoke(by).await.unwrap();
        world.tokens.revoke(by).await.unwrap();
        for token in [&first, &second] {
            world.refuses(token, Revoked).await;
        }
    }
    assert_eq!(world.reused(), 0);
}

#[tokio::test]
async fn all_families_of_a_subject() {
    let world = World::new();
    let odd = ["ann", "", "*", "a:b", "{}", "ä\n☎", &"x".repeat(10_000)];
    for (number, subject) in odd.into_iter().enumerate() {
        let data = phone();
        let ours = [
            world.tokens.issue(subject, &data).await.unwrap(),
            world.tokens.issue(subject, &data).await.unwrap(),
        ];
        let other = world.tokens.issue("bob", &data).await.unwrap();
        // Others keep records for the same people in the same store.
        let foreign = NewRecord::new(*b"a session").owned_by(subject);
        let key = format!("session/{number}");
        world.store.insert(&key, foreign).await.unwrap().unwrap();
        let twin = RefreshTokens::<Device>::builder(world.store.clone())
            .name("other")
            .clock(world.clock.clone())
            .build()
            .unwrap();
        let elsewhere = twin.issue(subject, &data).await.unwrap();

        assert_eq!(world.tokens.revoke_subject(subject).await.unwrap(), 2);
        for token in &ours {
            world.refuses(token.expose(), Revoked).await;
        }
        world.rotate(other.expose()).await.unwrap();
        assert!(world.store.get(&key).await.unwrap().is_some());
        world.refuses(elsewhere.expose(), Revoked).await;
        twin.rotate(elsewhere.expose()).await.unwrap();
        assert_eq!(world.tokens.revoke_subject(subject).await.unwrap(), 0);
    }
}

/// A logout that races a rotation: whichever comes first, nothing comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_comes_back_after_a_logout() {
    for round in 0..100 {
        let world = World::new();
        let token = world.issue().await;
        let uses: Vec<_> = (0..8)
            .map(|_| {
                let (tokens, token) = (world.tokens.clone(), token.clone());
                tokio::spawn(async move {
                    let refreshed = tokens.rotate(&token).await;
                    refreshed.ok().map(|r| r.token.expose().to_owned())
                })
            })
            .collect();
        match round % 2 {
            0 => world.tokens.revoke(&token).await.unwrap(),
            _ => assert_eq!(world.tokens.revoke_subject("ann").await.unwrap(), 1),
        }
        for one in uses {
            if let Some(next) = one.await.unwrap() {
                world.refuses(&next, Revoked).await;
            }
        }
        world.refuses(&token, Revoked).await;
        assert_eq!(world.store.owned(OWNER).await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn an_expired_family() {
    let world = World::with(|tokens| tokens.lifetime(DAY));
    let first = world.issue().await;
    world.clock.advance(DAY - Duration::from_millis(1));
    // Use does not make the login live longer.
    let second = world.rotate(&first).await.unwrap();
    world.clock.advance(Duration::from_millis(1));
    for token in [&first, &second] {
        world.refuses(token, Revoked).await;
    }
    // A store whose clock is behind still has it; the wall clock decides.
    let world = World::with(|tokens| tokens.lifetime(DAY));
    let first = world.issue().await;
    world.clock.set_wall(NOW + 86_399);
    let second = world.rotate(&first).await.unwrap();
    world.clock.set_wall(NOW + 86_400);
    for token in [&first, &second] {
        world.refuses(token, Expired).await;
    }
    assert_eq!(world.reused(), 0);
}

#[tokio::test]
async fn an_idle_family() {
    let world = World::with(|tokens| tokens.lifetime(10 * DAY).idle_lifetime(DAY));
    let mut token = world.issue().await;
    for _ in 0..10 {
        world.clock.advance(DAY - Duration::from_millis(1));
        token = world.rotate(&token).await.unwrap();
    }
    // What is left of the ten days.
    world.clock.advance(Duration::from_millis(10));
    world.refuses(&token, Revoked).await;

    let token = world.issue().await;
    let next = world.rotate(&token).await.unwrap();
    // Being answered again within the grace is no use.
    world.clock.advance(Duration::from_secs(4));
    world.rotate(&token).await.unwrap();
    world.clock.advance(DAY - Duration::from_secs(4));
    world.refuses(&next, Revoked).await;
}
