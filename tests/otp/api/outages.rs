//! A store that is down is an outage (503), never a wrong code; and what is not known to be written
//! counts for nothing.

use crate::api::NOW;
use crate::api::door::{Door, USER, factor};
use crate::support::failing::{Failing, Fate};
use crate::support::redis::Server;
use jamguard::otp::{Otp, RecoveryCodes};
use jamguard::store::{MemoryStore, RedisStore, Store};
use jamguard::testing::ManualClock;
use jamguard::{AuthResponse, Error, ErrorKind};
use std::sync::Arc;

#[track_caller]
fn is_outage<T>(answer: Result<T, Error>, what: &str) {
    let error = answer.err().expect("an outage");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
    assert_eq!(AuthResponse::for_error(&error, "api").status(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_is_no_wrong_code() {
    let store = Arc::new(Failing::of(MemoryStore::new()));
    let shared: Arc<dyn Store> = store.clone();
    let doors = Door::all(&shared).await;
    let recovery = RecoveryCodes::builder(shared.clone()).build().unwrap();
    let codes = recovery.issue(USER).await.unwrap();
    let otp = Otp::totp().clock(ManualClock::at(NOW)).build().unwrap();
    let factor = factor(shared, &otp);
    for read_only in [true, false] {
        match read_only {
            true => *store.read_only.lock().unwrap() = true,
            false => *store.down.lock().unwrap() = true,
        }
        for door in &doors {
            // Ten of them: an outage is no failure of the user's.
            for _ in 0..10 {
                is_outage(door.verify(&door.code(0)).await, &door.name);
                is_outage(door.verify(&door.wrong()).await, &door.name);
            }
        }
        for _ in 0..10 {
            is_outage(recovery.redeem(USER, codes[0].expose()).await, "recovery");
        }
        is_outage(recovery.issue("bob").await, "recovery");
        is_outage(factor.begin("bob", "bob").await, "begin");
        is_outage(factor.remove(USER).await, "remove");
        store.heal();
    }
    for door in &doors {
        door.opens(&door.code(0)).await;
    }
    recovery.redeem(USER, codes[0].expose()).await.unwrap();
    // Only what is asked of the store can be known.
    *store.down.lock().unwrap() = true;
    is_outage(factor.is_enrolled(USER).await, "is_enrolled");
    is_outage(recovery.left(USER).await, "left");
}

/// Of a write whose answer got lost nobody knows: the code is not accepted, and may be used up.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_got_lost_accepts_no_code() {
    for fate in [Fate::Fails, Fate::DoneButFails] {
        let store = Arc::new(Failing::of(MemoryStore::new()));
        let shared: Arc<dyn Store> = store.clone();
        for door in Door::all(&shared).await {
            store.after(0, fate, false);
            is_outage(door.verify(&door.code(0)).await, &door.name);
            match fate {
                Fate::Fails => door.opens(&door.code(0)).await,
                _ => door.refuses(&door.code(0), ErrorKind::UsedCode).await,
            }
            door.opens(&door.code(1)).await;
        }
    }
}

/// The same of what is written once in an enrolment's life, and of recovery codes.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_got_lost_enrols_nobody_twice() {
    for fate in [Fate::Fails, Fate::DoneButFails] {
        let done = !matches!(fate, Fate::Fails);
        let store = Arc::new(Failing::of(MemoryStore::new()));
        let clock = ManualClock::at(NOW);
        let otp = Otp::totp().clock(clock.clone()).build().unwrap();
        let factor = factor(store.clone(), &otp);
        store.after(0, fate, false);
        is_outage(factor.begin(USER, "ann").await, "begin");
        // Nobody saw that secret: it is begun anew.
        let begun = factor.begin(USER, "ann").await.unwrap();
        let code = otp.code(begun.secret()).unwrap();
        store.after(0, fate, false);
        is_outage(factor.confirm(USER, code.expose()).await, "confirm");
        assert_eq!(factor.is_enrolled(USER).await.unwrap(), done);
        let again = factor.confirm(USER, code.expose()).await;
        match again.map_err(|error| error.kind()) {
            Err(kind) => assert!(done && kind == ErrorKind::AlreadyEnrolled, "{kind}"),
            Ok(_) => assert!(!done),
        }
        // Codes that nobody saw are no loss: there are others for who has the app.
        clock.advance(std::time::Duration::from_secs(30));
        let code = otp.code(begun.secret()).unwrap();
        factor.verify(USER, code.expose()).await.unwrap();
        let codes = factor.new_recovery_codes(USER).await.unwrap();

        store.after(0, fate, false);
        is_outage(factor.recover(USER, codes[0].expose()).await, "recover");
        let left = factor.recovery_codes_left(USER).await.unwrap();
        assert_eq!(left, 10 - usize::from(done));
        let again = factor.recover(USER, codes[0].expose()).await;
        assert_eq!(again.is_ok(), !done);
        factor.recover(USER, codes[1].expose()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_is_an_outage_and_its_return_ends_it() {
    let mut server = Server::durable();
    let store: Arc<dyn Store> = Arc::new(RedisStore::connect(&server.url()).await.unwrap());
    let doors = Door::all(&store).await;
    for door in &doors {
        door.opens(&door.code(0)).await;
    }
    server.kill();
    for door in &doors {
        let begun = std::time::Instant::now();
        is_outage(door.verify(&door.code(1)).await, &door.name);
        assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    }
    server.run();
    for door in &doors {
        let mut answer = None;
        let answered = async || {
            let last = answer.insert(door.verify(&door.code(1)).await);
            !matches!(last, Err(error) if error.kind() == ErrorKind::Unavailable)
        };
        crate::support::wait::until("the server is back", answered).await;
        answer.unwrap().unwrap();
        // What was used before the outage stays so.
        door.refuses(&door.code(0), ErrorKind::UsedCode).await;
    }
}
