//! Remote JWK set with caching and background refresh.

use super::origin::Origin;
use crate::core::refreshing::{Asked, Refreshing};
use crate::core::{BoxFuture, Clock, Error, debug_fields, http::shown_url, telemetry};
use crate::token::keys::{KeySource, Keys, Snapshot};
use std::sync::Arc;

/// A remote key set of an issuer, cached and kept current.
///
/// Cheap to clone; clones share one cache. The keys are fetched on first use and refreshed in the
/// background ahead of expiry. A refresh replaces the set; if it fails, the old set stays in use
/// for [`max_stale`](super::RemoteKeySetBuilder::max_stale).
///
/// A token triggers a refresh at once, at most once per [cooldown](super::RemoteKeySetBuilder::cooldown),
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
pub struct RemoteKeySet(pub(super) Refreshing<Origin>);

impl RemoteKeySet {
    /// Fetches the keys now if no usable ones are cached, for example at start-up.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if they cannot be fetched.
    pub async fn load(&self) -> Result<(), Error> {
        self.0.get().await.map(drop)
    }

    /// Returns the number of fetches started so far.
    pub fn fetches(&self) -> u64 {
        self.0.source().fetches.total()
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
    /// Returns keys newer than generation `seen`, or the fetch to wait for.
    ///
    /// `None` if no fetch may start now.
    fn ask_newer(&self, seen: u64, why: Why) -> Option<Asked<Snapshot>> {
        let origin = self.0.source();
        let mut keys = self.0.lock();
        let now = keys.now;
        if let Some(newer) = keys.value().filter(|keys| keys.generation != seen) {
            return Some(Asked::Known(Ok(newer.clone())));
        }
        if let Some(running) = keys.running() {
            return Some(Asked::Wait(running));
        }
        let mut cooldown = origin.cooldown();
        let refusal = keys.refusal();
        if why == Why::Replaced && (cooldown.is_on(now) || refusal.is_some()) {
            return None;
        }
        if let Some(error) = refusal {
            // Validity of the token is undecidable while the issuer does not answer.
            return Some(Asked::Known(Err(error)));
        }
        // A failed fetch gave no information about the key, so the cooldown does not apply.
        if cooldown.is_on(now) && !keys.is_failing() {
            let second = cooldown.second_rotation().then(|| cooldown.age_note(now));
            drop((cooldown, keys));
            if let Some(note) = second {
                telemetry::warn(
                    "a token names an unknown key within the cooldown of a change of keys: do the \
                     issuer's keys change more often than the cooldown allows?",
                    &format_args!("{}: {note}", shown_url(origin.location.place())),
                );
            }
            return None;
        }
        let fetch = keys.join_or_start()?;
        cooldown.begin(now + origin.options.cooldown.0);
        Some(Asked::Wait(fetch))
    }

    fn newer(&self, seen: u64, why: Why) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        let (set, asked) = (self.clone(), self.ask_newer(seen, why)?);
        Some(Box::pin(async move { set.0.outcome(asked, |_| set.ask_newer(seen, why)).await }))
    }
}

impl KeySource for RemoteKeySet {
    fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.0.source().clock.follow(clock);
    }

    fn generation(&self) -> u64 {
        self.0.source().generation()
    }

    fn usable(&self) -> bool {
        self.0.is_usable()
    }

    fn current(&self) -> Keys {
        match self.0.value() {
            Some(keys) if self.usable() => Keys::Ready(keys),
            _ => Keys::Waiting,
        }
    }

    fn load(&self) -> BoxFuture<Result<Snapshot, Error>> {
        let keys = self.0.clone();
        Box::pin(async move { keys.get().await })
    }

    fn refresh(&self, seen: u64, _kid: &str) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        self.newer(seen, Why::Unknown)
    }

    fn refresh_replaced(&self, seen: u64) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        self.newer(seen, Why::Replaced)
    }

    fn age_note(&self) -> Option<String> {
        Some(self.0.source().cooldown().age_note(self.0.now()))
    }
}

debug_fields!(
    RemoteKeySet,
    self,
    place = self.0.source().location.place(),
    generation = self.generation()
);

#[cfg(test)]
#[expect(clippy::expect_used)]
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
            let newer = keys.refresh(first - 1, "k").expect("a fetch");
            assert_eq!(newer.await?.generation, first);
            assert_eq!(keys.fetches(), 1);
        }
        let same = keys.refresh(first, "k").expect("a fetch");
        assert_eq!(same.await?.generation, first);
        assert_eq!(keys.fetches(), 2);
        assert!(keys.refresh(first, "k").is_none(), "the cooldown");
        Ok(())
    }
}
