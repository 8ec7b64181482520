//! A key set that lives with its issuer.

use super::builder::RemoteKeySetBuilder;
use super::flight::{Asked, Outcome, interrupted, unavailable};
#[cfg(feature = "oauth2")]
use super::location::Gather;
use super::location::Location;
use super::state::Remote;
use crate::core::error::Error;
use crate::core::http::shown_url;
use crate::core::telemetry;
use crate::token::keys::{BoxFuture, KeySource, Keys};
use std::fmt;
use std::sync::Arc;

/// The keys of an issuer, kept current. Cheap to clone; clones share one cache.
///
/// Fetched when first needed. Refreshed in the background ahead of expiry, and at once, but only once
/// per [cooldown](RemoteKeySetBuilder::cooldown), when a token names a key that is not there or its
/// signature does not match the key that it names: issuers that restart publish other keys under the
/// same `kid`. A refresh replaces the set; a failed one keeps the old for `max_stale`.
///
/// # Example
/// ```
/// use jamguard::{Verifier, jose::Algorithm, jwks::RemoteKeySet};
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let keys = RemoteKeySet::builder("https://issuer.example/.well-known/jwks.json").build()?;
/// keys.load().await?;                             // at start-up, so that no request waits
/// let api = Verifier::builder().jwks(keys.clone()).algorithms([Algorithm::RS256]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemoteKeySet(Arc<Remote>);

impl RemoteKeySet {
    pub(super) fn new(remote: Remote) -> Self {
        Self(Arc::new(remote))
    }

    /// Begins a key set that is published at `url`: https, or http on loopback.
    pub fn builder(url: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Url(url.into()))
    }

    /// Begins the key set of an OpenID Connect issuer, whose discovery document names its place
    /// and must name the issuer itself (OpenID Connect Discovery 1.0 section 4.3).
    pub fn discover(issuer: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Issuer(issuer.into()))
    }

    /// Begins a key set that is gathered in another way than from one document.
    #[cfg(feature = "oauth2")]
    pub(crate) fn gathered(keys: impl Gather) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Gathered(Arc::new(keys)))
    }

    /// Fetches the keys now unless usable ones are there, for example at start-up.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) where they cannot be had.
    pub async fn load(&self) -> Result<(), Error> {
        KeySource::load(self).await.map(drop)
    }

    /// How many fetches were started so far.
    pub fn fetches(&self) -> u64 {
        self.0.fetches.total()
    }
}

/// Why newer keys are asked for.
#[derive(Clone, Copy, PartialEq)]
enum Why {
    /// A token names a key that is not in the set.
    Unknown,
    /// A key of the set refuses a token: another may have taken its place.
    Replaced,
}

impl RemoteKeySet {
    /// What there is, or the fetch to wait for.
    fn ask(&self) -> Asked {
        let remote = &self.0;
        let now = remote.clock.monotonic();
        let mut flights = remote.flights();
        if let (Some(keys), true) = (remote.keys(), remote.usable_at(now)) {
            return Asked::Answer(Ok(keys));
        }
        if let Some(current) = flights.current(now) {
            return Asked::Wait(current);
        }
        if let Some(left) = remote.backoff_left(&flights, now) {
            return Asked::Answer(Err(flights.refusal(left)));
        }
        let takeoff = remote.prepare(&mut flights, now);
        drop(flights);
        match takeoff {
            Some(takeoff) => Asked::Wait(takeoff.go()),
            None => Asked::Answer(Err(outside_runtime())),
        }
    }

    /// As [`ask`](Self::ask), for keys newer than those of generation `seen`.
    fn ask_newer(&self, seen: u64, why: Why) -> Option<Asked> {
        let remote = &self.0;
        let now = remote.clock.monotonic();
        let mut flights = remote.flights();
        if let Some(keys) = remote.keys().filter(|keys| keys.generation != seen) {
            return Some(Asked::Answer(Ok(keys)));
        }
        if let Some(current) = flights.current(now) {
            return Some(Asked::Wait(current));
        }
        if why == Why::Replaced
            && (flights.in_cooldown(now) || remote.backoff_left(&flights, now).is_some())
        {
            return None;
        }
        if let Some(left) = remote.backoff_left(&flights, now) {
            // Whether the token is good cannot be said while the issuer does not answer.
            return Some(Asked::Answer(Err(flights.refusal(left))));
        }
        // What failed said nothing about the key, so it does not count for the cooldown.
        if flights.in_cooldown(now) && !flights.failing() {
            let second = flights.second_rotation().then(|| flights.age_note(now));
            drop(flights);
            if let Some(note) = second {
                telemetry::warn(
                    "a token names an unknown key within the cooldown of a change of keys: do the \
                     issuer's keys change more often than the cooldown allows?",
                    &format_args!("{}: {note}", shown_url(remote.location.place())),
                );
            }
            return None;
        }
        let takeoff = remote.prepare(&mut flights, now)?;
        flights.begin_cooldown(now + remote.settings.cooldown);
        drop(flights);
        Some(Asked::Wait(takeoff.go()))
    }

    fn newer(&self, seen: u64, why: Why) -> Option<BoxFuture<Outcome>> {
        let asked = self.ask_newer(seen, why)?;
        Some(self.outcome(asked, move |keys| keys.ask_newer(seen, why)))
    }

    /// Waits. Where a fetch broke off, asks `again`: once, as what broke it may last.
    fn outcome(
        &self,
        asked: Asked,
        again: impl FnOnce(&Self) -> Option<Asked> + Send + 'static,
    ) -> BoxFuture<Outcome> {
        let set = self.clone();
        Box::pin(async move {
            let patience = set.0.patience();
            let mut outcome = asked.outcome(patience).await;
            if outcome.is_none()
                && let Some(asked) = again(&set)
            {
                outcome = asked.outcome(patience).await;
            }
            let fetched = outcome.unwrap_or_else(|| Err(interrupted()))?;
            // Whoever is late to look takes what is there by now: a key may be gone since.
            Ok(set.0.keys().unwrap_or(fetched))
        })
    }
}

impl KeySource for RemoteKeySet {
    fn generation(&self) -> u64 {
        self.0.generation()
    }

    fn usable(&self) -> bool {
        let remote = &self.0;
        let now = remote.clock.monotonic();
        if !remote.usable_at(now) {
            return false;
        }
        if remote.refresh_due(now) {
            let mut flights = remote.flights();
            // Asked again: another request may have been first, and its fetch already back.
            let due = remote.refresh_due(now);
            let takeoff = due.then(|| remote.prepare(&mut flights, now)).flatten();
            drop(flights);
            if let Some(takeoff) = takeoff {
                takeoff.go();
            }
        }
        true
    }

    fn current(&self) -> Keys {
        match self.0.keys() {
            Some(keys) if self.usable() => Keys::Ready(keys),
            _ => Keys::Waiting,
        }
    }

    fn load(&self) -> BoxFuture<Outcome> {
        self.outcome(self.ask(), |keys| Some(keys.ask()))
    }

    fn refresh(&self, seen: u64) -> Option<BoxFuture<Outcome>> {
        self.newer(seen, Why::Unknown)
    }

    fn refresh_replaced(&self, seen: u64) -> Option<BoxFuture<Outcome>> {
        self.newer(seen, Why::Replaced)
    }

    fn age_note(&self) -> Option<String> {
        Some(self.0.flights().age_note(self.0.clock.monotonic()))
    }
}

fn outside_runtime() -> Error {
    unavailable("keys can only be fetched inside a tokio runtime")
}

impl fmt::Debug for RemoteKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySet")
            .field("place", &self.0.location.place())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::{Fetch, Fetched};
    use std::future::Future;
    use std::pin::Pin;

    struct Fixed;

    impl Fetch for Fixed {
        fn fetch<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<Fetched, Error>> + Send + 'a>> {
            let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
            Box::pin(async move { Ok(Fetched::new(set.into())) })
        }
    }

    /// A request that looked at the old keys just before newer ones came needs no fetch.
    #[tokio::test]
    async fn newer_keys_that_are_here_are_not_fetched_again() -> Result<(), Error> {
        let keys = RemoteKeySet::builder("https://issuer.example/keys")
            .fetcher(Fixed)
            .build()?;
        let first = KeySource::load(&keys).await?.generation;
        for _ in 0..3 {
            let newer = keys.refresh(first - 1).ok_or_else(interrupted)?;
            assert_eq!(newer.await?.generation, first);
            assert_eq!(keys.fetches(), 1);
        }
        let same = keys.refresh(first).ok_or_else(interrupted)?;
        assert_eq!(same.await?.generation, first);
        assert_eq!(keys.fetches(), 2);
        assert!(keys.refresh(first).is_none(), "the cooldown");
        Ok(())
    }
}
