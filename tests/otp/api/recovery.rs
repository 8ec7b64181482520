//! Recovery codes, alone and as part of the second factor.

use crate::api::NOW;
use crate::api::door::{USER, factor};
use crate::support::every_store::on_every_store;
use jamguard::otp::{Otp, RecoveryCodes, SecondFactor};
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind, Secret};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Both, behind one door.
#[derive(Clone)]
enum Codes {
    Alone(RecoveryCodes),
    OfFactor(SecondFactor),
}

impl Codes {
    async fn both(store: &Arc<dyn Store>, clock: &ManualClock) -> Vec<(Self, Vec<Secret>)> {
        let alone = RecoveryCodes::builder(store.clone()).clock(clock.clone());
        let alone = alone.build().unwrap();
        let otp = Otp::totp().clock(clock.clone()).build().unwrap();
        let of_factor = factor(store.clone(), &otp);
        let (first, secret) = (alone.issue(USER).await, crate::secret());
        let second = of_factor.import(USER, &secret, 0).await;
        vec![(Self::Alone(alone), first.unwrap()), (Self::OfFactor(of_factor), second.unwrap())]
    }

    async fn redeem(&self, code: &str) -> Result<(), Error> {
        match self {
            Self::Alone(codes) => codes.redeem(USER, code).await,
            Self::OfFactor(factor) => factor.recover(USER, code).await,
        }
    }

    async fn left(&self) -> usize {
        match self {
            Self::Alone(codes) => codes.left(USER).await.unwrap(),
            Self::OfFactor(factor) => factor.recovery_codes_left(USER).await.unwrap(),
        }
    }

    async fn anew(&self) -> Vec<Secret> {
        match self {
            Self::Alone(codes) => codes.issue(USER).await.unwrap(),
            Self::OfFactor(factor) => factor.new_recovery_codes(USER).await.unwrap(),
        }
    }

    async fn kind(&self, code: &str) -> ErrorKind {
        let error = self.redeem(code).await.unwrap_err();
        assert!(code.is_empty() || !format!("{error:?}").contains(code));
        error.kind()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_codes_each_good_once() {
    on_every_store(async |_, store| {
        for (codes, given) in Codes::both(&store, &ManualClock::at(NOW)).await {
            assert_eq!((given.len(), codes.left().await), (10, 10));
            let texts: HashSet<_> = given.iter().map(Secret::expose).collect();
            assert_eq!(texts.len(), 10);
            for (used, code) in given.iter().enumerate() {
                // As people type it.
                let typed = match used % 3 {
                    0 => code.expose().to_owned(),
                    1 => code.expose().to_uppercase().replace('-', " "),
                    _ => format!("  {}\n", code.expose().replace('-', "")),
                };
                codes.redeem(&typed).await.unwrap();
                assert_eq!(codes.left().await, 9 - used);
                assert_eq!(codes.kind(code.expose()).await, ErrorKind::UsedCode);
            }
            let fresh = codes.anew().await;
            assert_eq!((fresh.len(), codes.left().await), (10, 10));
            codes.redeem(fresh[3].expose()).await.unwrap();
            // Those from before are good no more.
            let newer = codes.anew().await;
            assert_eq!(codes.kind(fresh[4].expose()).await, ErrorKind::WrongCode);
            codes.redeem(newer[4].expose()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_submissions_of_one_recovery_code() {
    on_every_store(async |name, store| {
        for (codes, given) in Codes::both(&store, &ManualClock::at(NOW)).await {
            let mut tasks = JoinSet::new();
            for _ in 0..1_000 {
                let (codes, code) = (codes.clone(), given[0].clone());
                tasks.spawn(async move { codes.redeem(code.expose()).await });
            }
            let mut accepted = 0;
            while let Some(answer) = tasks.join_next().await {
                match answer.unwrap() {
                    Ok(()) => accepted += 1,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::UsedCode, "{name}"),
                }
            }
            println!("recovery, {name}: of 1000 submissions of one code {accepted} accepted");
            assert_eq!((accepted, codes.left().await), (1, 9));
            // None of the others was a guess, so nothing is locked.
            codes.redeem(given[1].expose()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_code_is_wrong_and_five_of_them_lock_out() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = ManualClock::at(NOW);
    for (codes, given) in Codes::both(&store, &clock).await {
        let right = given[0].expose();
        let mut changed = right.to_owned();
        changed.replace_range(0..1, if right.starts_with('a') { "b" } else { "a" });
        for text in ["", "aaaa", &right[..28], &format!("{right}a"), &changed] {
            assert_eq!(codes.kind(text).await, ErrorKind::WrongCode, "{text}");
        }
        assert_eq!(codes.kind(right).await, ErrorKind::LockedOut);
        if let Codes::OfFactor(factor) = &codes {
            // Who lost the app may guess no more; the app's codes are another matter.
            let error = factor.verify(USER, "1").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongCode);
        }
        clock.advance(Duration::from_secs(900));
        codes.redeem(right).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_ends_the_row_and_an_administrator_the_lockout() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for (codes, given) in Codes::both(&store, &ManualClock::at(NOW)).await {
        for right in &given[..3] {
            for _ in 0..4 {
                assert_eq!(codes.kind("no").await, ErrorKind::WrongCode);
            }
            codes.redeem(right.expose()).await.unwrap();
        }
        for _ in 0..5 {
            assert_eq!(codes.kind("no").await, ErrorKind::WrongCode);
        }
        assert_eq!(codes.kind(given[3].expose()).await, ErrorKind::LockedOut);
        match &codes {
            Codes::OfFactor(factor) => {
                factor.unlock(USER).await.unwrap();
                factor.unlock("nobody").await.unwrap();
                codes.redeem(given[3].expose()).await.unwrap();
            }
            // Others of theirs are a new beginning.
            Codes::Alone(alone) => {
                let fresh = alone.issue(USER).await.unwrap();
                codes.redeem(fresh[0].expose()).await.unwrap();
            }
        }
    }
}

/// A recovery code that was sent again does not end a row of wrong ones either.
#[tokio::test]
async fn a_used_recovery_code_is_no_guess_and_ends_no_row() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for (codes, given) in Codes::both(&store, &ManualClock::at(NOW)).await {
        codes.redeem(given[0].expose()).await.unwrap();
        for _ in 0..4 {
            assert_eq!(codes.kind("no").await, ErrorKind::WrongCode);
        }
        for _ in 0..20 {
            assert_eq!(codes.kind(given[0].expose()).await, ErrorKind::UsedCode);
        }
        assert_eq!(codes.kind("no").await, ErrorKind::WrongCode);
        assert_eq!(codes.kind(given[0].expose()).await, ErrorKind::LockedOut);
    }
}

/// The clock was a year ahead when the lockout began.
#[tokio::test]
async fn a_lockout_of_recovery_codes_is_never_longer_than_its_maximum() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = ManualClock::at(NOW);
    for (codes, given) in Codes::both(&store, &clock).await {
        clock.set_wall(NOW + 31_536_000);
        for _ in 0..5 {
            assert_eq!(codes.kind("no").await, ErrorKind::WrongCode);
        }
        clock.set_wall(NOW);
        assert_eq!(codes.kind(given[0].expose()).await, ErrorKind::LockedOut);
        clock.set_wall(NOW + 900);
        codes.redeem(given[0].expose()).await.unwrap();
    }
}

/// Nobody gets from the store what would let them in.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_store_has_no_code_and_no_secret() {
    let store = crate::api::enrolment::Seen::default();
    let recovery = RecoveryCodes::builder(store.clone()).build().unwrap();
    let given = recovery.issue(USER).await.unwrap();
    let otp = Otp::totp().build().unwrap();
    let of_factor = factor(store.clone(), &otp);
    let enrolment = of_factor.begin(USER, "ann@example.com").await.unwrap();
    let code = otp.code(enrolment.secret()).unwrap();
    let more = of_factor.confirm(USER, code.expose()).await.unwrap();
    let dump = store.written();
    assert!(dump.len() > 1_000, "{} bytes", dump.len());
    let secret = enrolment.secret();
    let mut hidden: Vec<Vec<u8>> =
        vec![secret.expose().to_vec(), secret.to_base32().expose().into(), USER.into()];
    for code in given.iter().chain(&more) {
        let letters = code.expose().replace('-', "");
        let upper = letters.to_uppercase();
        let bytes = data_encoding_bytes(&upper);
        hidden.extend([code.expose().into(), letters.into(), upper.into(), bytes]);
    }
    for text in hidden {
        assert!(!dump.windows(text.len()).any(|part| part == text));
    }
}

/// Base32, read by hand.
fn data_encoding_bytes(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u64::from(c - b'A'),
        b'2'..=b'7' => u64::from(c - b'2') + 26,
        _ => panic!("no base32"),
    };
    let groups = text.as_bytes().chunks(8);
    let number = |group: &[u8]| group.iter().fold(0, |number, c| (number << 5) | digit(*c));
    groups.flat_map(|group| number(group).to_be_bytes()[3..].to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_got_codes_has_none() {
    let store = MemoryStore::new();
    let recovery = RecoveryCodes::builder(store.clone()).build().unwrap();
    let error = recovery.redeem(USER, "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotEnrolled);
    assert_eq!(recovery.left(USER).await.unwrap(), 0);
    let given = recovery.issue(USER).await.unwrap();
    recovery.forget(USER).await.unwrap();
    let error = recovery.redeem(USER, given[0].expose()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotEnrolled);
    let other = recovery.issue("bob").await.unwrap();
    recovery.issue(USER).await.unwrap();
    let error = recovery.redeem(USER, other[0].expose()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongCode);
}
