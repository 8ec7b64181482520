//! Enrichment: the application's own data about users, added to their claims and cached.

use super::identity::Identity;
use super::user_key::UserKey;
use crate::core::{
    Attempts, BoxFuture, Clock, Error, ErrorKind, sha256, single_flight::SingleFlight, telemetry,
};
use crate::jose::encoding;
use crate::store::{Change, NewRecord, Store, Watcher};
use crate::token::claim_set::ClaimSet;
use foldhash::quality::RandomState;
use moka::sync::Cache;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::{future::Future, hash::BuildHasher, time::Duration};

pub(super) const TTL: Duration = Duration::from_secs(60);
const MAX_BYTES: u64 = 32 << 20;
/// Estimated bytes of an entry besides its texts.
const BOOKKEEPING: usize = 512;
/// Stripes of `forget`: forgetting a user also drops about one in this many other users.
const STRIPES: usize = 4096;
/// Registered claims that were verified before; the hook must not change them.
const SETTLED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
/// Prefix of the store keys that announce a forgotten user.
const PREFIX: &str = "enriched:";

type Added = Map<String, Value>;
type Told = Arc<dyn Fn(Change<'_>) + Send + Sync>;
pub(super) type EnrichHook = Arc<dyn Fn(Identity) -> BoxFuture<Result<Added, Error>> + Send + Sync>;

/// Erases the types of the application's hook.
pub(super) fn hook<F, T>(hook: impl Fn(Identity) -> F + Send + Sync + 'static) -> EnrichHook
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
    T: Serialize,
{
    Arc::new(move |identity| {
        let answer = hook(identity);
        Box::pin(async move { checked(&answer.await.map_err(outage)?) })
    })
}

/// Maps every error of the hook to `Unavailable`: it says nothing about the credential.
fn outage(error: Error) -> Error {
    let outage = Error::new(
        ErrorKind::Unavailable,
        "the identity cannot be enriched at the moment: try again",
    );
    let outage = match error.retry_after() {
        Some(after) => outage.with_retry_after(after),
        None => outage,
    };
    telemetry::warn("the enrich hook failed", &error);
    outage.with_source(error)
}

fn checked(added: &impl Serialize) -> Result<Added, Error> {
    let wrong = |why: String| Error::new(ErrorKind::Internal, why);
    let Ok(Value::Object(added)) = serde_json::to_value(added) else {
        return Err(wrong(
            "the enrich hook did not return a JSON object: return a struct or a map".to_owned(),
        ));
    };
    match SETTLED.iter().find(|name| added.contains_key(**name)) {
        Some(name) => Err(wrong(format!(
            "the enrich hook must not return the claim '{name}': give the value another name"
        ))),
        None => Ok(added),
    }
}

/// A cache in front of the hook: one call per user, and the merged claims.
pub(super) struct Enricher {
    id: u64,
    hook: EnrichHook,
    ttl: Duration,
    clock: Arc<dyn Clock>,
    /// Merged claims by the original claims, which cache their own hash.
    enriched: Cache<Arc<ClaimSet>, Enriched, RandomState>,
    /// The count of the stripe is part of the key, so that `forget` also detaches running calls.
    answers: SingleFlight<(UserKey, u64), Answer>,
    forgotten: Arc<Forgotten>,
    store: Option<Arc<dyn Store>>,
    /// The store's watcher; registered while this is held.
    _told: Option<Told>,
}

#[derive(Clone)]
struct Enriched {
    claims: Arc<ClaimSet>,
    life: Life,
}

/// The merged claims, cached next to a token's own claims to save its next request a lookup. Weak:
/// it does not keep entries from being evicted.
#[derive(Default)]
struct Beside(Mutex<Option<Recalled>>);

struct Recalled {
    enricher: u64,
    claims: Weak<ClaimSet>,
    life: Life,
}

/// The hook's answer for a user.
#[derive(Clone)]
struct Answer {
    life: Life,
    added: Arc<Added>,
}

/// The validity of an answer.
#[derive(Clone, Copy)]
struct Life {
    /// Monotonic time.
    until: Duration,
    stripe: usize,
    /// The stripe's counter when the hook was called.
    count: u64,
}

impl Life {
    fn lasts(&self, forgotten: &Forgotten, now: Duration) -> bool {
        now < self.until && forgotten.count(self.stripe) == self.count
    }
}

/// Invalidation counters by user hash. They also invalidate answers in flight, without a lookup.
struct Forgotten {
    counts: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Forgotten {
    fn new() -> Self {
        Self {
            counts: (0..STRIPES).map(|_| AtomicU64::default()).collect(),
            hasher: RandomState::default(),
        }
    }

    fn stripe(&self, key: &str) -> usize {
        (self.hasher.hash_one(key) % STRIPES as u64) as usize
    }

    fn count(&self, stripe: usize) -> u64 {
        self.counts.get(stripe).map_or(0, |count| count.load(Ordering::Acquire))
    }

    fn forget(&self, key: &str) {
        if let Some(count) = self.counts.get(self.stripe(key)) {
            count.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn told(&self, change: Change<'_>) {
        match change {
            Change::Key(key) if key.starts_with(PREFIX) => self.forget(key),
            // Entries expire soon; dropping all during a store outage would flood the hook.
            Change::Key(_) | Change::Lost => {}
            Change::All | Change::Live => self.counts.iter().for_each(|count| {
                count.fetch_add(1, Ordering::AcqRel);
            }),
        }
    }
}

/// Returns a user's key in the store. Hashed, so that the store does not learn user names.
fn key(name: &str) -> String {
    format!("{PREFIX}{}", encoding::encode(sha256(name)))
}

impl Enricher {
    pub(super) fn new(
        hook: EnrichHook,
        ttl: Duration,
        clock: Arc<dyn Clock>,
        store: Option<Arc<dyn Store>>,
    ) -> Result<Self, Error> {
        let forgotten = Arc::new(Forgotten::new());
        let told = store.as_ref().map(|_| {
            let forgotten = forgotten.clone();
            let told: Told = Arc::new(move |change| forgotten.told(change));
            told
        });
        if let (Some(store), Some(told)) = (&store, &told)
            && !store.watch(Watcher::new(told))
        {
            return Err(Error::configuration(
                "the enrichment store cannot be watched: use one that can, such as RedisStore",
            ));
        }
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            hook,
            ttl,
            clock,
            enriched: Cache::builder()
                .weigher(|claims: &Arc<ClaimSet>, enriched: &Enriched| {
                    let weight = BOOKKEEPING + claims.weight() + enriched.claims.weight();
                    u32::try_from(weight).unwrap_or(u32::MAX)
                })
                .max_capacity(MAX_BYTES)
                .build_with_hasher(RandomState::default()),
            answers: SingleFlight::shared_for(Duration::MAX).joined_for(ttl),
            forgotten,
            store,
            _told: told,
        })
    }

    /// Adds the cached enrichment to an identity; returns `false` on a cache miss.
    pub(super) fn recall(&self, identity: &mut Identity) -> bool {
        match self.beside(identity).or_else(|| self.shared(identity)) {
            Some(claims) => {
                identity.enrich(claims);
                true
            }
            None => false,
        }
    }

    /// Returns the entry cached next to the token's own claims.
    fn beside(&self, identity: &Identity) -> Option<Arc<ClaimSet>> {
        let place = identity.set().decoded::<Beside>()?.0.try_lock().ok()?;
        let known = place.as_ref().filter(|known| known.enricher == self.id)?;
        self.lasts(known.life).then(|| known.claims.upgrade())?
    }

    /// Returns the entry shared by all identities with the same claims.
    fn shared(&self, identity: &Identity) -> Option<Arc<ClaimSet>> {
        let known = self.enriched.get(identity.set())?;
        if !self.lasts(known.life) {
            return None;
        }
        // Only a token's claims outlive the request.
        if identity.token().is_some() {
            let own = identity.set();
            let beside = own.decoded().or_else(|| own.keep(Beside::default()));
            if let Some(Ok(mut place)) = beside.map(|Beside(place)| place.try_lock()) {
                *place = Some(Recalled {
                    enricher: self.id,
                    claims: Arc::downgrade(&known.claims),
                    life: known.life,
                });
            }
        }
        Some(known.claims)
    }

    fn lasts(&self, life: Life) -> bool {
        life.lasts(&self.forgotten, self.clock.monotonic())
    }

    /// Adds the hook's answer to an identity, from the cache if possible.
    pub(super) async fn enrich(&self, identity: &mut Identity) -> Result<(), Error> {
        if !self.recall(identity) {
            let claims = self.ask(identity).await?;
            identity.enrich(claims);
        }
        Ok(())
    }

    async fn ask(&self, identity: &Identity) -> Result<Arc<ClaimSet>, Error> {
        let (user, now) = (UserKey::of(identity), self.clock.monotonic());
        let stripe = self.forgotten.stripe(&key(user.name()));
        let count = self.forgotten.count(stripe);
        let life = Life { until: now.saturating_add(self.ttl), stripe, count };
        let call = || async {
            let added = Arc::new((self.hook)(identity.clone()).await?);
            Ok(Answer { life, added })
        };
        // Waiting requests share a failure; the next request calls the hook again.
        let lasts = |answer: &Result<Answer, Error>| {
            answer.as_ref().is_ok_and(|answer| self.lasts(answer.life))
        };
        let answer = self.answers.ask((user, count), call, lasts).await?;
        let plain = identity.set();
        let claims = Arc::new(merged(plain.text(), &answer.added)?);
        let enriched = Enriched { claims: claims.clone(), life: answer.life };
        self.enriched.insert(Arc::new(plain.copy()), enriched);
        Ok(claims)
    }

    /// Drops what was added to this user's claims: here at once, elsewhere through the store.
    pub(super) async fn forget(&self, subject: &str) -> Result<(), Error> {
        let key = key(subject);
        self.forgotten.forget(&key);
        let Some(store) = &self.store else {
            return Ok(());
        };
        // Insert or remove: either write notifies all watchers.
        let mut attempts = Attempts::at("one user's claims");
        loop {
            attempts.next()?;
            let record = NewRecord::new(vec![1]).expires_after(TTL);
            if store.insert(&key, record).await?.is_some() || store.remove(&key).await? {
                return Ok(());
            }
        }
    }
}

fn merged(text: &str, added: &Added) -> Result<ClaimSet, Error> {
    let unreadable = |_| Error::new(ErrorKind::Internal, "claims cannot be enriched");
    let mut claims: Added = serde_json::from_str(text).map_err(unreadable)?;
    claims.extend(added.clone());
    ClaimSet::parse_verified(serde_json::to_string(&claims).map_err(unreadable)?)
}
