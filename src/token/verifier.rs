//! Token verifier with a cache of verified tokens.

use super::cache::{CacheStats, TokenCache};
use super::confirmation::not_a_bearer_token;
use super::epochs::Epochs;
use super::firebase_emulator::EmulatorSigner;
use super::introspector::Introspector;
use super::issuers::Issuers;
use super::keys::{KeySource, Keys};
use super::list::{Kind, Lists, TokenList};
use super::pool::{Check, PartPool, VerificationPool};
use super::rules::Rules;
use super::signature::Refused;
use super::thread_cache;
use super::verified::{Entry, Evidence, Revocation, Verified};
use crate::core::now_or_later::NowOrLater::{self, Later, Now};
use crate::core::{Clock, Error, ErrorKind, PartClock, debug_fields, hash::seeded_hash};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A verifier of one kind of token: signature, header, claims, revocation. Cheap to clone.
///
/// Verified tokens are cached: a repeated token costs a lookup and a re-check of clock, key set and
/// revocation.
///
/// # Example
/// ```
/// use jamguard::{Verifier, jose::{Algorithm, VerifyingKey}};
/// use std::time::Duration;
///
/// let key = VerifyingKey::from_secret(Algorithm::HS256, b"at least thirty-two bytes of secret")?;
/// let verifier = Verifier::builder()
///     .key(key)
///     .algorithms([Algorithm::HS256])
///     .issuer("https://issuer.example")
///     .audience("api")
///     .require(["sub"])
///     .leeway(Duration::from_secs(60))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    pub(super) inner: Arc<Inner>,
    /// Not part of `inner`: cached tokens passed every check except the lists.
    pub(super) lists: Lists,
    /// Whether the caller verifies what a token is bound to. Otherwise bound tokens are refused.
    pub(super) accepts_bound: bool,
}

pub(super) struct Inner {
    pub(super) id: u64,
    pub(super) rules: Rules,
    pub(super) keys: Arc<dyn KeySource>,
    /// `false` if every token is introspected.
    pub(super) has_keys: bool,
    pub(super) introspector: Option<Arc<dyn Introspector>>,
    /// Signs the tokens of Firebase's emulator before they are verified, in development.
    pub(super) firebase_emulator: Option<EmulatorSigner>,
    pub(super) clock: Arc<PartClock>,
    pub(super) revocation: Option<Arc<dyn Revocation>>,
    /// End when tokens must be verified again.
    pub(super) epochs: Epochs,
    pub(super) cache: TokenCache,
    pub(super) pool: PartPool,
}

/// The result of verifying a token. It comes later only from remote keys, introspection, a list's
/// store or the verification pool.
pub(crate) type Verification = NowOrLater<Result<Verified, Error>>;

impl Verifier {
    /// Returns a verifier with additional deny lists, sharing this one's cache.
    pub(crate) fn with_deny_lists(&self, lists: &[TokenList]) -> Result<Self, Error> {
        for list in lists {
            list.check_use(Kind::Deny, &self.inner.rules)?;
        }
        Ok(Self { lists: self.lists.and(lists), ..self.clone() })
    }

    /// Returns a verifier that accepts bound tokens, whose binding the caller must verify.
    pub(crate) fn accepting_bound(&self) -> Self {
        Self { accepts_bound: true, ..self.clone() }
    }

    /// Returns the clock, which follows an authenticator's.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock.clone()
    }

    /// Replaces the clocks of the verifier, its keys and its lists.
    pub(crate) fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.inner.clock.follow(clock);
        self.inner.keys.follow_clock(clock);
        if let Some(introspector) = &self.inner.introspector {
            introspector.follow_clock(clock);
        }
        self.lists.follow_clock(clock);
    }

    /// Replaces the pool that checks costly signatures.
    pub(crate) fn follow_pool(&self, pool: &VerificationPool) {
        self.inner.pool.follow(pool);
    }

    /// Returns a verifier that skips deny and allow lists, and so accepts revoked tokens.
    ///
    /// The original verifier still checks its lists.
    ///
    /// ```
    /// # async fn example(verifier: jamguard::Verifier, token: &str) -> Result<(), jamguard::Error> {
    /// // To identify a token's user in an administrator's tool.
    /// let verified = verifier.danger_without_lists().verify(token).await?;
    /// # Ok(()) }
    /// ```
    pub fn danger_without_lists(&self) -> Self {
        Self { lists: Lists::default(), ..self.clone() }
    }

    /// Verifies a token.
    ///
    /// Waits only for a fetch of keys, an introspection, a lookup in a list's store, or the
    /// [`VerificationPool`](crate::VerificationPool); never for a token in the cache that no list looks
    /// up.
    ///
    /// # Errors
    /// The [`ErrorKind`] names the failed check. [`ErrorKind::Unavailable`] means that the keys, the
    /// introspection endpoint or a list's store cannot be reached, or that the queue of the pool is full;
    /// it says nothing about the token.
    pub async fn verify(&self, token: &str) -> Result<Verified, Error> {
        self.start(token.as_bytes(), |_| Ok(())).await
    }

    /// Returns statistics of the token cache.
    pub fn cache_stats(&self) -> CacheStats {
        self.inner.cache.stats()
    }

    /// Clears the cache, so that every token is verified in full again.
    pub fn forget_all(&self) {
        if let Some(introspector) = &self.inner.introspector {
            introspector.forget_all();
        }
        self.inner.epochs.end_all();
        self.inner.cache.clear();
    }

    /// Removes a token from the cache, so that its next use verifies it in full.
    ///
    /// Call it when an opaque token was revoked, so that a remembered answer of
    /// [introspection](crate::Introspection) does not apply any longer. Verifications that start
    /// after this returns ask the server again. Other processes keep their caches.
    pub fn forget_token(&self, token: &str) {
        if let Some(introspector) = &self.inner.introspector {
            introspector.forget(token);
        }
        let hash = seeded_hash(token.as_bytes());
        self.inner.epochs.end(hash);
        self.inner.cache.remove(hash, token.as_bytes());
    }

    pub(crate) fn id(&self) -> u64 {
        self.inner.id
    }

    pub(crate) fn issuers(&self) -> &Issuers {
        &self.inner.rules.issuers
    }

    /// Returns whether the tokens' e-mail addresses are declared to be verified.
    pub(crate) fn issuer_verifies_emails(&self) -> bool {
        self.inner.rules.issuer_verifies_emails
    }

    /// Returns whether its JWTs are those of load balancers, with padding.
    pub(crate) fn is_alb(&self) -> bool {
        self.inner.rules.is_alb()
    }

    /// Returns whether a token is of one of its load balancers.
    pub(crate) fn has_load_balancer_of(&self, token: &[u8]) -> bool {
        self.inner.rules.have_load_balancer_of(token)
    }

    pub(crate) fn max_len(&self) -> usize {
        self.inner.rules.max_len
    }

    /// Verifies a token: from the cache, or else in full, as far as possible without waiting.
    ///
    /// `form` is checked only before a full verification.
    pub(crate) fn start(
        &self,
        token: &[u8],
        form: impl FnOnce(&[u8]) -> Result<(), Error>,
    ) -> Verification {
        if let Some(verification) = self.cached(token).and_then(|known| self.recheck(known)) {
            return verification;
        }
        match form(token) {
            Ok(()) => self.start_in_full(token),
            Err(error) => Now(Err(error)),
        }
    }

    /// Finds a token in the caches; the caller must [recheck](Self::recheck) it.
    fn cached(&self, token: &[u8]) -> Option<Verified> {
        if !self.inner.cache.enabled() {
            return None;
        }
        match thread_cache::find(token, |verifier| verifier == self.inner.id) {
            Some((_, verified)) => Some(verified),
            None => self.find_shared(token),
        }
    }

    /// Finds a token in the shared cache; the caller must [recheck](Self::recheck) it.
    pub(crate) fn find_shared(&self, token: &[u8]) -> Option<Verified> {
        let verified = self.inner.cache.get(token)?;
        thread_cache::remember(self.inner.id, &verified);
        Some(verified)
    }

    /// Re-checks all that may have changed since a cached token was verified: the keys, the lists,
    /// revocation and the clock. `None` if it must be verified in full.
    pub(crate) fn recheck(&self, verified: Verified) -> Option<Verification> {
        let inner = &*self.inner;
        // No fresh keys at the moment, which says nothing about the token.
        if verified.entry().is_signed() && !inner.keys.usable() {
            return None;
        }
        let now = inner.clock.now();
        if !inner.is_current(verified.entry(), now) {
            inner.forget(&verified);
            return None;
        }
        inner.cache.hits.add();
        Some(self.check_lists(verified, Some(now)))
    }

    /// Runs the checks of every use: binding, lists, revocation, clock.
    ///
    /// `found_at` is the time now if the token was found in the cache, `None` after a full
    /// verification.
    #[inline]
    pub(super) fn check_lists(
        &self,
        verified: Verified,
        found_at: Option<Duration>,
    ) -> Verification {
        if verified.confirmation().is_some() && !self.accepts_bound {
            return Now(Err(not_a_bearer_token()));
        }
        match self.lists.recall(&verified) {
            Some(listed) => Now(self.inner.conclude(verified, listed, found_at)),
            None => {
                let Self { inner, lists, .. } = self.clone();
                Verification::later(async move {
                    let listed = lists.ask(&verified).await;
                    // The token may have expired meanwhile.
                    let found_at = found_at.map(|_| inner.clock.now());
                    inner.conclude(verified, listed, found_at)
                })
            }
        }
    }

    /// Verifies in full, as far as possible without waiting.
    pub(crate) fn start_in_full(&self, token: &[u8]) -> Verification {
        let inner = &self.inner;
        inner.cache.misses.add();
        if let Some(introspector) = &inner.introspector
            && self.introspects(token)
        {
            return self.introspect(introspector, token);
        }
        let keys = match inner.keys.current() {
            Keys::Ready(keys) => keys,
            Keys::Waiting => {
                // Nothing is fetched for a token that no key could make valid.
                if let Err(error) = inner.check_form(token) {
                    return Now(Err(error));
                }
                let (this, token) = (self.clone(), token.to_vec());
                return Verification::later(async move {
                    let keys = this.inner.keys.load().await?;
                    let (check, checked) = this.inner.check_here_or_in_pool(&token, &keys);
                    // Just fetched, so an unknown key does not trigger another fetch.
                    let checked = checked.await.map_err(Refused::into_error);
                    this.finish(check, checked, false).await
                });
            }
        };
        let (check, checked) = inner.check_here_or_in_pool(token, &keys);
        let refused = match checked {
            Now(Ok(verified)) => return self.finish(check, Ok(verified), false),
            Now(Err(refused)) => refused,
            Later(checked) => {
                let (this, token) = (self.clone(), token.to_vec());
                return Verification::later(async move {
                    let (checked, is_cached) = match checked.await {
                        Ok(verified) => (Ok(verified), true),
                        Err(refused) => match this.inner.newer_keys(&refused, keys.generation) {
                            Some(newer) => {
                                (this.inner.check_again(&token, refused, newer).await, false)
                            }
                            None => (Err(this.inner.not_refreshed(refused)), false),
                        },
                    };
                    this.finish(check, checked, is_cached).await
                });
            }
        };
        let Some(newer) = inner.newer_keys(&refused, keys.generation) else {
            return self.finish(check, Err(inner.not_refreshed(refused)), false);
        };
        let (this, token) = (self.clone(), token.to_vec());
        Verification::later(async move {
            let checked = this.inner.check_again(&token, refused, newer).await;
            this.finish(check, checked, false).await
        })
    }

    /// Runs the checks of every use after a full verification, and tells the pool the result.
    ///
    /// `known` means that the pool has put the token into the cache.
    fn finish(&self, check: Check, checked: Result<Verified, Error>, known: bool) -> Verification {
        let verification = match checked {
            Ok(verified) => {
                let found_at = known.then(|| self.inner.clock.now());
                self.check_lists(verified, found_at)
            }
            Err(error) => Now(Err(error)),
        };
        match verification {
            Now(answer) => {
                self.inner.note(check, &answer);
                Now(answer)
            }
            Later(answer) => {
                let inner = self.inner.clone();
                Verification::later(async move {
                    let answer = answer.await;
                    inner.note(check, &answer);
                    answer
                })
            }
        }
    }
}

impl Inner {
    /// Whether a cached token would still pass at `now` with the current keys, or its introspection
    /// is recent.
    pub(super) fn is_current(&self, entry: &Entry, now: Duration) -> bool {
        if entry.epoch != self.epochs.of(entry.hash) {
            return false;
        }
        let (key, known_in) = match &entry.evidence {
            Evidence::Signature { key, generation, .. } => (key, generation),
            Evidence::Introspection { usable } => return usable.contains(&now),
        };
        if known_in.load(Ordering::Acquire) == self.keys.generation() {
            return true;
        }
        match self.keys.current() {
            Keys::Ready(found) if found.keys.contains(key) => {
                known_in.store(found.generation, Ordering::Release);
                true
            }
            _ => false,
        }
    }

    /// Combines the lists' result with revocation and clock; `found_at` as in
    /// [`check_lists`](Verifier::check_lists).
    #[inline]
    fn conclude(
        &self,
        verified: Verified,
        listed: Result<(), Error>,
        found_at: Option<Duration>,
    ) -> Result<Verified, Error> {
        let entry = verified.entry();
        // Revocation is checked before expiry: a token that is only expired may be renewed.
        let now = found_at.unwrap_or_else(|| self.clock.now());
        let dated = || entry.window.check(now, &self.rules);
        let answer = match listed {
            Ok(()) if self.revocation.as_ref().is_some_and(|hook| hook.is_revoked(&verified)) => {
                Err(Error::new(ErrorKind::Revoked, "the token is revoked"))
            }
            Ok(()) => dated(),
            // An allow list drops expired tokens, so expiry is the better reason.
            Err(error) if error.kind() == ErrorKind::NotListed => dated().and(Err(error)),
            Err(error) => Err(error),
        };
        match answer {
            Ok(()) => {
                if found_at.is_none() && entry.is_cacheable() {
                    self.cache.insert(entry);
                }
                Ok(verified)
            }
            Err(error) => {
                if found_at.is_some() && error.kind().is_final() {
                    self.forget(&verified);
                }
                Err(error)
            }
        }
    }

    fn forget(&self, verified: &Verified) {
        thread_cache::forget(self.id, verified);
        let entry = verified.entry();
        self.cache.remove(entry.hash, entry.token.as_bytes());
    }
}

debug_fields!(
    Verifier,
    self,
    issuers = self.inner.rules.issuers.names(),
    audiences = self.inner.rules.audiences.names(),
    algorithms = self.inner.rules.algorithms
);
