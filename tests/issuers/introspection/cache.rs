//! How long answers are remembered, and what ends that.

use super::{ENDPOINT, TOKEN, World, answer, answer_with};
use crate::support::gate::Gate;
use crate::support::issuer::{Answer, ISSUER, NOW};
use jamguard::ErrorKind::*;
use jamguard::store::MemoryStore;
use jamguard::{Authenticator, TokenList};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;

const INACTIVE: &str = r#"{"active":false}"#;

#[tokio::test]
async fn an_active_token_is_remembered_for_30_seconds() {
    let world = World::without_sharing().await;
    world.verify(TOKEN).await.unwrap();
    world.server.set(ENDPOINT, Answer::ok(INACTIVE));
    world.clock.advance(Duration::from_secs(29));
    for _ in 0..3 {
        world.verify(TOKEN).await.unwrap();
    }
    assert_eq!(world.introspection.calls(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.verify(TOKEN).await.unwrap_err(), Inactive);
    assert_eq!(world.introspection.calls(), 2);
}

/// Without leeway: from then on the server decides.
#[tokio::test]
async fn an_active_token_is_remembered_at_most_until_it_expires() {
    let world = World::without_sharing().await;
    world.answers(&answer_with("exp", NOW + 10));
    world.verify(TOKEN).await.unwrap();
    world.server.set(ENDPOINT, Answer::ok(INACTIVE));
    world.clock.advance(Duration::from_secs(9));
    world.verify(TOKEN).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.verify(TOKEN).await.unwrap_err(), Inactive);
}

/// Ahead or back: the answer was about another time.
#[tokio::test]
async fn a_jump_of_the_wall_clock_asks_the_server_again() {
    let world = World::without_sharing().await;
    world.verify(TOKEN).await.unwrap();
    for (jump, time) in [("ahead", NOW + 60), ("back", NOW), ("back by a second", NOW - 1)] {
        let before = world.introspection.calls();
        world.clock.set_wall(time);
        world.verify(TOKEN).await.unwrap();
        world.verify(TOKEN).await.unwrap();
        assert_eq!(world.introspection.calls(), before + 1, "{jump}");
    }
}

#[tokio::test]
async fn a_ttl_of_zero_asks_for_each_request() {
    let world = World::with(|asked| asked.active_ttl(Duration::ZERO), |rules| rules).await;
    for calls in 1..4 {
        world.verify(TOKEN).await.unwrap();
        assert_eq!(world.introspection.calls(), calls);
    }
    assert_eq!(world.verifier.cache_stats().entries, 0);
    world.server.set(ENDPOINT, Answer::ok(INACTIVE));
    assert_eq!(world.verify(TOKEN).await.unwrap_err(), Inactive);
}

#[tokio::test]
async fn an_inactive_token_is_remembered_for_a_moment() {
    let world = World::with(|asked| asked.inactive_ttl(Duration::from_millis(50)), |rules| rules);
    let world = world.await;
    world.server.set(ENDPOINT, Answer::ok(INACTIVE));
    for _ in 0..10 {
        assert_eq!(world.verify(TOKEN).await.unwrap_err(), Inactive);
    }
    assert!(world.introspection.calls() < 10, "{}", world.introspection.calls());
    assert_eq!(world.verifier.cache_stats().entries, 0);
    world.answers(&super::answer());
    crate::support::wait::until("active again", async || world.verify(TOKEN).await.is_ok()).await;
}

#[tokio::test]
async fn a_forgotten_token_is_asked_for_again() {
    let world = World::new().await;
    let auth = Authenticator::builder().verifier(world.verifier.clone()).build().unwrap();
    for _ in 0..3 {
        auth.authenticate(TOKEN).await.unwrap();
        auth.authenticate("another").await.unwrap();
    }
    assert_eq!(world.introspection.calls(), 2);
    world.server.set(ENDPOINT, Answer::ok(INACTIVE));
    auth.forget_token(TOKEN);
    assert_eq!(auth.authenticate(TOKEN).await.unwrap_err().kind(), Inactive);
    auth.authenticate("another").await.unwrap();
    world.verifier.forget_all();
    assert_eq!(auth.authenticate("another").await.unwrap_err().kind(), Inactive);
}

/// Also in the caches of other threads, which nothing else reaches.
#[test]
fn a_forgotten_token_is_forgotten_by_all_threads() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    std::thread::scope(|scope| {
        let (ask, asked) = std::sync::mpsc::channel();
        let (answer, answers) = std::sync::mpsc::channel();
        let (world, runtime) = (&world, &runtime);
        scope.spawn(move || {
            for () in asked {
                let answered = runtime.block_on(world.verify(TOKEN));
                answer.send(answered.map(drop)).unwrap();
            }
        });
        for _ in 0..3 {
            ask.send(()).unwrap();
            assert_eq!(answers.recv().unwrap(), Ok(()));
        }
        world.server.set(ENDPOINT, Answer::ok(INACTIVE));
        world.verifier.forget_token(TOKEN);
        ask.send(()).unwrap();
        assert_eq!(answers.recv().unwrap(), Err(Inactive));
        drop(ask);
    });
}

/// An answer that was on its way is not remembered.
#[tokio::test]
async fn a_token_forgotten_during_a_call_is_asked_for_again() {
    let world = World::new().await;
    let gate = Gate::closed();
    let sound = super::answer().to_string().into_bytes();
    world.server.set(ENDPOINT, Answer::Held(gate.clone(), sound));
    let verifier = world.verifier.clone();
    let first = tokio::spawn(async move { verifier.verify(TOKEN).await.map(drop) });
    gate.until_waiting(1).await;
    world.server.set(ENDPOINT, Answer::ok(INACTIVE));
    world.verifier.forget_token(TOKEN);
    // Not an answer of the call that began before.
    assert_eq!(world.verify(TOKEN).await.unwrap_err(), Inactive);
    gate.open();
    first.await.unwrap().unwrap();
    for _ in 0..2 {
        assert_eq!(world.verify(TOKEN).await.unwrap_err(), Inactive);
    }
}

#[tokio::test]
async fn deny_lists_are_checked_for_each_request() {
    let denied = TokenList::deny(MemoryStore::new()).build().unwrap();
    let list = denied.clone();
    let world = World::with(|asked| asked, |rules| rules.deny_list(list)).await;
    for jti in [None, Some("a")] {
        let mut answer = answer();
        if let Some(jti) = jti {
            answer["jti"] = jti.into();
        }
        world.answers(&answer);
        let token = format!("token-{jti:?}").replace(['(', ')', '"'], ".");
        let verified = world.verify(&token).await.unwrap();
        world.verify(&token).await.unwrap();
        denied.revoke(&verified).await.unwrap();
        assert_eq!(world.verify(&token).await.unwrap_err(), Revoked, "{jti:?}");
        // The opaque texts of tokens without a jti tell them apart.
        if jti.is_none() {
            world.verify("another").await.unwrap();
        }
    }
    let end = UNIX_EPOCH + Duration::from_secs(NOW + 600);
    world.answers(&answer_with("jti", "b"));
    world.verify("by-jti").await.unwrap();
    denied.revoke_jti(ISSUER, "b", end).await.unwrap();
    assert_eq!(world.verify("by-jti").await.unwrap_err(), Revoked);

    let world = World::with(|asked| asked, |rules| rules.deny_list(denied.clone())).await;
    world.verify(TOKEN).await.unwrap();
    let now: SystemTime = UNIX_EPOCH + Duration::from_secs(NOW);
    denied.revoke_subject(ISSUER, "42", now).await.unwrap();
    assert_eq!(world.verify(TOKEN).await.unwrap_err(), Revoked);
}

const CROWD: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_with_one_token_cause_one_call() {
    let world = World::new().await;
    for (name, body, sound) in
        [("active", super::answer().to_string(), true), ("inactive", INACTIVE.into(), false)]
    {
        let gate = Gate::closed();
        world.server.set(ENDPOINT, Answer::Held(gate.clone(), body.into_bytes()));
        let before = world.introspection.calls();
        let mut crowd = JoinSet::new();
        for _ in 0..CROWD {
            let verifier = world.verifier.clone();
            crowd.spawn(async move { verifier.verify(name).await.map(drop) });
        }
        gate.until_waiting(1).await;
        gate.open();
        let answers = crowd.join_all().await;
        let expected = |answer: &Result<(), jamguard::Error>| match answer {
            Ok(()) => sound,
            Err(error) => !sound && error.kind() == Inactive,
        };
        assert!(
            answers.iter().all(expected),
            "{name}: {:?}",
            answers.iter().find(|a| !expected(a))
        );
        let calls = world.introspection.calls() - before;
        println!("10,000 concurrent requests with one {name} opaque token: {calls} call");
        assert_eq!(calls, 1, "{name}");
    }
    assert_eq!(world.server.hits(), 2);
}

/// The first caller may go away.
#[tokio::test]
async fn a_cancelled_request_does_not_cancel_the_call() {
    let world = World::new().await;
    let gate = Gate::closed();
    let sound = answer().to_string().into_bytes();
    world.server.set(ENDPOINT, Answer::Held(gate.clone(), sound));
    let ask = || {
        let verifier = world.verifier.clone();
        tokio::spawn(async move { verifier.verify(TOKEN).await.map(drop) })
    };
    let first = ask();
    gate.until_waiting(1).await;
    let second = ask();
    first.abort();
    gate.open();
    second.await.unwrap().unwrap();
    assert_eq!(world.introspection.calls(), 1);
}
