//! When a list asks its store, and when it need not.

use crate::support::tokens::{ISSUER, NOW, accepts, refuses, rules};
use crate::token_lists::stores::Shaky;
use crate::token_lists::{World, claims, second};
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{Change, MemoryStore, Store, Watcher};
use jamguard::testing::{ManualClock, mint};
use jamguard::{TokenList, Verifier};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A list over a store behind a connection, and that store.
fn remote() -> (World, Shaky) {
    let clock = ManualClock::at(NOW);
    let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let store = Shaky::remote(records.clone());
    (World::over(store.clone(), records, clock), store)
}

#[tokio::test]
async fn the_store_is_asked_once_per_token() {
    let (world, store) = remote();
    let [token, other] = ["a", "b"].map(|jti| world.token(jti));
    let verified = world.verify(&token).await.unwrap();
    // Its own entry and its subject's.
    assert_eq!(store.asked(), 2);
    for _ in 0..100 {
        world.accepts(&token, "without waiting");
    }
    assert_eq!(store.asked(), 0);
    let other = world.verify(&other).await.unwrap();
    assert_eq!(store.asked(), 2);

    // A change of one token is no concern of another.
    world.denied.revoke(&other).await.unwrap();
    store.asked();
    world.accepts(&token, "without waiting");
    assert_eq!(world.verify(other.expose_token()).await.unwrap_err(), Revoked);
    world.denied.revoke(&verified).await.unwrap();
    store.asked();
    for _ in 0..3 {
        assert_eq!(world.verify(&token).await.unwrap_err(), Revoked);
        // Yes is remembered, no is not.
        assert_eq!(store.asked(), 2);
    }
}

#[tokio::test]
async fn others_changes_count_when_the_store_tells_of_them() {
    let (world, store) = remote();
    let token = world.token("a");
    world.verify(&token).await.unwrap();
    // Another process: its list knows nothing of this one's.
    let twin = TokenList::deny(world.store.clone()).clock(world.clock.clone()).build().unwrap();
    twin.revoke_unverified(&token).await.unwrap();
    world.accepts(&token, "nobody told");
    store.tell(Change::Key("deny/other/tAAAA"));
    store.tell(Change::Key("session/deny/tokens/t"));
    store.asked();
    world.accepts(&token, "told of something else");
    store.tell(Change::All);
    assert_eq!(world.verify(&token).await.unwrap_err(), Revoked);
    assert_eq!(store.asked(), 2);

    // By its key alone, and by its subject's.
    for what in ["token", "subject"] {
        let (world, store) = remote();
        let token = world.token("a");
        world.verify(&token).await.unwrap();
        let records = Shaky::remote(world.store.clone());
        let twin = TokenList::deny(records.clone()).clock(world.clock.clone()).build().unwrap();
        let key = Arc::new(Mutex::new(String::new()));
        let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = {
            let key = key.clone();
            Arc::new(move |change| {
                if let Change::Key(written) = change {
                    *key.lock().unwrap() = written.to_owned();
                }
            })
        };
        records.watch(Watcher::new(&told));
        match what {
            "token" => twin.revoke_unverified(&token).await.unwrap(),
            _ => (twin.revoke_subject(ISSUER, "42", second(0)).await).unwrap(),
        }
        world.accepts(&token, "nobody told");
        store.tell(Change::Key(&key.lock().unwrap()));
        assert_eq!(world.verify(&token).await.unwrap_err(), Revoked, "{what}");
    }
}

/// A key that only looks like one of the list's might be any of them.
#[tokio::test]
async fn an_unreadable_key_of_the_list_counts_for_all() {
    let (world, store) = remote();
    let token = world.token("a");
    world.verify(&token).await.unwrap();
    for key in ["deny/tokens/", "deny/tokens/t", "deny/tokens/tAAAA", "deny/tokens/é"] {
        store.asked();
        store.tell(Change::Key(key));
        world.verify(&token).await.unwrap();
        assert_eq!(store.asked(), 2, "{key}");
    }
}

#[tokio::test]
async fn while_changes_are_not_learned_the_store_is_asked_each_time() {
    let (world, store) = remote();
    let token = world.token("a");
    let verified = world.verify(&token).await.unwrap();
    store.tell(Change::Lost);
    store.asked();
    for _ in 0..3 {
        world.verify(&token).await.unwrap();
        assert_eq!(store.asked(), 2);
    }
    // Nobody tells of it, and yet.
    let twin = TokenList::deny(world.store.clone()).clock(world.clock.clone()).build().unwrap();
    twin.revoke(&verified).await.unwrap();
    assert_eq!(world.verify(&token).await.unwrap_err(), Revoked);
    twin.remove(&verified).await.unwrap();
    world.verify(&token).await.unwrap();
    // What was learned before the loss is not believed after it.
    twin.revoke(&verified).await.unwrap();
    store.tell(Change::Live);
    assert_eq!(world.verify(&token).await.unwrap_err(), Revoked);
    twin.remove(&verified).await.unwrap();
    world.verify(&token).await.unwrap();
    store.asked();
    world.accepts(&token, "without waiting again");
    assert_eq!(store.asked(), 0);
}

/// Taken back while nobody could tell, and the token did not come in the meantime.
#[tokio::test]
async fn what_was_known_before_a_loss_is_not_believed_after_it() {
    let (world, store) = remote();
    let token = world.token("a");
    let verified = world.verify(&token).await.unwrap();
    store.tell(Change::Lost);
    let twin = TokenList::deny(world.store.clone()).clock(world.clock.clone()).build().unwrap();
    twin.revoke(&verified).await.unwrap();
    store.tell(Change::Live);
    assert_eq!(world.verify(&token).await.unwrap_err(), Revoked);
}

#[tokio::test]
async fn a_store_that_cannot_be_watched_is_asked_each_time() {
    let clock = ManualClock::at(NOW);
    let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let store = Shaky::unwatchable(records.clone());
    let world = World::over(store.clone(), records, clock);
    let token = world.token("a");
    let verified = world.verify(&token).await.unwrap();
    for _ in 0..3 {
        store.asked();
        world.verify(&token).await.unwrap();
        assert_eq!(store.asked(), 2);
    }
    // The signature was checked once.
    assert_eq!(world.verifier.cache_stats().misses, 1);
    let twin = TokenList::deny(world.store.clone()).clock(world.clock.clone()).build().unwrap();
    twin.revoke(&verified).await.unwrap();
    assert_eq!(world.verify(&token).await.unwrap_err(), Revoked);
}

/// The classic race: the store's answer is on its way while the token is taken back.
#[tokio::test]
async fn an_answer_from_before_a_change_is_not_remembered() {
    let (world, store) = remote();
    let token = world.token("a");
    let permits = store.hold();
    let (verifier, text) = (world.verifier.clone(), token.clone());
    let asking = tokio::spawn(async move { verifier.verify(&text).await.map(drop) });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.asked(), 2);
    // Both reads found nothing. Now it is taken back; then their answers arrive.
    (world.denied.revoke_jti(ISSUER, "a", second(600)).await).unwrap();
    permits.add_permits(2);
    asking.await.unwrap().unwrap();
    store.release();
    store.asked();
    assert_eq!(world.verify(&token).await.unwrap_err(), Revoked);
    assert!(store.asked() >= 2);
}

#[tokio::test]
async fn a_token_that_expires_while_the_store_is_asked_is_refused() {
    let clock = ManualClock::at(NOW);
    let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let store = Shaky::unwatchable(records.clone());
    let world = World::over(store.clone(), records, clock);
    let token = world.token("a");
    world.verify(&token).await.unwrap();
    store.asked();
    let permits = store.hold();
    let (verifier, text) = (world.verifier.clone(), token.clone());
    let asking = tokio::spawn(async move { verifier.verify(&text).await.map(drop) });
    let mut asked = 0;
    while asked < 2 {
        tokio::task::yield_now().await;
        asked += store.asked();
    }
    world.clock.advance(Duration::from_secs(24 * 3600));
    permits.add_permits(2);
    assert_eq!(asking.await.unwrap().unwrap_err().kind(), Expired);
    // It was in the cache: only the lists were asked.
    assert_eq!(world.verifier.cache_stats().misses, 1);
}

/// Whatever wrote to the store: the list's own calls tell its verifiers without the store's help.
#[tokio::test]
async fn own_writes_count_at_once() {
    struct Silent(MemoryStore);
    impl Store for Silent {
        passes_on!(0: get insert replace remove owned remove_owned purge);

        /// Says that it tells, and never does.
        fn watch(&self, watcher: Watcher) -> bool {
            watcher.notify(Change::Live)
        }
    }
    let clock = ManualClock::at(NOW);
    let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let world = World::over(Silent(records.clone()), records, clock);
    let token = world.token("a");
    let verified = world.accepts(&token, "sound");
    world.accepts(&token, "remembered");
    world.denied.revoke(&verified).await.unwrap();
    world.refuses(&token, Revoked, "taken back");
    world.denied.remove(&verified).await.unwrap();
    world.accepts(&token, "given back");
    (world.denied.revoke_subject(ISSUER, "42", second(0)).await).unwrap();
    world.refuses(&token, Revoked, "logged out");
}

/// The same token at two verifiers, each with other lists, and with more lists than one.
#[tokio::test]
async fn what_lists_remember_of_a_token_is_kept_apart() {
    let clock = ManualClock::at(NOW);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let lists: Vec<_> = (0..4)
        .map(|number| {
            TokenList::deny(MemoryStore::new())
                .name(format!("l{number}"))
                .clock(clock.clone())
                .build()
                .unwrap()
        })
        .collect();
    let verifier = (lists.iter())
        .fold(rules(&key), |rules, list| rules.deny_list(list.clone()))
        .clock(clock.clone())
        .build()
        .unwrap();
    let token = mint(&key, &claims("a")).unwrap();
    let verified = accepts(&verifier, &token, "in no list");
    for list in &lists {
        for _ in 0..2 {
            accepts(&verifier, &token, "in no list");
        }
        list.revoke(&verified).await.unwrap();
        refuses(&verifier, &token, Revoked, "in one");
        list.remove(&verified).await.unwrap();
    }
    accepts(&verifier, &token, "in no list any more");
    // A handle without lists shares the memory, not the answers.
    let bare: Verifier = verifier.danger_without_lists();
    lists[3].revoke(&verified).await.unwrap();
    for _ in 0..2 {
        accepts(&bare, &token, "not asked");
        refuses(&verifier, &token, Revoked, "asked");
    }
}
