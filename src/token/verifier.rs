//! Token verifier with a cache of verified tokens.

use super::cache::{CacheStats, TokenCache};
use super::claim_set::{ClaimSet, Text};
use super::confirmation::not_a_bearer_token;
use super::epochs::Epochs;
use super::firebase_emulator::EmulatorSigner;
use super::introspector::Introspector;
use super::issuers::Issuers;
use super::keys::{KeySource, Keys, Snapshot};
use super::list::changes::Marks;
use super::list::{Kind, Lists, TokenList};
use super::rules::Rules;
use super::signature::{self, Refused};
use super::thread_cache;
use super::verified::{Entry, Evidence, Revocation, Verified};
use crate::core::now_or_later::NowOrLater::{self, Now};
use crate::core::{
    BoxFuture, Clock, Error, ErrorKind, PartClock, debug_fields, hash::seeded_hash, millis,
};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

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
}

/// The result of verifying a token. It comes later only from remote keys, introspection or a list's
/// store.
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
    /// Waits only for a fetch of keys, an introspection, or a lookup in a list's store; never if the
    /// key is known and no list needs a lookup.
    ///
    /// # Errors
    /// The [`ErrorKind`] names the failed check. [`ErrorKind::Unavailable`] means that the keys, the
    /// introspection endpoint or a list's store cannot be reached, and says nothing about the token.
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
        if !inner.is_current(verified.entry()) {
            inner.forget(&verified);
            return None;
        }
        inner.cache.hits.add();
        Some(self.check_lists(verified, true))
    }

    /// Runs the checks of every use: binding, lists, revocation, clock. `known` means cached.
    #[inline]
    pub(super) fn check_lists(&self, verified: Verified, known: bool) -> Verification {
        if verified.confirmation().is_some() && !self.accepts_bound {
            return Now(Err(not_a_bearer_token()));
        }
        match self.lists.recall(&verified) {
            Some(listed) => Now(self.inner.conclude(verified, listed, known)),
            None => {
                let Self { inner, lists, .. } = self.clone();
                Verification::later(async move {
                    let listed = lists.ask(&verified).await;
                    inner.conclude(verified, listed, known)
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
                    // Just fetched, so an unknown key does not trigger another fetch.
                    let keys = this.inner.keys.load().await?;
                    let checked = this.inner.check(&token, &keys);
                    let verified = checked.map_err(Refused::into_error)?;
                    this.check_lists(verified, false).await
                });
            }
        };
        let refused = match inner.check(token, &keys) {
            Ok(verified) => return self.check_lists(verified, false),
            Err(refused) => refused,
        };
        let Some(newer) = inner.newer_keys(&refused, keys.generation) else {
            return Now(Err(inner.not_refreshed(refused)));
        };
        let (this, token) = (self.clone(), token.to_vec());
        Verification::later(async move {
            let verified = this.inner.check_again(&token, refused, newer).await?;
            this.check_lists(verified, false).await
        })
    }
}

impl Inner {
    /// Whether a cached token would still pass with the current keys, or its introspection is recent.
    fn is_current(&self, entry: &Entry) -> bool {
        if entry.epoch != self.epochs.of(entry.hash) {
            return false;
        }
        let (key, known_in) = match &entry.evidence {
            Evidence::Signature { key, generation, .. } => (key, generation),
            Evidence::Introspection { usable_until } => {
                return millis(self.clock.monotonic()) < *usable_until;
            }
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

    /// Combines the lists' result with revocation and clock; `known` means cached.
    #[inline]
    fn conclude(
        &self,
        verified: Verified,
        listed: Result<(), Error>,
        known: bool,
    ) -> Result<Verified, Error> {
        let entry = verified.entry();
        // Revocation is checked before expiry: a token that is only expired may be renewed.
        let dated = || entry.window.check(self.clock.now(), &self.rules);
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
                if !known && entry.is_cacheable() {
                    self.cache.insert(entry);
                }
                Ok(verified)
            }
            Err(error) => {
                if known && error.kind().is_final() {
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

    /// Runs the checks that need no key.
    fn check_form(&self, token: &[u8]) -> Result<(), Error> {
        let compact = self.rules.split(token)?;
        self.rules.check_header(&*compact.header()?)?;
        let payload = compact.payload_text()?;
        let mut claims = self.rules.read_claims(&payload)?;
        self.rules.add_header_claims(&compact, &mut claims)?;
        self.rules.check_issuer(&claims)
    }

    /// Returns the error and, if newer keys might change it, why none are fetched.
    fn not_refreshed(&self, refused: Refused) -> Error {
        let error = match refused {
            Refused::Because(error) => return error,
            Refused::UnknownKeyId { error, .. } | Refused::ByKey(error) => error,
        };
        match self.keys.age_note() {
            Some(note) => error.map_message(|message| format!("{message}; {note}")),
            None => error,
        }
    }

    /// Fetches keys newer than generation `seen` if they might change the result.
    fn newer_keys(
        &self,
        refused: &Refused,
        seen: u64,
    ) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        match refused {
            Refused::UnknownKeyId { kid, .. } => self.keys.refresh(seen, kid),
            Refused::ByKey(_) => self.keys.refresh_replaced(seen),
            Refused::Because(_) => None,
        }
    }

    /// Verifies with keys that are being fetched.
    async fn check_again(
        &self,
        token: &[u8],
        mut refused: Refused,
        mut newer: BoxFuture<Result<Snapshot, Error>>,
    ) -> Result<Verified, Error> {
        // A fetch already in progress may have started before the key was published.
        let mut joined = true;
        loop {
            let keys = match (newer.await, refused) {
                (Ok(keys), _) => keys,
                // The known key rejected the token; an outage does not turn that into a 503.
                (Err(_), Refused::ByKey(error)) => return Err(error),
                (Err(error), _) => return Err(error),
            };
            refused = match self.check(token, &keys) {
                Ok(verified) => return Ok(verified),
                Err(refused) => refused,
            };
            newer = match self.newer_keys(&refused, keys.generation) {
                Some(next) if joined => next,
                _ => return Err(self.not_refreshed(refused)),
            };
            joined = false;
        }
    }

    /// Runs all checks whose result is cached: form, issuer, key, signature, claims.
    fn check(
        &self,
        token: &[u8],
        Snapshot { keys, generation }: &Snapshot,
    ) -> Result<Verified, Refused> {
        let hash = seeded_hash(token);
        let epoch = self.epochs.of(hash);
        let emulator = self.firebase_emulator.as_ref();
        let signed = emulator.map(|signer| signer.sign(token, self.rules.max_len)).transpose()?;
        let compact = self.rules.split(signed.as_deref().map_or(token, str::as_bytes))?;
        let header = compact.header()?;
        self.rules.check_header(&header)?;
        let payload = compact.payload_text()?;
        let mut claims = self.rules.read_claims(&payload)?;
        self.rules.add_header_claims(&compact, &mut claims)?;
        // Before key selection, so that a foreign token costs little.
        self.rules.check_issuer(&claims)?;

        let key = signature::verify(&compact, &header, &claims, keys, &self.rules)?;
        let window = self.rules.check_claims(&claims)?;
        let confirmation = self.rules.confirmation(&claims, &payload);
        let issued_in = claims.issued_in;
        let text = |text: Option<Cow<'_, str>>| text.map(|text| Text::new(text, &payload));
        let (issuer, subject, token_id) =
            (text(claims.issuer), text(claims.subject), text(claims.token_id));
        let token = std::str::from_utf8(token)
            .map_err(|_| Error::new(ErrorKind::Malformed, "the token is not ASCII"))?;
        let entry = Arc::new(Entry {
            token: token.into(),
            hash,
            claims: ClaimSet::new(payload, issuer, subject),
            token_id,
            window,
            confirmation,
            issued_in,
            evidence: Evidence::Signature {
                header,
                key: *key.id(),
                generation: AtomicU64::new(*generation),
            },
            epoch,
            revocation_id: OnceLock::new(),
            issuer_verifies_emails: self.rules.issuer_verifies_emails,
            is_alb: self.rules.is_alb(),
            marks: Marks::default(),
        });
        Ok(Verified::new(entry))
    }
}

debug_fields!(
    Verifier,
    self,
    issuers = self.inner.rules.issuers.names(),
    audiences = self.inner.rules.audiences.names(),
    algorithms = self.inner.rules.algorithms
);
