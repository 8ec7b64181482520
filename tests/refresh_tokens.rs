//! Refresh tokens: rotation, attacks on it, and a hundred uses at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/counts.rs"]
mod counts;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::ErrorKind::{self, *};
use jamguard::store::{MemoryStore, NewRecord, Record, Store, StoreFuture, Watcher};
use jamguard::testing::ManualClock;
use jamguard::{Error, RefreshTokens, RefreshTokensBuilder, Refreshed, Secret};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;
const DAY: Duration = Duration::from_secs(86_400);
const OWNER: &str = "refresh/tokens/ann";

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Device {
    name: String,
    number: u64,
}

fn phone() -> Device {
    Device {
        name: "Ann's \"phone\" ☎".into(),
        number: u64::MAX,
    }
}

struct World {
    clock: ManualClock,
    store: MemoryStore,
    tokens: RefreshTokens<Device>,
    /// Whose families ended because an old token came again.
    reused: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        Self::with(|tokens| tokens)
    }

    fn with(
        set: impl FnOnce(RefreshTokensBuilder<Device>) -> RefreshTokensBuilder<Device>,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let reused = Arc::<Mutex<Vec<String>>>::default();
        let told = reused.clone();
        let tokens = RefreshTokens::builder(store.clone())
            .clock(clock.clone())
            .on_reuse(move |reuse| {
                assert_eq!(*reuse.data, phone());
                told.lock().unwrap().push(reuse.subject.to_owned());
            });
        Self {
            tokens: set(tokens).build().unwrap(),
            clock,
            store,
            reused,
        }
    }

    async fn issue(&self) -> String {
        let token = self.tokens.issue("ann", &phone()).await.unwrap();
        token.expose().to_owned()
    }

    /// The next token.
    async fn rotate(&self, token: &str) -> Result<String, ErrorKind> {
        let refreshed = self.tokens.rotate(token).await;
        refreshed
            .map(|refreshed| refreshed.token.expose().to_owned())
            .map_err(|error| error.kind())
    }

    async fn refuses(&self, token: &str, kind: ErrorKind) {
        assert_eq!(self.rotate(token).await.unwrap_err(), kind, "{token}");
    }

    fn reused(&self) -> usize {
        self.reused.lock().unwrap().len()
    }

    /// Past the grace of five seconds.
    fn later(&self) {
        self.clock.advance(Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_login_goes_on_token_by_token() {
    let world = World::new();
    let mut token = world.issue().await;
    let mut seen = HashSet::new();
    for day in 0..29 {
        assert!(seen.insert(token.clone()));
        let Refreshed {
            token: next,
            subject,
            data,
            expires_at,
            ..
        } = world.tokens.rotate(&token).await.unwrap();
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
async fn guessed_and_malformed_tokens() {
    let world = World::new();
    let token = world.issue().await;
    let (family, secret) = token.split_once('.').unwrap();
    for text in [
        "",
        ".",
        "garbage",
        family,
        secret,
        &format!("{family}."),
        &format!(".{secret}"),
        &format!("{token}="),
        &format!("{token} "),
        &format!(" {token}"),
        &format!("{token}\0"),
        &format!("{token}."),
        &format!("{token}.{secret}"),
        &format!("{secret}.{family}"),
        &format!("{secret}.{secret}"),
        &token[1..],
        // The last character holds spare bits; set, they would name the same bytes.
        &format!("{}{}", &token[..token.len() - 1], spare(&token)),
        &token[..token.len() - 1],
        &token[..token.len() - 4],
        &token.to_uppercase().replace('.', "+"),
        &"a".repeat(1 << 20),
    ] {
        world.refuses(text, Malformed).await;
        if let Err(error) = world.tokens.revoke(text).await {
            assert_eq!(error.kind(), Malformed);
        }
    }
    // A family that never was: whoever guesses has 2^128 to try, and then 2^256.
    for number in 0..100_u8 {
        let guessed = URL_SAFE_NO_PAD.encode([number; 16]);
        world.refuses(&format!("{guessed}.{secret}"), Revoked).await;
    }
    // None of this did anything to the token.
    world.rotate(&token).await.unwrap();
    assert_eq!(world.reused(), 0);
}

/// The last character with its lowest bit set, which does not count.
fn spare(token: &str) -> char {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *token.as_bytes().last().unwrap();
    let value = ALPHABET.iter().position(|c| *c == last).unwrap();
    assert_eq!(value % 4, 0);
    ALPHABET[value + 1].into()
}

/// Whoever knows the family but not its secret has seen a token of it.
#[tokio::test]
async fn another_familys_secret() {
    let world = World::new();
    let (ours, other) = (world.issue().await, world.issue().await);
    let (family, _) = ours.split_once('.').unwrap();
    let (_, secret) = other.split_once('.').unwrap();
    world.refuses(&format!("{family}.{secret}"), Reused).await;
    world.refuses(&ours, Reused).await;
    assert_eq!(world.reused(), 1);
    world.rotate(&other).await.unwrap();
}

#[tokio::test]
async fn an_old_token_after_the_grace_ends_its_family() {
    let world = World::new();
    let (first, elsewhere) = (world.issue().await, world.issue().await);
    let second = world.rotate(&first).await.unwrap();
    world.clock.advance(Duration::from_millis(4_999));
    assert_eq!(world.rotate(&first).await.unwrap(), second);
    world.clock.advance(Duration::from_millis(1));
    world.refuses(&first, Reused).await;
    // The thief's, the owner's: all of them, and it is told once.
    for _ in 0..3 {
        for token in [&first, &second] {
            world.refuses(token, Reused).await;
        }
    }
    assert_eq!(*world.reused.lock().unwrap(), ["ann"]);
    // Another login of the same subject is another family.
    world.rotate(&elsewhere).await.unwrap();
    // What is left of the family goes when it would have.
    world.clock.advance(30 * DAY);
    world.refuses(&second, Revoked).await;
    world.store.purge().await.unwrap();
    assert!(format!("{:?}", world.store).contains("records: 0"));
}

#[test]
fn a_reuse_is_counted() {
    let counts = counts::Counts::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    metrics::with_local_recorder(&counts, || {
        runtime.block_on(async {
            let world = World::new();
            let first = world.issue().await;
            world.rotate(&first).await.unwrap();
            world.rotate(&first).await.unwrap();
            assert_eq!(counts.of("jamguard_refresh_token_reuses_total"), 0);
            world.later();
            world.refuses(&first, Reused).await;
            world.refuses(&first, Reused).await;
            assert_eq!(counts.of("jamguard_refresh_token_reuses_total"), 1);
        });
    });
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

/// "atomic under 100 concurrent uses of one token: one wins, and a configurable grace of a few
/// seconds gives the others the same answer".
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
async fn a_dump_of_the_store_holds_no_usable_token() {
    let world = World::new();
    let first = world.issue().await;
    let second = world.rotate(&first).await.unwrap();
    let third = world.rotate(&second).await.unwrap();
    let dump = world.store.owned(OWNER).await.unwrap();
    let [(key, record)] = &dump[..] else {
        panic!("one record per family")
    };
    let value = std::str::from_utf8(record.value()).unwrap();
    for token in [&first, &second, &third] {
        let (family, secret) = token.split_once('.').unwrap();
        assert!(key.ends_with(family));
        let raw = URL_SAFE_NO_PAD.decode(secret).unwrap();
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        for form in [secret, &secret[..20], &hex, &format!("{raw:?}")] {
            assert!(!value.contains(form));
        }
    }
    // Each of its texts, tried as a secret against a copy of the store.
    let (family, _) = first.split_once('.').unwrap();
    let mut tried = 0;
    for text in value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')) {
        if text.len() != 43 {
            continue;
        }
        let copy = MemoryStore::new();
        let new = NewRecord::new(record.value());
        copy.insert(key, new).await.unwrap().unwrap();
        let thief = RefreshTokens::<Device>::builder(copy)
            .clock(world.clock.clone())
            .build()
            .unwrap();
        let refused = thief.rotate(&format!("{family}.{text}")).await;
        assert_eq!(refused.unwrap_err().kind(), Reused);
        tried += 1;
    }
    // The current one's hash; hash and salt of two others.
    assert_eq!(tried, 5);
    world.rotate(&third).await.unwrap();
}

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

/// A store whose reads lag behind: a token newer than what was read is no reuse.
#[tokio::test]
async fn a_lagging_read_ends_nothing() {
    let world = World::new();
    let first = world.issue().await;
    let lagging = Counting::of(world.store.clone());
    let family = world.store.owned(OWNER).await.unwrap().remove(0);
    *lagging.stale.lock().unwrap() = Some((family.1, 3));
    let second = world.rotate(&first).await.unwrap();
    let reused = Arc::new(AtomicU64::new(0));
    let told = reused.clone();
    let tokens = RefreshTokens::<Device>::builder(lagging)
        .clock(world.clock.clone())
        .on_reuse(move |_| {
            told.fetch_add(1, SeqCst);
        })
        .build()
        .unwrap();
    // Here it is unknown to what was read three times, and then it is the current one.
    tokens.rotate(&second).await.unwrap();
    assert_eq!(reused.load(SeqCst), 0);
}

/// One that always lags is an outage in the end, not a loop.
#[tokio::test]
async fn a_read_that_never_catches_up_is_an_outage() {
    let world = World::new();
    let first = world.issue().await;
    let lagging = Counting::of(world.store.clone());
    let family = world.store.owned(OWNER).await.unwrap().remove(0);
    *lagging.stale.lock().unwrap() = Some((family.1, u64::MAX));
    world.rotate(&first).await.unwrap();
    let tokens = RefreshTokens::<Device>::builder(lagging)
        .clock(world.clock.clone())
        .build()
        .unwrap();
    let refused = tokens.rotate(&first).await.unwrap_err();
    assert_eq!(refused.kind(), Unavailable);
}

#[tokio::test]
async fn a_store_that_is_down_uses_nothing_up() {
    let world = World::new();
    let first = world.issue().await;
    let store = Arc::new(Counting::of(world.store.clone()));
    let tokens = RefreshTokens::<Device>::builder(store.clone())
        .clock(world.clock.clone())
        .build()
        .unwrap();
    *store.failing.lock().unwrap() = Some(Unavailable);
    for _ in 0..3 {
        assert_eq!(tokens.rotate(&first).await.unwrap_err().kind(), Unavailable);
        assert_eq!(tokens.revoke(&first).await.unwrap_err().kind(), Unavailable);
        let issued = tokens.issue("ann", &phone()).await;
        assert_eq!(issued.unwrap_err().kind(), Unavailable);
    }
    *store.failing.lock().unwrap() = None;
    tokens.rotate(&first).await.unwrap();
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
    let odd = RefreshTokens::<NoJson>::builder(MemoryStore::new())
        .build()
        .unwrap();
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
        (
            |t| t.lifetime(Duration::ZERO).idle_lifetime(DAY),
            "under a second",
        ),
        (
            |t| t.lifetime(DAY).idle_lifetime(2 * DAY),
            ".idle_lifetime(",
        ),
        (|t| t.grace(Duration::from_secs(61)), "over a minute"),
    ];
    for (set, advice) in nonsense {
        let built = set(RefreshTokens::builder(MemoryStore::new())).build();
        let error = built.unwrap_err();
        assert_eq!(error.kind(), Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
}

/// Counts replacements; fails or answers with an old record when told to.
struct Counting {
    records: MemoryStore,
    replaced: AtomicU64,
    failing: Mutex<Option<ErrorKind>>,
    /// What the next so many reads find.
    stale: Mutex<Option<(Record, u64)>>,
}

impl Counting {
    fn of(records: MemoryStore) -> Self {
        Self {
            records,
            replaced: AtomicU64::new(0),
            failing: Mutex::default(),
            stale: Mutex::default(),
        }
    }

    fn pass(&self) -> Result<(), Error> {
        match *self.failing.lock().unwrap() {
            Some(kind) => Err(Error::new(kind, "told to fail")),
            None => Ok(()),
        }
    }
}

impl Store for Counting {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            self.pass()?;
            if let Some((record, left)) = &mut *self.stale.lock().unwrap()
                && *left > 0
            {
                *left -= 1;
                return Ok(Some(record.clone()));
            }
            let found = self.records.get(key).await;
            // So that all have read before the first one writes.
            tokio::task::yield_now().await;
            found
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.pass()?;
            self.records.insert(key, record).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.pass()?;
            let replaced = self.records.replace(key, version, value, ttl).await?;
            if replaced.is_some() {
                self.replaced.fetch_add(1, SeqCst);
            }
            Ok(replaced)
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.pass()?;
            self.records.remove(key).await
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.records.owned(owner)
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        self.records.remove_owned(owner)
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        self.records.purge()
    }

    fn watch(&self, watcher: Watcher) -> bool {
        self.records.watch(watcher)
    }
}

/// A client that hangs up, or an outage, must not keep a theft from being told of.
#[tokio::test]
async fn a_reuse_is_reported_whatever_becomes_of_the_answer() {
    for fails in [true, false] {
        let clock = ManualClock::at(NOW);
        let store = Arc::new(Unanswered::of(MemoryStore::new()));
        let told = Arc::new(AtomicU64::new(0));
        let count = told.clone();
        let tokens: RefreshTokens = RefreshTokens::builder(store.clone())
            .clock(clock.clone())
            .on_reuse(move |reuse| {
                assert_eq!(reuse.subject, "ann");
                count.fetch_add(1, SeqCst);
            })
            .build()
            .unwrap();
        let old = tokens.issue("ann", &()).await.unwrap();
        tokens.rotate(old.expose()).await.unwrap();
        clock.advance(Duration::from_secs(5));
        *store.fails.lock().unwrap() = Some(fails);
        let answer = tokio::time::timeout(Duration::from_millis(20), tokens.rotate(old.expose()));
        assert_eq!(answer.await.is_ok(), fails);
        // The family has ended all the same.
        *store.fails.lock().unwrap() = None;
        let refused = tokens.rotate(old.expose()).await.unwrap_err();
        assert_eq!(refused.kind(), Reused);
        assert_eq!(told.load(SeqCst), 1, "fails: {fails}");
    }
}

/// Carries replacements out, and then fails (true) or never answers (false) when told to.
struct Unanswered {
    records: MemoryStore,
    fails: Mutex<Option<bool>>,
}

impl Unanswered {
    fn of(records: MemoryStore) -> Self {
        Self {
            records,
            fails: Mutex::default(),
        }
    }
}

impl Store for Unanswered {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.records.get(key)
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        self.records.insert(key, record)
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let replaced = self.records.replace(key, version, value, ttl).await;
            let fails = *self.fails.lock().unwrap();
            match fails {
                None => replaced,
                Some(true) => Err(Error::new(Unavailable, "told to fail")),
                Some(false) => std::future::pending().await,
            }
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        self.records.remove(key)
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.records.owned(owner)
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        self.records.remove_owned(owner)
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        self.records.purge()
    }
}

/// A clock that is set back does not make the grace longer.
#[tokio::test]
async fn a_clock_set_back_forgives_no_old_token() {
    let world = World::new();
    let old = world.issue().await;
    let next = world.rotate(&old).await.unwrap();
    world.clock.set_wall(NOW - 3600);
    world.refuses(&old, Reused).await;
    world.refuses(&next, Reused).await;
    assert_eq!(world.reused(), 1);
}
