//! An authenticator whose counter ran ahead is found again by two codes (RFC 4226 section 7.4).

use crate::api::NOW;
use crate::api::door::{USER, keys};
use crate::support::every_store::on_every_store;
use jamguard::otp::{Otp, OtpGuard, OtpSecret, SecondFactor};
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The next counter that is expected.
const NEXT: u64 = 5;

#[derive(Clone)]
struct Lost {
    clock: ManualClock,
    otp: Otp,
    secret: OtpSecret,
    factor: SecondFactor,
    guard: OtpGuard,
}

impl Lost {
    async fn new(store: &Arc<dyn Store>, window: u32) -> Self {
        let clock = ManualClock::at(NOW);
        let otp = Otp::hotp().digits(8).clock(clock.clone()).build().unwrap();
        // No two of its first codes are the same.
        let secret = OtpSecret::from_bytes(b"12345678901234567890").unwrap();
        let factor = SecondFactor::builder(store.clone(), keys())
            .issuer("My App")
            .otp(otp.clone())
            .resync_window(window)
            .build()
            .unwrap();
        factor.import(USER, &secret, NEXT).await.unwrap();
        let guard = OtpGuard::builder(store.clone()).resync_window(window);
        let guard = guard.build().unwrap();
        guard.advance(USER, NEXT).await.unwrap();
        Self { clock, otp, secret, factor, guard }
    }

    fn code(&self, counter: u64) -> String {
        let code = self.otp.code_at(&self.secret, counter);
        code.expose().to_owned()
    }

    /// What both answer to the codes of these counters.
    async fn resync(&self, first: u64, second: u64) -> Result<(), ErrorKind> {
        self.resync_by(&self.code(first), &self.code(second)).await
    }

    async fn resync_by(&self, first: &str, second: &str) -> Result<(), ErrorKind> {
        let (otp, secret) = (&self.otp, &self.secret);
        let factor = self.factor.resync(USER, first, second).await;
        let guard = self.guard.resync(USER, otp, secret, first, second).await;
        both(factor, guard)
    }

    async fn verify(&self, counter: u64) -> Result<(), ErrorKind> {
        let code = self.code(counter);
        let factor = self.factor.verify(USER, &code).await;
        let guard = self.guard.verify(USER, &self.otp, &self.secret, &code);
        both(factor, guard.await)
    }
}

fn both(factor: Result<(), Error>, guard: Result<(), Error>) -> Result<(), ErrorKind> {
    let (factor, guard) =
        (factor.map_err(|error| error.kind()), guard.map_err(|error| error.kind()));
    assert_eq!(factor, guard);
    factor
}

#[tokio::test(flavor = "multi_thread")]
async fn two_codes_find_it_again() {
    on_every_store(async |_, store| {
        let lost = Lost::new(&store, 100).await;
        assert_eq!(lost.verify(60).await, Err(ErrorKind::WrongCode));
        assert_eq!(lost.resync(60, 61).await, Ok(()));
        // Both are used up, together and apart, and so is what came before.
        assert_eq!(lost.resync(60, 61).await, Err(ErrorKind::UsedCode));
        for used in [60, 61] {
            assert_eq!(lost.verify(used).await, Err(ErrorKind::UsedCode));
        }
        assert_eq!(lost.resync(6, 7).await, Err(ErrorKind::WrongCode));
        assert_eq!(lost.verify(62).await, Ok(()));
        assert_eq!(lost.guard.counter(USER).await.unwrap(), 63);
    })
    .await;
}

#[tokio::test]
async fn the_window_is_bounded() {
    for (window, first, answer) in [
        (100, NEXT, Ok(())),
        (100, NEXT + 100, Ok(())),
        (100, NEXT + 101, Err(ErrorKind::WrongCode)),
        (1, NEXT + 1, Ok(())),
        (1, NEXT + 2, Err(ErrorKind::WrongCode)),
        (1000, NEXT + 1000, Ok(())),
        // The first was used, and the second is fresh.
        (100, NEXT - 1, Err(ErrorKind::WrongCode)),
        (100, NEXT - 2, Err(ErrorKind::UsedCode)),
        (100, NEXT - 3, Err(ErrorKind::WrongCode)),
    ] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let lost = Lost::new(&store, window).await;
        let found = lost.resync(first, first + 1).await;
        assert_eq!(found, answer, "{window}: {first}");
    }
    for window in [0, 1001, u32::MAX] {
        let factor = SecondFactor::builder(MemoryStore::new(), keys()).issuer("My App");
        let error = factor.resync_window(window).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let guard = OtpGuard::builder(MemoryStore::new()).resync_window(window);
        let error = guard.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

/// Only one after the other, in their order.
#[tokio::test]
async fn other_pairs_are_wrong_and_count() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let lost = Lost::new(&store, 100).await;
    for (first, second) in [(61, 60), (60, 62), (60, 60), (60, 5)] {
        let answer = lost.resync(first, second).await;
        assert_eq!(answer, Err(ErrorKind::WrongCode), "{first} {second}");
    }
    let right = lost.code(61);
    let answer = lost.resync_by("", &right).await;
    assert_eq!(answer, Err(ErrorKind::WrongCode));
    // That was the fifth in a row: no right code either is looked at, by whatever method.
    assert_eq!(lost.resync(60, 61).await, Err(ErrorKind::LockedOut));
    assert_eq!(lost.verify(NEXT).await, Err(ErrorKind::LockedOut));
    lost.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(lost.resync(60, 61).await, Ok(()));
    // The row is over.
    for _ in 0..4 {
        assert_eq!(lost.resync(1, 2).await, Err(ErrorKind::WrongCode));
    }
    assert_eq!(lost.verify(62).await, Ok(()));
}

/// Wrong codes and wrong pairs are one row.
#[tokio::test]
async fn guesses_at_one_and_the_other_are_counted_together() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let lost = Lost::new(&store, 100).await;
    for _ in 0..3 {
        assert_eq!(lost.verify(60).await, Err(ErrorKind::WrongCode));
    }
    for _ in 0..2 {
        assert_eq!(lost.resync(70, 72).await, Err(ErrorKind::WrongCode));
    }
    assert_eq!(lost.verify(NEXT).await, Err(ErrorKind::LockedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_submissions_of_two_codes_one_passes() {
    on_every_store(async |name, store| {
        let lost = Lost::new(&store, 100).await;
        let mut tried = JoinSet::new();
        for _ in 0..50 {
            let lost = lost.clone();
            tried.spawn(async move {
                let (first, second) = (lost.code(60), lost.code(61));
                lost.factor.resync(USER, &first, &second).await
            });
        }
        let answers = tried.join_all().await;
        let passed = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(passed, 1, "{name}");
        let used = |answer: &&Result<(), Error>| {
            matches!(answer, Err(error) if error.kind() == ErrorKind::UsedCode)
        };
        assert_eq!(answers.iter().filter(used).count(), 49, "{name}");
    })
    .await;
}

/// At the end of the counter nothing can be used up, so nothing is accepted.
#[tokio::test]
async fn the_end_of_the_counter() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let lost = Lost::new(&store, 100).await;
    lost.factor.remove(USER).await.unwrap();
    let last = u64::MAX;
    lost.factor.import(USER, &lost.secret, last - 3).await.unwrap();
    lost.guard.advance(USER, last - 3).await.unwrap();
    assert_eq!(lost.resync(last - 1, last).await, Err(ErrorKind::WrongCode));
    assert_eq!(lost.resync(last - 2, last - 1).await, Ok(()));
    assert_eq!(lost.resync(last - 1, last).await, Err(ErrorKind::WrongCode));
}

#[tokio::test]
async fn it_is_for_who_is_enrolled_with_hotp() {
    let otp = Otp::totp().build().unwrap();
    let secret = crate::secret();
    let factor = SecondFactor::builder(MemoryStore::new(), keys())
        .issuer("My App")
        .otp(otp.clone())
        .build()
        .unwrap();
    let error = factor.resync(USER, "123456", "654321").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotEnrolled);
    factor.begin(USER, "ann").await.unwrap();
    let error = factor.resync(USER, "123456", "654321").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotEnrolled);
    factor.import(USER, &secret, 0).await.unwrap();
    let error = factor.resync(USER, "123456", "654321").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let guard = OtpGuard::builder(MemoryStore::new()).build().unwrap();
    let two = guard.resync(USER, &otp, &secret, "123456", "654321").await;
    assert_eq!(two.unwrap_err().kind(), ErrorKind::Configuration);
}
