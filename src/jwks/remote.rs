//! Remote JWK set with caching and background refresh.

use super::builder::RemoteKeySetBuilder;
#[cfg(feature = "oauth2")]
use super::location::Gather;
use super::location::Location;
use super::schedule::{Asked, Outcome, interrupted, unavailable};
use super::state::Remote;
use crate::core::error::Error;
use crate::core::http::shown_url;
use crate::core::telemetry;
use crate::token::keys::{BoxFuture, KeySource, Keys};
use std::fmt;
use std::sync::Arc;

/// A remote key set of an issuer, cached and kept current.
///
/// Cheap to clone; clones share one cache. The keys are fetched on first use and refreshed in the
/// background ahead of expiry. A refresh replaces the set; if it fails, the old set stays in use
/// for [`max_stale`](RemoteKeySetBuilder::max_stale).
///
/// A token triggers a refresh at once, at most once per [cooldown](RemoteKeySetBuilder::cooldown),
/// if it names an unknown key or its signature does not match the key it names: issuers that
/// restart may publish another key under the same `kid`.
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

    /// Returns a builder of the key set at `url`, which is https, or http on loopback.
    pub fn builder(url: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Url(url.into()))
    }

    /// Returns a builder of an OpenID Connect issuer's key set.
    ///
    /// The discovery document names the key set's URL, and must name the same issuer (OpenID
    /// Connect Discovery 1.0 section 4.3).
    pub fn discover(issuer: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Issuer(issuer.into()))
    }

    /// Returns a builder of a key set that is gathered from other than one document.
    #[cfg(feature = "oauth2")]
    pub(crate) fn gathered(keys: impl Gather) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Gathered(Arc::new(keys)))
    }

    /// Fetches the keys now if no usable ones are cached, for example at start-up.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if they cannot be fetched.
    pub async fn load(&self) -> Result<(), Error> {
        KeySource::load(self).await.map(drop)
    }

    /// Returns the number of fetches started so far.
    pub fn fetches(&self) -> u64 {
        self.0.fetches.total()
    }
}

/// The reason for a refresh that a token triggers.
#[derive(Clone, Copy, PartialEq)]
enum Why {
    /// A token names a key that is not in the set.
    Unknown,
    /// A key of the set rejects a token: the issuer may have replaced it.
    Replaced,
}

impl RemoteKeySet {
    /// Returns the cached keys, or the fetch to wait for.
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

    /// Returns keys newer than generation `seen`, or the fetch to wait for.
    ///
    /// `None` if no fetch may start now.
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
            // Validity of the token is undecidable while the issuer does not answer.
            return Some(Asked::Answer(Err(flights.refusal(left))));
        }
        // A failed fetch gave no information about the key, so the cooldown does not apply.
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
        flights.begin_cooldown(now + remote.options.cooldown.0);
        drop(flights);
        Some(Asked::Wait(takeoff.go()))
    }

    fn newer(&self, seen: u64, why: Why) -> Option<BoxFuture<Outcome>> {
        let asked = self.ask_newer(seen, why)?;
        Some(self.outcome(asked, move |keys| keys.ask_newer(seen, why)))
    }

    /// Waits for the fetch. If it broke off, calls `again` once, as the cause may persist.
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
            // Newer keys may have arrived while this task waited, and a key may have been
            // withdrawn.
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
            // Checked again under the lock: another request's fetch may already have completed.
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
    use crate::jwks::{Fetch, FetchedDocument};
    use std::future::Future;
    use std::pin::Pin;

    struct Fixed;

    impl Fetch for Fixed {
        fn fetch<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
            let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
            Box::pin(async move { Ok(FetchedDocument::new(set.into())) })
        }
    }

    /// A request that saw the old keys just before newer ones arrived needs no fetch.
    #[tokio::test]
    async fn newer_cached_keys_are_not_fetched_again() -> Result<(), Error> {
        let keys = RemoteKeySet::builder("https://issuer.example/keys").fetcher(Fixed).build()?;
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
