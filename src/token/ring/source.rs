//! Refreshing of a ring from its store, and its interface to verifiers.
//!
//! Nothing runs in the background: a request asks the store, holding the lock that also orders
//! writes. While the store is unavailable, the known keys stay in use.

use super::freshness::PAUSE;
use super::handle::{Inner, KeyRing, Live, Shared};
use super::keys::Keys;
use super::sealed;
use crate::core::{BoxFuture, Clock, Error, ErrorKind, millis, telemetry};
use crate::store::{NewRecord, Record, update};
use crate::token::keys::{KeySource, Keys as Ready, Snapshot};
use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

impl Inner {
    fn monotonic(&self) -> u64 {
        millis(self.clock.monotonic())
    }

    /// Removes expired keys.
    fn tidy(&self) {
        let next_change = self.next_change.load(Ordering::Acquire);
        if next_change == u64::MAX && !self.ended.load(Ordering::Acquire) {
            return;
        }
        let now = self.now();
        // Also if the clock was set back, because keys may be valid again.
        if now >= next_change || now < self.installed_at.load(Ordering::Acquire) {
            self.install(None);
        }
    }

    /// Returns the known keys, or `None` if the store must be asked first.
    fn ready(&self) -> Option<Arc<Live>> {
        if self.shared.is_some() && !self.freshness.may_use(self.monotonic()) {
            return None;
        }
        self.tidy();
        self.live()
    }

    /// Returns keys no older than the refresh interval, or the known ones during an outage.
    pub(super) async fn fresh(&self) -> Result<Arc<Live>, Error> {
        match self.ready() {
            Some(live) => Ok(live),
            None => self.ask().await,
        }
    }

    /// Returns the store's keys, or the known ones if the store is unavailable.
    async fn ask(&self) -> Result<Arc<Live>, Error> {
        let reloaded = self.reload(|_| self.freshness.is_fresh(self.monotonic()));
        match reloaded.await {
            Ok(live) => Ok(live),
            Err(error) => {
                self.tidy();
                self.live().ok_or(error)
            }
        }
    }

    /// Asks the store, unless another task just did so and the result is `enough`.
    async fn reload(&self, enough: impl Fn(&Live) -> bool) -> Result<Arc<Live>, Error> {
        let mut failure = self.turn.lock().await;
        if let Some(live) = self.live().filter(|live| enough(live)) {
            return Ok(live);
        }
        let now = self.monotonic();
        if let Some(error) = &*failure
            && self.freshness.is_fresh(now)
        {
            // Tasks that waited for the failed attempt do not each try again.
            return Err(error.clone());
        }
        let changes = self.freshness.changes.load(Ordering::Acquire);
        match self.write(|_, _| Ok(())).await {
            Ok(()) => {
                *failure = None;
                self.live().ok_or_else(unavailable)
            }
            Err(error) => {
                *failure = Some(error.clone());
                if self.freshness.postpone(now, changes) {
                    telemetry::warn("a key ring's store is unavailable", &error);
                }
                Err(error)
            }
        }
    }

    /// Waits for the task that is asking the store, and returns its result.
    async fn looked(&self) -> Result<Snapshot, Error> {
        let failure = self.turn.lock().await;
        match (&*failure, self.live()) {
            (None, Some(live)) => Ok(live.snapshot.clone()),
            (Some(error), _) => Err(error.clone()),
            (None, None) => Err(unavailable()),
        }
    }

    /// Changes the ring, creating it if necessary, and takes over other processes' changes.
    ///
    /// The caller must hold `turn`.
    pub(super) async fn write<R>(
        &self,
        change: impl Fn(&mut Keys, u64) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let Some(shared) = &self.shared else {
            let mut keys = match self.live() {
                Some(live) => live.keys.clone(),
                None => self.begin()?,
            };
            let outcome = change(&mut keys, self.now())?;
            self.install(Some((keys, None)));
            return Ok(outcome);
        };
        // Read before the store is asked: whatever changes meanwhile makes the keys stale.
        let changes = self.freshness.changes.load(Ordering::Acquire);
        let asked = self.monotonic();
        let changed = update(&*shared.store, &shared.place, "the key ring", |found| {
            let known = found.map(|record| self.read(shared, record)).transpose()?;
            let mut keys = match &known {
                Some(known) => known.clone(),
                None => self.begin()?,
            };
            let now = self.now();
            if let Some(live) = self.live() {
                keys.stay_revoked(&live.keys, &self.schedule, now)?;
            }
            let outcome = change(&mut keys, now)?;
            let new = match known {
                Some(known) if known.is(&keys) => None,
                _ => Some(NewRecord::new(sealed::seal(&keys, &shared.sealing, &shared.place)?)),
            };
            Ok((new, (keys, outcome)))
        });
        let ((keys, outcome), version) = changed.await?;
        self.install(Some((keys, version)));
        self.freshness.renew(asked, changes);
        Ok(outcome)
    }

    /// Returns the keys of a record, decrypting it only if its version is not known.
    fn read(&self, shared: &Shared, record: &Record) -> Result<Keys, Error> {
        let live = self.live();
        match &live {
            Some(live) if live.version == Some(record.version()) => Ok(live.keys.clone()),
            _ => {
                let known = live.as_ref().map(|live| &live.keys);
                sealed::open(record.value(), &shared.sealing, &shared.place, known)
            }
        }
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the key ring's store was unavailable a moment ago")
        .with_retry_after(Duration::from_millis(PAUSE))
}

impl KeySource for KeyRing {
    fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.0.clock.follow(clock);
    }

    fn generation(&self) -> u64 {
        self.0.generation()
    }

    fn usable(&self) -> bool {
        let ring = &*self.0;
        if ring.shared.is_some() && !ring.freshness.is_usable(ring.monotonic()) {
            return false;
        }
        ring.tidy();
        true
    }

    fn current(&self) -> Ready {
        match self.0.ready() {
            Some(live) => Ready::Ready(live.snapshot.clone()),
            None => Ready::Waiting,
        }
    }

    fn load(&self) -> BoxFuture<Result<Snapshot, Error>> {
        let ring = self.0.clone();
        Box::pin(async move { Ok(ring.ask().await?.snapshot.clone()) })
    }

    fn refresh(&self, seen: u64, _kid: &str) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        let ring = &self.0;
        let shared = ring.shared.as_ref()?;
        let live = ring.live()?;
        if live.snapshot.generation != seen {
            return Some(Box::pin(std::future::ready(Ok(live.snapshot.clone()))));
        }
        if let Some(found) = shared.store.peek(&shared.place)
            && found.map(|found| found.version()) == live.version
        {
            return None;
        }
        let now = ring.monotonic();
        if !ring.freshness.may_look(now) {
            if ring.turn.try_lock().is_err() {
                // Another request is asking the store: share its answer.
                let ring = ring.clone();
                return Some(Box::pin(async move { ring.looked().await }));
            }
            // Validity of the token is undecidable while the store does not answer.
            let failing = ring.freshness.failing.load(Ordering::Relaxed);
            return failing.then(|| Box::pin(std::future::ready(Err(unavailable()))) as _);
        }
        let ring = ring.clone();
        Some(Box::pin(async move {
            let live = ring.reload(|live| live.snapshot.generation != seen).await?;
            Ok(live.snapshot.clone())
        }))
    }
}
