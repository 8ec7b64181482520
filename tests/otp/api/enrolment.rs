//! A user gets a second factor, and loses it.

use crate::api::NOW;
use crate::api::door::{USER, factor, keys};
use crate::support::every_store::on_every_store;
use jamguard::otp::{Otp, OtpAlgorithm, SecondFactor};
use jamguard::store::{MemoryStore, NewRecord, Record, SealingKeys, Store, StoreFuture};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// A store that remembers all that was ever written to it, keys and owners too.
#[derive(Clone)]
pub(crate) struct Seen {
    sound: MemoryStore,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { sound: MemoryStore::new(), written: Arc::default() }
    }
}

impl Seen {
    pub(crate) fn written(&self) -> Vec<u8> {
        self.written.lock().unwrap().clone()
    }

    fn see(&self, key: &str, value: &[u8]) {
        let mut written = self.written.lock().unwrap();
        written.extend_from_slice(key.as_bytes());
        written.extend_from_slice(value);
    }
}

impl Store for Seen {
    passes_on!(sound: get remove owned remove_owned purge);

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        self.see(key, &record.value);
        self.sound.insert(key, record)
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        self.see(key, &value);
        self.sound.replace(key, version, value, ttl)
    }
}

fn kind<T>(answer: Result<T, Error>) -> ErrorKind {
    answer.err().expect("an error").kind()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_code_enrols() {
    on_every_store(async |_, store| {
        let clock = ManualClock::at(NOW);
        let otp = Otp::totp().clock(clock.clone()).build().unwrap();
        let factor = factor(store, &otp);
        assert!(!factor.is_enrolled(USER).await.unwrap());
        assert_eq!(kind(factor.verify(USER, "123456").await), ErrorKind::NotEnrolled);
        assert_eq!(kind(factor.confirm(USER, "123456").await), ErrorKind::NotEnrolled);

        // Begun and not confirmed, it locks nobody out and lets nobody in.
        let first = factor.begin(USER, "ann@example.com").await.unwrap();
        let begun = factor.begin(USER, "ann@example.com").await.unwrap();
        assert_ne!(first.secret(), begun.secret());
        assert!(!factor.is_enrolled(USER).await.unwrap());
        let code = otp.code(begun.secret()).unwrap();
        assert_eq!(kind(factor.verify(USER, code.expose()).await), ErrorKind::NotEnrolled);
        assert_eq!(kind(factor.recover(USER, "a").await), ErrorKind::NotEnrolled);
        assert_eq!(kind(factor.new_recovery_codes(USER).await), ErrorKind::NotEnrolled);
        assert_eq!(factor.recovery_codes_left(USER).await.unwrap(), 0);

        // One that was begun before is void.
        let stale = otp.code(first.secret()).unwrap();
        assert_eq!(kind(factor.confirm(USER, stale.expose()).await), ErrorKind::WrongCode);
        let recovery = factor.confirm(USER, code.expose()).await.unwrap();
        assert_eq!(recovery.len(), 10);
        assert!(factor.is_enrolled(USER).await.unwrap());

        // The code that confirmed is used up.
        assert_eq!(kind(factor.verify(USER, code.expose()).await), ErrorKind::UsedCode);
        clock.advance(Duration::from_secs(30));
        let next = otp.code(begun.secret()).unwrap();
        factor.verify(USER, next.expose()).await.unwrap();

        // Nobody gets another in its place, or one of another user's.
        assert_eq!(kind(factor.begin(USER, "ann").await), ErrorKind::AlreadyEnrolled);
        assert_eq!(kind(factor.confirm(USER, "123456").await), ErrorKind::AlreadyEnrolled);
        let import = factor.import(USER, begun.secret(), 0).await;
        assert_eq!(kind(import), ErrorKind::AlreadyEnrolled);
        assert!(!factor.is_enrolled("bob").await.unwrap());
        assert!(factor.remove(USER).await.unwrap());
        assert!(!factor.remove(USER).await.unwrap());
        assert_eq!(kind(factor.recover(USER, recovery[0].expose()).await), ErrorKind::NotEnrolled);
        factor.begin(USER, "ann").await.unwrap();
    })
    .await;
}

/// Two pages that confirm at the same time get one answer with codes that are good.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_confirmations_one_enrols() {
    on_every_store(async |name, store| {
        let otp = Otp::totp().clock(ManualClock::at(NOW)).build().unwrap();
        let factor = factor(store, &otp);
        let begun = factor.begin(USER, "ann").await.unwrap();
        let mut tasks = JoinSet::new();
        for at in 0..100 {
            let factor = factor.clone();
            // Different codes, all right.
            let code = otp.code_at(begun.secret(), NOW + 30 * (at % 3) - 30);
            tasks.spawn(async move { factor.confirm(USER, code.expose()).await });
        }
        let mut given = Vec::new();
        while let Some(answer) = tasks.join_next().await {
            match answer.unwrap() {
                Ok(codes) => given.push(codes),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyEnrolled),
            }
        }
        println!("enrolment, {name}: of 100 confirmations {} enrolled", given.len());
        assert_eq!(given.len(), 1);
        factor.recover(USER, given[0][0].expose()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_an_hour_and_five_attempts_to_confirm() {
    let clock = ManualClock::at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let otp = Otp::totp().clock(clock.clone()).build().unwrap();
    let factor = factor(store, &otp);
    let begun = factor.begin(USER, "ann").await.unwrap();
    clock.advance(Duration::from_secs(3500));
    // A wrong code gives no more time.
    assert_eq!(kind(factor.confirm(USER, "no").await), ErrorKind::WrongCode);
    clock.advance(Duration::from_secs(101));
    let code = otp.code(begun.secret()).unwrap();
    assert_eq!(kind(factor.confirm(USER, code.expose()).await), ErrorKind::NotEnrolled);

    let begun = factor.begin(USER, "ann").await.unwrap();
    for _ in 0..5 {
        assert_eq!(kind(factor.confirm(USER, "no").await), ErrorKind::WrongCode);
    }
    let code = otp.code(begun.secret()).unwrap();
    assert_eq!(kind(factor.confirm(USER, code.expose()).await), ErrorKind::LockedOut);
    let begun = factor.begin(USER, "ann").await.unwrap();
    let code = otp.code(begun.secret()).unwrap();
    factor.confirm(USER, code.expose()).await.unwrap();
    // What is confirmed stays.
    clock.advance(Duration::from_secs(1_000_000_000));
    assert!(factor.is_enrolled(USER).await.unwrap());
}

/// Who enrolled keeps what their app shows, however the application changes its settings.
#[tokio::test(flavor = "multi_thread")]
async fn settings_may_change_while_users_are_enrolled() {
    let store = MemoryStore::new();
    let clock = ManualClock::at(NOW);
    let before = Otp::totp().clock(clock.clone()).build().unwrap();
    let secret = crate::secret();
    factor(store.clone(), &before).import(USER, &secret, 0).await.unwrap();
    let counted = Otp::hotp().build().unwrap();
    factor(store.clone(), &counted).import("bob", &secret, 7).await.unwrap();

    let now = Otp::totp()
        .algorithm(OtpAlgorithm::Sha512)
        .digits(8)
        .period(Duration::from_secs(60))
        .look_ahead(0)
        .clock(clock);
    let changed = factor(store, &now.build().unwrap());
    let code = |seconds| before.code_at(&secret, seconds);
    // The window is the one that is set now.
    let early = changed.verify(USER, code(NOW - 30).expose()).await;
    assert_eq!(kind(early), ErrorKind::WrongCode);
    changed.verify(USER, code(NOW).expose()).await.unwrap();
    changed.verify("bob", counted.code_at(&secret, 7).expose()).await.unwrap();
    let begun = changed.begin("carl", "carl").await.unwrap();
    assert!(begun.uri().expose().ends_with("&algorithm=SHA512&digits=8&period=60"));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_sealed_in_their_users_place() {
    let store = MemoryStore::new();
    let otp = Otp::totp().clock(ManualClock::at(NOW)).build().unwrap();
    let with = |keys| {
        let factor = SecondFactor::builder(store.clone(), keys).issuer("My App");
        factor.otp(otp.clone()).build().unwrap()
    };
    let secret = crate::secret();
    with(keys()).import(USER, &secret, 0).await.unwrap();
    with(keys()).import("bob", &secret, 0).await.unwrap();
    let code = otp.code(&secret).unwrap();

    // With another key nobody knows, and that is no answer.
    let other = SealingKeys::new(&[8; 32]);
    assert_eq!(kind(with(other.clone()).verify(USER, code.expose()).await), ErrorKind::InvalidKey);
    assert_eq!(kind(with(other.clone()).is_enrolled(USER).await), ErrorKind::InvalidKey);
    with(other.with_previous(&keys())).verify(USER, code.expose()).await.unwrap();
    // What a code was looked at of is written anew with the new key, and nothing else is.
    assert!(with(other.clone()).is_enrolled(USER).await.unwrap());
    assert_eq!(kind(with(other).is_enrolled("bob").await), ErrorKind::InvalidKey);

    // A record that was put in another user's place does not open there.
    let key = |user: &str| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, user.as_bytes());
        let encoding = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        format!("otp/factors/{}", base64::Engine::encode(&encoding, hash))
    };
    let theirs: Record = store.get(&key("bob")).await.unwrap().unwrap();
    let record = NewRecord::new(theirs.value().to_vec());
    store.insert(&key("eve"), record).await.unwrap().unwrap();
    assert_eq!(kind(with(keys()).verify("eve", code.expose()).await), ErrorKind::Storage);
}
