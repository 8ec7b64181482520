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
/// How long a key id without a key is remembered.
const COOLDOWN: Duration = Duration::from_secs(30);
/// The most keys, and the most key ids without a key, that are remembered.
const MAX_KEYS: usize = 32;
/// Fetches that may start at once; after that, one a second. Tokens may invent key ids.
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
    /// Monotonic milliseconds: the end of the oldest key's use, readable without a lock.
    ends_at: AtomicU64,
    state: Mutex<State>,
    /// An error is shared for a second, so that an outage costs one fetch a second per key.
    flights: SingleFlight<String, ()>,
}

/// Times are monotonic.
#[derive(Default)]
struct State {
    keys: Arc<KeySet>,
    /// The keys, oldest first, with the end of their use.
    known: VecDeque<(VerifyingKey, Duration)>,
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
        let now = self.clock.monotonic();
        lock(&self.state).take_fetch(now).map_err(|wait| {
            let message = "too many tokens name unknown keys: the next one is fetched later";
            Error::new(ErrorKind::Unavailable, message).with_retry_after(wait)
        })?;
        let url = format!("{}{kid}", self.base);
        let fetched = tokio::time::timeout(self.timeout, self.fetcher.get(&url)).await;
        let document = match fetched {
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                self.note_missing(kid);
                return Ok(());
            }
            Ok(fetched) => fetched.map_err(unavailable)?,
            Err(_) => {
                return Err(unavailable(Error::new(ErrorKind::Timeout, "no answer in time")));
            }
        };
        let key = document.into_text().and_then(|pem| VerifyingKey::from_pem(self.algorithm, &pem));
        match key {
            Ok(key) => self.add(key.with_key_id(kid)),
            Err(error) => {
                telemetry::warn("a key was fetched but cannot be used", &error);
                self.note_missing(kid);
            }
        }
        Ok(())
    }

    fn add(&self, key: VerifyingKey) {
        let until = self.clock.monotonic() + AGE;
        self.change(|known| {
            known.retain(|(old, _)| old.key_id() != key.key_id());
            known.push_back((key, until));
            if known.len() > MAX_KEYS {
                known.pop_front();
            }
        });
    }

    /// Changes the keys, and their generation with them.
    fn change(&self, change: impl FnOnce(&mut VecDeque<(VerifyingKey, Duration)>)) {
        let mut state = lock(&self.state);
        change(&mut state.known);
        state.keys = Arc::new(state.known.iter().map(|(key, _)| key.clone()).collect());
        let oldest = state.known.front().map_or(u64::MAX, |(_, until)| millis(*until));
        self.ends_at.store(oldest, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn note_missing(&self, kid: &str) {
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

    /// Drops keys at the end of their use.
    fn usable(&self) -> bool {
        let now = self.0.clock.monotonic();
        if millis(now) >= self.0.ends_at.load(Ordering::Acquire) {
            self.0.change(|known| known.retain(|(_, until)| now < *until));
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
