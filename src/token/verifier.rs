//! One issuer's tokens: verified in full once, recognized afterwards.

use super::builder::VerifierBuilder;
use super::cache::{self, CacheStats, TokenCache};
use super::claims::RegisteredClaims;
use super::keys::{BoxFuture, KeySource, Keys, Snapshot};
use super::memo;
use super::revocation::Revocation;
use super::rules::Rules;
use super::verified::{Decoded, Entry, Text, Verified};
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::jose::jws::Compact;
use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Checks tokens of one kind: signature, header, claims, revocation. Cheap to clone.
///
/// A token that passed is remembered; sent again, it costs a look-up and the re-check of what can
/// change: the clock, the key set, revocation.
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
pub struct Verifier(Arc<Inner>);

pub(crate) struct Inner {
    id: u64,
    pub(crate) rules: Rules,
    pub(crate) keys: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
    revocation: Option<Arc<dyn Revocation>>,
    /// Grows when everything verified so far must be verified again.
    epoch: AtomicU64,
    cache: TokenCache,
}

/// Either the answer, or what has to be waited for: keys from afar.
pub(crate) enum Step {
    Done(Result<Verified, Error>),
    Wait(BoxFuture<Result<Verified, Error>>),
}

impl Step {
    pub(crate) async fn wait(self) -> Result<Verified, Error> {
        match self {
            Self::Done(answer) => answer,
            Self::Wait(answer) => answer.await,
        }
    }
}

impl Verifier {
    /// Begins a verifier; keys and algorithms are the least it needs.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::default()
    }

    pub(crate) fn new(
        rules: Rules,
        keys: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
        revocation: Option<Arc<dyn Revocation>>,
        cache_bytes: u64,
    ) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            rules,
            keys,
            clock,
            revocation,
            epoch: AtomicU64::new(0),
            cache: TokenCache::new(cache_bytes),
        }))
    }

    /// Verifies a token.
    ///
    /// Waits only where keys have to be fetched first; never for a token whose key is known.
    ///
    /// # Errors
    /// The [`ErrorKind`] says which check failed; [`ErrorKind::Unavailable`] where the keys cannot
    /// be had at the moment, which says nothing about the token.
    pub async fn verify(&self, token: &str) -> Result<Verified, Error> {
        let token = token.as_bytes();
        if let Some(answer) = self.recall(token) {
            return answer;
        }
        self.begin(token).wait().await
    }

    /// How the cache of verified tokens is doing.
    pub fn cache_stats(&self) -> CacheStats {
        self.0.cache.stats()
    }

    /// Verifies every token again from now on, as if none had been seen.
    pub fn forget_all(&self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
        self.0.cache.clear();
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    pub(crate) fn issuers(&self) -> &[Box<str>] {
        &self.0.rules.issuers
    }

    pub(crate) fn max_len(&self) -> usize {
        self.0.rules.max_len
    }

    /// Answers from memory, re-checked; `None` where the token must be verified in full.
    pub(crate) fn recall(&self, token: &[u8]) -> Option<Result<Verified, Error>> {
        if !self.0.cache.enabled() {
            return None;
        }
        match memo::find(token, |verifier| verifier == self.0.id) {
            Some((_, verified)) => self.confirm(verified),
            None => self.recall_shared(token),
        }
    }

    /// As [`recall`](Self::recall), from the cache that all threads share.
    pub(crate) fn recall_shared(&self, token: &[u8]) -> Option<Result<Verified, Error>> {
        let verified = self.0.cache.get(token)?;
        memo::remember(self.0.id, &verified);
        self.confirm(verified)
    }

    /// Re-checks what can have changed since the token was verified.
    pub(crate) fn confirm(&self, verified: Verified) -> Option<Result<Verified, Error>> {
        let inner = &*self.0;
        let answer = inner.recheck(&verified);
        match answer {
            Ok(Recheck::Valid) => {
                inner.cache.hits.add();
                Some(Ok(verified))
            }
            Ok(Recheck::KeysMissing) => None,
            Ok(Recheck::Outdated) => {
                inner.forget(&verified);
                None
            }
            Err(error) => {
                if error.kind().is_final() {
                    inner.forget(&verified);
                }
                inner.cache.hits.add();
                Some(Err(error))
            }
        }
    }

    /// Verifies in full, as far as that goes without waiting.
    pub(crate) fn begin(&self, token: &[u8]) -> Step {
        let inner = &self.0;
        inner.cache.misses.add();
        let keys = match inner.keys.current() {
            Keys::Ready(keys) => keys,
            Keys::Waiting => {
                // Nothing is fetched for a token that no key could make valid.
                if let Err(error) = inner.check_form(token) {
                    return Step::Done(Err(error));
                }
                let (inner, token) = (inner.clone(), token.to_vec());
                return Step::Wait(Box::pin(async move {
                    // Just fetched: a key unknown here is unknown there.
                    let keys = inner.keys.load().await?;
                    inner.check(&token, &keys).map_err(Refused::into_error)
                }));
            }
        };
        match inner.check(token, &keys) {
            Err(Refused::UnknownKeyId(error)) => match inner.keys.refresh(keys.generation) {
                None => Step::Done(Err(error)),
                Some(refreshed) => {
                    let (inner, token) = (inner.clone(), token.to_vec());
                    Step::Wait(Box::pin(inner.check_again(token, refreshed)))
                }
            },
            answer => Step::Done(answer.map_err(Refused::into_error)),
        }
    }
}

/// What has become of a verified token.
enum Recheck {
    Valid,
    /// Its key or its epoch is gone: verify it in full.
    Outdated,
    /// No fresh enough keys at the moment: says nothing about the token.
    KeysMissing,
}

/// Why a full verification failed, and whether newer keys might change that.
enum Refused {
    UnknownKeyId(Error),
    Because(Error),
}

impl Refused {
    fn into_error(self) -> Error {
        match self {
            Self::UnknownKeyId(error) | Self::Because(error) => error,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Because(error)
    }
}

impl Inner {
    fn recheck(&self, verified: &Verified) -> Result<Recheck, Error> {
        let entry = verified.entry();
        if entry.epoch != self.epoch.load(Ordering::Acquire) {
            return Ok(Recheck::Outdated);
        }
        if !self.keys.usable() {
            return Ok(Recheck::KeysMissing);
        }
        let generation = self.keys.generation();
        if entry.generation.load(Ordering::Acquire) != generation {
            match self.keys.current() {
                Keys::Ready(found) if found.keys.contains(&entry.key) => {
                    entry.generation.store(found.generation, Ordering::Release);
                }
                _ => return Ok(Recheck::Outdated),
            }
        }
        self.check_revocation(verified)?;
        entry.window.check(self.clock.now(), self.rules.leeway)?;
        Ok(Recheck::Valid)
    }

    fn check_revocation(&self, verified: &Verified) -> Result<(), Error> {
        match &self.revocation {
            Some(revocation) if revocation.is_revoked(verified) => {
                Err(Error::new(ErrorKind::Revoked, "the token was taken back"))
            }
            _ => Ok(()),
        }
    }

    fn forget(&self, verified: &Verified) {
        memo::forget(self.id, verified);
        self.cache.remove(verified.entry());
    }

    /// Everything that can be said without a key.
    fn check_form(&self, token: &[u8]) -> Result<(), Error> {
        let compact = Compact::split(token, self.rules.max_len)?;
        self.rules.check_header(&*compact.header()?)?;
        let payload = compact.payload_text()?;
        let claims = RegisteredClaims::parse(&payload, &self.rules.texts)?;
        self.check_issuer(&claims)
    }

    /// Before any key is looked for: a foreign token must cost nothing more.
    fn check_issuer(&self, claims: &RegisteredClaims<'_>) -> Result<(), Error> {
        match claims.issuer.as_deref() {
            issuer if self.rules.accepts_issuer(issuer) => Ok(()),
            None => Err(Error::new(
                ErrorKind::MissingClaim,
                "the token lacks the required 'iss'",
            )),
            Some(_) => Err(Error::new(
                ErrorKind::InvalidClaim,
                "the token's 'iss' is not what is expected",
            )),
        }
    }

    /// Verifies with keys that are being fetched.
    async fn check_again(
        self: Arc<Self>,
        token: Vec<u8>,
        mut refreshed: BoxFuture<Result<Snapshot, Error>>,
    ) -> Result<Verified, Error> {
        // A fetch that was already under way may have begun before the key was published.
        let mut joined = true;
        loop {
            let keys = refreshed.await?;
            match self.check(&token, &keys) {
                Err(Refused::UnknownKeyId(error)) => match self.keys.refresh(keys.generation) {
                    Some(next) if joined => refreshed = next,
                    _ => return Err(error),
                },
                answer => return answer.map_err(Refused::into_error),
            }
            joined = false;
        }
    }

    /// The full verification (design: parse, issuer, key, signature, claims, lists, cache).
    fn check(
        &self,
        token: &[u8],
        Snapshot { keys, generation }: &Snapshot,
    ) -> Result<Verified, Refused> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let compact = Compact::split(token, self.rules.max_len)?;
        let header = compact.header()?;
        self.rules.check_header(&header)?;
        let payload = compact.payload_text()?;
        let claims = RegisteredClaims::parse(&payload, &self.rules.texts)?;
        self.check_issuer(&claims)?;

        let kid = header.key_id();
        let key = keys
            .select(kid, header.algorithm())
            .map_err(|error| match kid {
                Some(kid) if !keys.has_key_id(kid) => Refused::UnknownKeyId(error),
                _ => Refused::Because(error),
            })?;
        compact.verify(key, header.algorithm())?;

        let window = self.rules.check_claims(&claims)?;
        let text = |text: Option<Cow<'_, str>>| text.map(|text| Text::new(text, &payload));
        let (issuer, subject, token_id) = (
            text(claims.issuer),
            text(claims.subject),
            text(claims.token_id),
        );
        let token = std::str::from_utf8(token)
            .map_err(|_| Error::new(ErrorKind::Malformed, "the token is not ASCII"))?;
        let entry = Arc::new(Entry {
            token: token.into(),
            hash: cache::hash(token.as_bytes()),
            header,
            payload: payload.into_boxed_str(),
            issuer,
            subject,
            token_id,
            window,
            key: *key.id(),
            generation: AtomicU64::new(*generation),
            epoch,
            revocation_id: OnceLock::new(),
            decoded: Decoded::default(),
        });
        let verified = Verified::new(entry.clone());
        // Before the date: what was taken back stays so, and only what is merely expired is renewed.
        self.check_revocation(&verified)?;
        window.check(self.clock.now(), self.rules.leeway)?;
        self.cache.insert(&entry);
        Ok(verified)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.0.rules.issuers)
            .field("audiences", &self.0.rules.audiences)
            .field("algorithms", &self.0.rules.algorithms)
            .finish_non_exhaustive()
    }
}
