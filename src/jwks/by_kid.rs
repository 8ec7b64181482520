//! Keys by URL: one document for each key id.

use super::fetch::Fetcher;
use crate::core::single_flight::SingleFlight;
use crate::core::{BoxFuture, Clock, Error, ErrorKind, PartClock, lock, millis, telemetry};
use crate::jose::{Algorithm, KeySet, VerifyingKey};
use crate::token::keys::{KeySource, Keys, Snapshot};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Lifetime of a fetched key; then it is fetched again when a token names it.
const AGE: Duration = Duration::from_secs(24 * 3600);
/// How long a key is used after its lifetime while it cannot be fetched again.
const GRACE: Duration = Duration::from_secs(3600);
/// Time between two attempts to fetch a key that is used after its lifetime.
const RETRY: Duration = Duration::from_secs(60);
/// How long a key id without a key is remembered.
const COOLDOWN: Duration = Duration::from_secs(30);
/// The most keys, and the most key ids without a key, that are remembered.
const MAX_KEYS: usize = 32;
/// Fetches of unknown keys that may start at once; after that, one a second. Tokens may invent key
/// ids.
const BURST: u32 = 8;

/// The keys in PEM at `{base}{kid}`, each fetched when a token names it. The id must be a UUID.
#[derive(Clone)]
pub(super) struct KeysByUrl(Arc<Inner>);

struct Inner {
    base: String,
    algorithm: Algorithm,
    fetcher: Fetcher,
    timeout: Duration,
    clock: Arc<PartClock>,
    generation: AtomicU64,
    /// Monotonic milliseconds: the next end of a key's use, readable without a lock.
    ends_at: AtomicU64,
    state: Mutex<State>,
    /// An error is shared for a second, so that an outage costs one fetch a second per key.
    flights: SingleFlight<String, ()>,
}

/// A key that was fetched. Times are monotonic.
struct Known {
    key: VerifyingKey,
    /// The end of its use: then it is fetched again.
    until: Duration,
    /// The end of its lifetime and its grace.
    at_most: Duration,
}

impl Known {
    fn has_id(&self, kid: &str) -> bool {
        self.key.key_id() == Some(kid)
    }
}

/// Times are monotonic.
#[derive(Default)]
struct State {
    /// The keys in use.
    keys: Arc<KeySet>,
    /// The latest keys, oldest first, also past the end of their use.
    known: VecDeque<Known>,
    /// Key ids without a key, oldest first, with the end of their cooldown.
    missing: VecDeque<(String, Duration)>,
    /// When the budget of fetches is full again.
    full_at: Duration,
}

impl State {
    /// Takes a fetch from the budget. Returns the wait for the next one if there is none left.
    fn take_fetch(&mut self, now: Duration) -> Result<(), Duration> {
        let second = Duration::from_secs(1);
        let full_at = self.full_at.max(now) + second;
        match (full_at - now).checked_sub(second * BURST) {
            None | Some(Duration::ZERO) => {
                self.full_at = full_at;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }
}

impl KeysByUrl {
    pub(super) fn new(
        base: String,
        algorithm: Algorithm,
        fetcher: Fetcher,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            base,
            algorithm,
            fetcher,
            timeout,
            clock: PartClock::new(clock),
            generation: AtomicU64::new(0),
            ends_at: AtomicU64::new(u64::MAX),
            state: Mutex::default(),
            flights: SingleFlight::shared_for(Duration::from_secs(1)),
        }))
    }

    /// Returns the keys, with a new one that is being fetched.
    async fn with_key(self, kid: String) -> Result<Snapshot, Error> {
        let inner = &*self.0;
        let fetch = || inner.fetch(&kid);
        inner.flights.ask(kid.clone(), fetch, Result::is_err).await?;
        Ok(inner.snapshot())
    }
}

impl Inner {
    fn snapshot(&self) -> Snapshot {
        let state = lock(&self.state);
        Snapshot { keys: state.keys.clone(), generation: self.generation.load(Ordering::Acquire) }
    }

    /// Fetches a key and adds it, or notes that there is none.
    async fn fetch(&self, kid: &str) -> Result<(), Error> {
        self.admit(kid, self.clock.monotonic())?;
        let url = format!("{}{kid}", self.base);
        let fetched = tokio::time::timeout(self.timeout, self.fetcher.get(&url)).await;
        let document = match fetched {
            Ok(Ok(document)) => document,
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                self.note_missing(kid);
                return Ok(());
            }
            Ok(Err(error)) => return self.keep(kid).ok_or_else(|| unavailable(error)),
            Err(_) => {
                let late = || unavailable(Error::new(ErrorKind::Timeout, "no answer in time"));
                return self.keep(kid).ok_or_else(late);
            }
        };
        let key = document.into_text().and_then(|pem| VerifyingKey::from_pem(self.algorithm, &pem));
        match key {
            Ok(key) => self.add(key.with_key_id(kid)),
            Err(error) => {
                telemetry::warn("a key was fetched but cannot be used", &error);
                if self.keep(kid).is_none() {
                    self.note_missing(kid);
                }
            }
        }
        Ok(())
    }

    /// Takes a fetch from the budget, unless the key was known: then the id is not invented.
    fn admit(&self, kid: &str, now: Duration) -> Result<(), Error> {
        if self.is_known(kid) {
            return Ok(());
        }
        lock(&self.state).take_fetch(now).map_err(|wait| {
            let message = "too many tokens name unknown keys: the next one is fetched later";
            Error::new(ErrorKind::Unavailable, message).with_retry_after(wait)
        })
    }

    fn is_known(&self, kid: &str) -> bool {
        lock(&self.state).known.iter().any(|known| known.has_id(kid))
    }

    fn add(&self, key: VerifyingKey) {
        let until = self.clock.monotonic() + AGE;
        self.change(|known| {
            known.retain(|old| old.key.key_id() != key.key_id());
            known.push_back(Known { key, until, at_most: until + GRACE });
            if known.len() > MAX_KEYS {
                known.pop_front();
            }
        });
    }

    /// Uses a key that could not be fetched again for another moment. `None` if there is none, or
    /// its grace is over.
    fn keep(&self, kid: &str) -> Option<()> {
        let now = self.clock.monotonic();
        let mut is_kept = None;
        self.change(|known| {
            let kept = known.iter_mut().find(|old| old.has_id(kid) && now < old.at_most);
            if let Some(kept) = kept {
                kept.until = kept.at_most.min(now + RETRY);
                is_kept = Some(());
            }
        });
        is_kept
    }

    /// Changes the known keys, and those in use and their generation with them.
    fn change(&self, change: impl FnOnce(&mut VecDeque<Known>)) {
        let now = self.clock.monotonic();
        let mut state = lock(&self.state);
        change(&mut state.known);
        let in_use = || state.known.iter().filter(|known| now < known.until);
        let keys = in_use().map(|known| known.key.clone()).collect();
        let next = in_use().map(|known| millis(known.until)).min().unwrap_or(u64::MAX);
        state.keys = Arc::new(keys);
        self.ends_at.store(next, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that there is no key with this id, or none any longer.
    fn note_missing(&self, kid: &str) {
        if self.is_known(kid) {
            self.change(|known| known.retain(|old| !old.has_id(kid)));
        }
        let until = self.clock.monotonic() + COOLDOWN;
        let missing = &mut lock(&self.state).missing;
        missing.push_back((kid.to_owned(), until));
        if missing.len() > MAX_KEYS {
            missing.pop_front();
        }
    }
}

fn unavailable(error: Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("a key could not be fetched: {error}"))
        .with_source(error)
}

/// Returns whether a key id is a UUID, which cannot change the meaning of the URL it is put into.
fn is_uuid(kid: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    let fits = |(at, byte): (usize, u8)| match dashes.contains(&at) {
        true => byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    kid.len() == 36 && kid.bytes().enumerate().all(fits)
}

impl KeySource for KeysByUrl {
    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Stops the use of keys at its end.
    fn usable(&self) -> bool {
        let now = self.0.clock.monotonic();
        if millis(now) >= self.0.ends_at.load(Ordering::Acquire) {
            self.0.change(|_| {});
        }
        true
    }

    fn current(&self) -> Keys {
        self.usable();
        Keys::Ready(self.0.snapshot())
    }

    fn load(&self) -> BoxFuture<Result<Snapshot, Error>> {
        Box::pin(std::future::ready(Ok(self.0.snapshot())))
    }

    fn refresh(&self, _seen: u64, kid: &str) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        if !is_uuid(kid) {
            return None;
        }
        let now = self.0.clock.monotonic();
        let mut state = lock(&self.0.state);
        state.missing.retain(|(_, until)| now < *until);
        if state.missing.iter().any(|(missing, _)| missing == kid) {
            return None;
        }
        drop(state);
        Some(Box::pin(self.clone().with_key(kid.to_owned())))
    }

    fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.0.clock.follow(clock);
    }
}
