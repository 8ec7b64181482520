//! A list whose store is gone: 503, never "not revoked", unless that was asked for.

use crate::support::counts::Counts;
use crate::support::tokens::{NOW, rules};
use crate::token_lists::stores::{Shaky, TIMEOUT};
use crate::token_lists::{World, claims, deny, verify};
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{Change, MemoryStore};
use jamguard::testing::{ManualClock, mint};
use jamguard::{TokenList, Verifier};
use std::time::{Duration, Instant};

fn remote() -> (World, Shaky) {
    let clock = ManualClock::at(NOW);
    let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let store = Shaky::remote(records.clone());
    (World::over(store.clone(), records, clock), store)
}

#[tokio::test]
async fn fault_13_a_store_that_is_down_says_nothing_about_a_token() {
    let (world, store) = remote();
    let [known, new] = ["known", "new"].map(|jti| world.token(jti));
    let verified = world.verify(&known).await.unwrap();
    // Whatever the store calls it.
    for kind in [Unavailable, Storage, Timeout, Connection, Internal, Revoked] {
        store.fail(Some(kind));
        for _ in 0..2 {
            let refused = world.verifier.verify(&new).await.unwrap_err();
            assert_eq!(refused.kind(), Unavailable, "{kind}");
        }
        // Nothing that concerns it was written: the store tells of changes, and of their loss.
        world.accepts(&known, "remembered");
        // Writing fails as the store says.
        assert_eq!(world.denied.revoke(&verified).await.unwrap_err().kind(), kind);
        assert_eq!(world.denied.contains(&verified).await.unwrap_err().kind(), kind);
        assert_eq!(world.denied.remove(&verified).await.unwrap_err().kind(), kind);
        // It might have been written.
        assert_eq!(world.verify(&known).await.unwrap_err(), Unavailable);
        store.fail(None);
        world.verify(&known).await.unwrap();
        world.verify(&new).await.unwrap();
        store.tell(Change::Lost);
        store.fail(Some(kind));
        assert_eq!(world.verify(&known).await.unwrap_err(), Unavailable);
        store.fail(None);
        store.tell(Change::Live);
        world.verify(&known).await.unwrap();
        world.denied.revoke_unverified(&new).await.unwrap();
        assert_eq!(world.verify(&new).await.unwrap_err(), Revoked);
        world.denied.remove(&known_as(&world, &new).await).await.unwrap();
    }
}

async fn known_as(world: &World, token: &str) -> jamguard::Verified {
    let bare = world.verifier.danger_without_lists();
    bare.verify(token).await.unwrap()
}

/// Both questions at once, so that an outage takes one timeout and not two.
#[tokio::test]
async fn fault_13_within_the_stores_own_timeout() {
    let (world, store) = remote();
    store.hang(true);
    // The quickest of a few: a busy machine makes any of them late.
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let refused = world.verify(&world.token("a")).await;
        let took = start.elapsed();
        assert_eq!(refused.unwrap_err(), Unavailable);
        assert!(took >= TIMEOUT);
        quickest = quickest.min(took);
    }
    println!("a hanging store: 503 after {quickest:?}");
    assert!(quickest < 2 * TIMEOUT, "{quickest:?}");
}

#[tokio::test]
async fn an_allow_list_that_is_down_lets_nobody_in_and_says_503() {
    let clock = ManualClock::at(NOW);
    let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let store = Shaky::remote(records);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let list = TokenList::allow(store.clone()).clock(clock.clone()).build().unwrap();
    let verifier = rules(&key).allow_list(list.clone()).build().unwrap();
    let token = mint(&key, &claims("a")).unwrap();
    store.fail(Some(Unavailable));
    assert_eq!(verify(&verifier, &token).await.unwrap_err(), Unavailable);
    let error = list.add_unverified(&token).await.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    store.fail(None);
    assert_eq!(verify(&verifier, &token).await.unwrap_err(), NotListed);
    list.add_unverified(&token).await.unwrap();
    verify(&verifier, &token).await.unwrap();
}

/// Fail-open only where configured, counted in a metric, and remembered for nobody.
#[test]
fn fault_13_open_only_where_asked_and_counted() {
    const METRIC: &str = "jamguard_unchecked_tokens_total";
    let counts = Counts::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&counts, || {
        runtime.block_on(async {
            let clock = ManualClock::at(NOW);
            let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
            let store = Shaky::remote(records);
            let key = SigningKey::generate(Algorithm::ES256).unwrap();
            let open = deny(store.clone(), &clock).danger_fail_open();
            let open = open.build().unwrap();
            let shut = deny(store.clone(), &clock).name("other").build().unwrap();
            let of = |list: &TokenList| -> Verifier {
                let rules = rules(&key).clock(clock.clone());
                rules.deny_list(list.clone()).build().unwrap()
            };
            let (lenient, strict) = (of(&open), of(&shut));
            let token = mint(&key, &claims("a")).unwrap();
            let verified = verify(&lenient, &token).await.unwrap();
            open.revoke(&verified).await.unwrap();
            assert_eq!(verify(&lenient, &token).await.unwrap_err(), Revoked);
            assert_eq!(counts.of(METRIC), 0);

            store.fail(Some(Unavailable));
            for round in 1..=3 {
                // Even this one.
                verify(&lenient, &token).await.unwrap();
                assert_eq!(counts.of(METRIC), round);
                assert_eq!(verify(&strict, &token).await.unwrap_err(), Unavailable);
            }
            store.fail(None);
            assert_eq!(verify(&lenient, &token).await.unwrap_err(), Revoked);
            verify(&strict, &token).await.unwrap();
            assert_eq!(counts.of(METRIC), 3);
            // Nothing else is let through while it is open.
            store.fail(Some(Unavailable));
            let mut expired = claims("b");
            expired["exp"] = (NOW - 100).into();
            let expired = mint(&key, &expired).unwrap();
            assert_eq!(verify(&lenient, &expired).await.unwrap_err(), Expired);
        });
    });
}

/// One of the two answers speaks against the token, the other is lost: it is refused.
#[tokio::test]
async fn open_or_not_what_is_known_counts() {
    use jamguard::store::{Record, Store, StoreFuture};
    /// Cannot read the entries of subjects, or those of tokens.
    struct Half(MemoryStore, &'static str);
    impl Store for Half {
        passes_on!(0: insert replace remove owned remove_owned purge);

        fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
            if key.contains(self.1) {
                let error = jamguard::Error::new(Unavailable, "this half is lost");
                return Box::pin(std::future::ready(Err(error)));
            }
            self.0.get(key)
        }
    }
    let clock = ManualClock::at(NOW);
    for lost in ["/tokens/s", "/tokens/t"] {
        let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let list = deny(Half(records.clone(), lost), &clock).danger_fail_open();
        let rules = rules(&key).clock(clock.clone());
        let verifier = rules.deny_list(list.build().unwrap()).build().unwrap();
        let token = mint(&key, &claims("a")).unwrap();
        verify(&verifier, &token).await.unwrap();
        let writer = deny(records, &clock).build().unwrap();
        match lost {
            "/tokens/s" => writer.revoke_unverified(&token).await.unwrap(),
            _ => writer
                .revoke_subject(crate::support::tokens::ISSUER, "42", crate::token_lists::second(0))
                .await
                .unwrap(),
        }
        assert_eq!(verify(&verifier, &token).await.unwrap_err(), Revoked, "{lost}");
    }
}
