//! The guard, where the attacks do not say it.

use crate::api::NOW;
use crate::api::door::{Door, USER};
use crate::support::every_store::on_every_store;
use jamguard::ErrorKind;
use jamguard::otp::{Otp, OtpGuard, OtpKind, OtpSecret};
use jamguard::store::{MemoryStore, NewRecord, Store};
use jamguard::testing::ManualClock;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn hotp_counters_are_kept_in_the_store() {
    on_every_store(async |name, store| {
        let otp = Otp::hotp().look_ahead(3).build().unwrap();
        // The key of RFC 4226, appendix D: none of its first codes is equal to another.
        let secret = OtpSecret::from_bytes(b"12345678901234567890").unwrap();
        let code = |counter| otp.code_at(&secret, counter);
        let guard = || OtpGuard::builder(store.clone()).build().unwrap();
        assert_eq!(guard().counter(USER).await.unwrap(), 0);
        // The button was pressed twice without need.
        let verify =
            async |counter| guard().verify(USER, &otp, &secret, code(counter).expose()).await;
        verify(2).await.unwrap();
        assert_eq!(guard().counter(USER).await.unwrap(), 3);
        for used in [0, 1, 2] {
            let error = verify(used).await.expect_err(name);
            assert_eq!(error.kind(), ErrorKind::UsedCode, "{name}");
        }
        assert_eq!(verify(7).await.unwrap_err().kind(), ErrorKind::WrongCode);
        verify(6).await.unwrap();
        // A token that was in use elsewhere.
        guard().advance(USER, 1_000).await.unwrap();
        guard().advance(USER, 5).await.unwrap();
        assert_eq!(guard().counter(USER).await.unwrap(), 1_000);
        verify(1_000).await.unwrap();
        // Nobody else is concerned.
        guard().verify("bob", &otp, &secret, code(0).expose()).await.unwrap();
        guard().forget(USER).await.unwrap();
        assert_eq!(guard().counter(USER).await.unwrap(), 0);
    })
    .await;
}

/// What must be remembered is, and what need not be goes.
#[tokio::test(flavor = "multi_thread")]
async fn counters_are_kept_for_ever_and_used_codes_until_their_time_is_over() {
    let clock = ManualClock::at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let secret = crate::secret();
    let long = Duration::from_secs(40 * 24 * 3600);
    let guard = OtpGuard::builder(shared).build().unwrap();
    let set_up = |otp: jamguard::otp::OtpBuilder| otp.clock(clock.clone()).build().unwrap();
    let usual = set_up(Otp::totp());
    let slow = set_up(Otp::totp().period(long));
    let counted = set_up(Otp::hotp());
    for (user, otp) in [("usual", &usual), ("slow", &slow), ("counted", &counted)] {
        let now = if user == "counted" { 0 } else { NOW };
        let code = otp.code_at(&secret, now);
        guard.verify(user, otp, &secret, code.expose()).await.unwrap();
    }
    assert_eq!(store.purge().await.unwrap(), 0);
    clock.advance(long);
    let again = slow.code_at(&secret, NOW);
    let error = guard.verify("slow", &slow, &secret, again.expose()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::UsedCode);
    assert_eq!(guard.counter("counted").await.unwrap(), 1);
    assert_eq!(guard.counter("usual").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockout_takes_a_day_at_most() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for door in Door::all(&store).await {
        let mut times = Vec::new();
        for _ in 0..14 {
            door.refuses(&door.wrong(), ErrorKind::WrongCode).await;
            if let Err(error) = door.verify(&door.wrong()).await
                && error.kind() == ErrorKind::LockedOut
            {
                let left = error.retry_after().unwrap();
                times.push(left.as_secs() / 60);
                door.clock.advance(left);
            }
        }
        let minutes = [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440, 1440, 1440];
        assert_eq!(times, minutes, "{}", door.name);
        door.clock.set_wall(NOW);
    }
}

/// What was not written by a guard is no reason to let anybody in.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_an_error_and_no_answer() {
    let store = MemoryStore::new();
    let guard = OtpGuard::builder(store.clone()).name("n").build().unwrap();
    let otp = Otp::totp().build().unwrap();
    let secret = crate::secret();
    let code = otp.code(&secret).unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, USER.as_bytes());
    let hash = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, hash);
    let key = format!("otp-guard/n/{hash}");
    let record = jamguard::store::NewRecord::new(b"{}".to_vec());
    store.insert(&key, record).await.unwrap().unwrap();
    let error = guard.verify(USER, &otp, &secret, code.expose()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Storage);
}

/// The last counter has no next one, so its code would be right for ever: it is not right at all.
#[tokio::test]
async fn the_last_counter_opens_nothing() {
    let otp = Otp::hotp().build().unwrap();
    let (clock, secret) = (ManualClock::at(NOW), crate::secret());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for door in Door::with(&store, &otp, &clock, &secret, u64::MAX - 1).await {
        let code = |counter| otp.code_at(&secret, counter);
        for _ in 0..3 {
            let last = code(u64::MAX);
            door.refuses(last.expose(), ErrorKind::WrongCode).await;
        }
        door.opens(code(u64::MAX - 1).expose()).await;
        let last = code(u64::MAX);
        door.refuses(last.expose(), ErrorKind::WrongCode).await;
    }
}

/// A clock that is set back brings no code back, and ends no lockout.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_opens_nothing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for door in Door::all(&store).await {
        let by_time = door.otp.kind() == OtpKind::Totp;
        door.opens(&door.code(0)).await;
        for back in [30, 60, 3600, NOW] {
            door.clock.set_wall(NOW - back);
            if by_time {
                // Right at that time, and seen by whoever watched then.
                let steps = i64::try_from(back / 30).unwrap();
                door.refuses(&door.code(-steps), ErrorKind::UsedCode).await;
            } else {
                door.refuses(&door.code(0), ErrorKind::UsedCode).await;
            }
        }
        door.clock.set_wall(NOW);
        door.refuses(&door.code(0), ErrorKind::UsedCode).await;
        for _ in 0..5 {
            door.refuses(&door.wrong(), ErrorKind::WrongCode).await;
        }
        door.clock.set_wall(NOW - 3600);
        let now = if by_time { -120 } else { 1 };
        for code in [door.code(1), door.code(now)] {
            door.refuses(&code, ErrorKind::LockedOut).await;
        }
        door.clock.set_wall(NOW + 900);
        let now = if by_time { 30 } else { 1 };
        door.opens(&door.code(now)).await;
        door.clock.set_wall(NOW);
    }
}

/// The clock was a year ahead when the lockout began, and right again later.
#[tokio::test]
async fn a_lockout_is_never_longer_than_its_maximum() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for door in Door::all(&store).await {
        let left = async || {
            let error = door.verify(&door.wrong()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LockedOut, "{}", door.name);
            error.retry_after().unwrap().as_secs()
        };
        for (failures, longest) in [(5, 900), (1, 1800)] {
            door.clock.set_wall(NOW + 31_536_000);
            for _ in 0..failures {
                door.refuses(&door.wrong(), ErrorKind::WrongCode).await;
            }
            door.clock.set_wall(NOW);
            assert_eq!(left().await, longest);
            // It goes on from there, and ends.
            door.clock.set_wall(NOW + 600);
            assert_eq!(left().await, longest - 600);
            door.clock.set_wall(NOW + longest);
        }
        let by_time = door.otp.kind() == OtpKind::Totp;
        door.opens(&door.code(if by_time { 60 } else { 0 })).await;
        door.clock.set_wall(NOW);
    }
}

/// Names that no user has, or users of whom only the name is known: however many wrong codes come,
/// tokens can be revoked, and users who had their code right before are served.
#[tokio::test]
async fn wrong_codes_of_strangers_leave_room_for_revocations() {
    let store = MemoryStore::builder().max_bytes(1 << 20).build().unwrap();
    let guard = OtpGuard::builder(store.clone()).build().unwrap();
    let denied = jamguard::TokenList::deny(store.clone()).build().unwrap();
    let (otp, secret) = (Otp::hotp().build().unwrap(), crate::secret());
    let code = |counter| otp.code_at(&secret, counter);
    let verify = async |user: &str, code: &str| guard.verify(user, &otp, &secret, code).await;
    verify(USER, code(0).expose()).await.unwrap();
    let wrong = |user: usize| format!("invented {user}");
    let mut users = 0..;
    let full = loop {
        let refused = verify(&wrong(users.next().unwrap()), "no").await.unwrap_err();
        if refused.kind() != ErrorKind::WrongCode {
            break refused;
        }
    };
    assert_eq!(full.kind(), ErrorKind::Storage);
    let end = std::time::SystemTime::now() + Duration::from_secs(3600);
    for token in 0..300 {
        let token = token.to_string();
        let revoked = denied.revoke_jti("issuer", &token, end);
        revoked.await.unwrap();
    }
    verify(USER, code(1).expose()).await.unwrap();
    // A user of whom nothing is known could be guessed at without end: also the right code is refused.
    for code in ["no", code(0).expose()] {
        let refused = verify("bob", code).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Storage);
    }
}

/// A store that is full refuses what makes a record larger: guesses are counted all the same.
#[tokio::test]
async fn guesses_end_where_the_store_is_full() {
    for anonymous in [false, true] {
        let full = MemoryStore::builder().max_bytes(1 << 20).build().unwrap();
        let store: Arc<dyn Store> = Arc::new(full.clone());
        let doors = Door::all(&store).await;
        for door in &doors {
            door.opens(&door.code(0)).await;
        }
        let new = |size: usize| {
            let mut record = NewRecord::new(vec![0; size]);
            record.anonymous = anonymous;
            record
        };
        let mut version = full.insert("last", new(0)).await.unwrap();
        for size in [10_000, 0] {
            for number in 0.. {
                let key = format!("{size}/{number}");
                if full.insert(&key, new(size)).await.is_err() {
                    break;
                }
            }
        }
        // To the last byte.
        for size in 1.. {
            let larger = full.replace("last", version.unwrap(), vec![0; size], None);
            match larger.await {
                Ok(next) => version = next,
                Err(_) => break,
            }
        }
        for door in &doors {
            for _ in 0..5 {
                door.refuses(&door.wrong(), ErrorKind::WrongCode).await;
            }
            door.refuses(&door.code(1), ErrorKind::LockedOut).await;
        }
    }
}
