//! One list: what is written to it.

use super::builder::TokenListBuilder;
use super::changes::{Changes, SUBJECT, TOKEN};
use super::limits::Limits;
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry::{Counter, Metric};
use crate::jose::jws::Compact;
use crate::store::{Change, NewRecord, Record, Store, Watcher};
use crate::token::builder::MAX_TOKEN_LEN;
use crate::token::claims::RegisteredClaims;
use crate::token::revocation::RevocationId;
use crate::token::verified::Verified;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tokens that are refused before they expire (a deny list), or the only ones that are not (an
/// allow list), in any [`Store`]. Cheap to clone.
///
/// Given to a [`Verifier`](crate::VerifierBuilder::deny_list) or to a whole
/// [`Authenticator`](crate::AuthenticatorBuilder::deny_list), it is asked about every token, seen
/// before or not. A token that was found good is asked about again only when something that
/// concerns it was written, so the question costs nanoseconds; a store that cannot be
/// [watched](Store::watch) is asked each time. Once [`revoke`](Self::revoke) returned, no verifier
/// of the process accepts the token any more; other processes learn of it as fast as their store.
///
/// Over Redis the first look at a token costs a round trip, and so does the one after a write that
/// may concern it; [`Near`](crate::store::Near) in front of Redis spares the latter.
///
/// Tokens are known by their [`RevocationId`], so that no other text of a revoked token passes. An
/// entry lives exactly until its token's `exp` and the [leeway](TokenListBuilder::leeway) after
/// it; that of a token without `exp` stays for ever.
///
/// While the store cannot be asked, tokens are answered with 503
/// ([`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable)), never with "not revoked".
///
/// # Example
/// ```
/// use jamguard::{ErrorKind, TokenList, Verifier, store::MemoryStore};
/// # use jamguard::jose::{Algorithm, SigningKey};
///
/// # async fn example(key: SigningKey, token: &str) -> Result<(), jamguard::Error> {
/// let denied = TokenList::deny(MemoryStore::new()).build()?;
/// let verifier = Verifier::builder()
///     .key(key.verifying_key()?)
///     .algorithms([Algorithm::ES256])
///     .audience("api")
///     .deny_list(denied.clone())
///     .build()?;
///
/// let verified = verifier.verify(token).await?;
/// denied.revoke(&verified).await?;
/// assert_eq!(verifier.verify(token).await.unwrap_err().kind(), ErrorKind::Revoked);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TokenList {
    /// These two here and not behind `list`: the hot path needs no more.
    pub(super) id: u64,
    pub(super) changes: Arc<Changes>,
    pub(super) list: Arc<Inner>,
}

pub(super) struct Settings {
    pub(super) kind: Kind,
    /// Begins all keys of the list.
    pub(super) prefix: String,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
}

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) unchecked: Counter,
    /// Whether the store failed when it was last asked.
    pub(super) failing: AtomicBool,
    /// Listens for as long as the list is there.
    _told: Arc<dyn Fn(Change<'_>) + Send + Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Deny,
    Allow,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

/// How long an entry has to live.
enum Remaining {
    For(Option<Duration>),
    /// What it is about is over.
    Over,
}

/// The second of a moment, the next one where it lies between two.
fn second_after(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}

impl TokenList {
    /// Begins a list of tokens that are refused as [`Revoked`](crate::ErrorKind::Revoked).
    pub fn deny(store: impl Store) -> TokenListBuilder {
        TokenListBuilder::new(Kind::Deny, store)
    }

    /// Begins a list of the only tokens that are accepted; others are
    /// [`NotListed`](crate::ErrorKind::NotListed).
    pub fn allow(store: impl Store) -> TokenListBuilder {
        TokenListBuilder::new(Kind::Allow, store)
    }

    pub(super) fn new(settings: Settings) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let changes = Arc::new(Changes::new());
        let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = {
            let (changes, prefix) = (changes.clone(), settings.prefix.clone());
            Arc::new(move |change| match change {
                Change::Key(key) => {
                    if let Some(key) = key.strip_prefix(&*prefix) {
                        changes.learn(Change::Key(key));
                    }
                }
                change => changes.learn(change),
            })
        };
        // Where it cannot be watched, nothing is ever remembered.
        settings.store.watch(Watcher::new(&told));
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            changes,
            list: Arc::new(Inner {
                settings,
                unchecked: Counter::new(Metric::UncheckedToken),
                failing: AtomicBool::new(false),
                _told: told,
            }),
        }
    }

    /// Enters a token: into a deny list, so that it is refused; into an allow list, so that it is
    /// accepted. A token that expired has no entry.
    ///
    /// # Errors
    /// Those of the store; the entry may then be there nevertheless.
    pub async fn add(&self, token: &Verified) -> Result<(), Error> {
        self.enter(token.revocation_id(), token.entry().window.expires)
            .await
    }

    /// Enters a token by its text, its signature unchecked: one that was just signed.
    ///
    /// Whoever may call this with any text can fill the store.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) and its like where the text is no
    /// token; [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where an allow list
    /// would refuse the token, because it lives
    /// [too long](TokenListBuilder::max_token_lifetime); those of [`add`](Self::add).
    pub async fn add_unverified(&self, token: &str) -> Result<(), Error> {
        let named = parse(token)?;
        if self.settings().kind == Kind::Allow {
            self.check_lifetime(named.expires, named.issued)?;
        }
        self.enter(&named.id, named.expires).await
    }

    /// Whether the list has an entry of the token's own.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn contains(&self, token: &Verified) -> Result<bool, Error> {
        let key = self.token_key(token.revocation_id());
        Ok(self.settings().store.get(&key).await?.is_some())
    }

    /// Removes the token's entry; says whether there was one.
    ///
    /// # Errors
    /// Those of the store; the entry may then be gone nevertheless.
    pub async fn remove(&self, token: &Verified) -> Result<bool, Error> {
        self.strike(token.revocation_id()).await
    }

    /// Takes a token back: enters it into a deny list, removes it from an allow list.
    ///
    /// # Errors
    /// Those of the store; the token may then be taken back or not, so try again.
    pub async fn revoke(&self, token: &Verified) -> Result<(), Error> {
        self.take_back(token.revocation_id(), token.entry().window.expires)
            .await
    }

    /// Takes a token back by its text, its signature unchecked: one that an administrator
    /// pasted, or that another part of the application verified.
    ///
    /// Not for texts out of requests: whoever knows a token's `iss` and `jti` could have it taken
    /// back, and any text fills the store. [Verify](crate::Verifier::verify) those first.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) and its like where the text is no
    /// token; those of [`revoke`](Self::revoke).
    pub async fn revoke_unverified(&self, token: &str) -> Result<(), Error> {
        let named = parse(token)?;
        self.take_back(&named.id, named.expires).await
    }

    /// Takes a token back by its `iss` (empty: it has none) and `jti`. In a deny list the entry
    /// lives until `expires_at`, which must not be before the token's `exp`.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_jti(
        &self,
        issuer: &str,
        token_id: &str,
        expires_at: SystemTime,
    ) -> Result<(), Error> {
        let id = RevocationId::of(Some(issuer), Some(token_id), &[]);
        self.take_back(&id, Some(second_after(expires_at))).await
    }

    /// Takes back every token of this `iss` (empty: they have none) and `sub` that was issued
    /// before a moment: logs somebody out everywhere. The subject of a token without `sub`, as
    /// JAM's are, is its `email`.
    ///
    /// `iat` counts seconds, so a token issued in the very second of `issued_before` is refused
    /// too. So is one without `iat`, for as long as this is remembered: the
    /// [longest lifetime of a token](TokenListBuilder::max_token_lifetime). Called again, the
    /// later moment counts.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    ///
    /// ```
    /// # async fn example(denied: jamguard::TokenList) -> Result<(), jamguard::Error> {
    /// use std::time::SystemTime;
    /// denied.revoke_subject("https://issuer.example", "user 42", SystemTime::now()).await?;
    /// # Ok(()) }
    /// ```
    pub async fn revoke_subject(
        &self,
        issuer: &str,
        subject: &str,
        issued_before: SystemTime,
    ) -> Result<(), Error> {
        let since = issued_before.duration_since(UNIX_EPOCH).unwrap_or_default();
        let settings = self.settings();
        let until = settings.limits.max_lifetime().map(|lifetime| {
            // The token's second may have begun up to a second before the moment.
            let lifetime = lifetime.saturating_add(Duration::from_secs(1));
            since.saturating_add(lifetime).as_secs()
        });
        let Remaining::For(ttl) = self.remaining(until) else {
            return Ok(());
        };
        let id = RevocationId::of_subject(Some(issuer), subject);
        let key = self.subject_key(&id);
        let written = self.raise(&key, Some(since.as_secs()), ttl).await;
        self.changes.note_subject(&id);
        written
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.list.settings
    }

    #[cfg(feature = "config")]
    pub(crate) fn limits(&self) -> &Limits {
        &self.settings().limits
    }

    /// Whether other limits fit the verifiers that use the list.
    #[cfg(feature = "config")]
    pub(crate) fn check_limits(&self, newer: &Limits) -> Result<(), Error> {
        self.limits().check_newer(newer)
    }

    /// Takes over other limits, for whatever is asked from now on.
    #[cfg(feature = "config")]
    pub(crate) fn set_limits(&self, newer: &Limits) {
        self.limits().take(newer);
        // What was found good under the old ones may not be any more.
        self.changes.learn(Change::All);
    }

    pub(super) fn token_key(&self, id: &RevocationId) -> String {
        self.key(TOKEN, id)
    }

    pub(super) fn subject_key(&self, id: &RevocationId) -> String {
        self.key(SUBJECT, id)
    }

    fn key(&self, kind: u8, id: &RevocationId) -> String {
        format!("{}{}{}", self.settings().prefix, kind as char, id.to_text())
    }

    async fn take_back(&self, id: &RevocationId, expires: Option<u64>) -> Result<(), Error> {
        match self.settings().kind {
            Kind::Deny => self.enter(id, expires).await,
            Kind::Allow => self.strike(id).await.map(drop),
        }
    }

    async fn enter(&self, id: &RevocationId, expires: Option<u64>) -> Result<(), Error> {
        let Remaining::For(ttl) = self.remaining(expires) else {
            return Ok(());
        };
        let written = self.raise(&self.token_key(id), None, ttl).await;
        // Also after an error: it may have been written.
        self.changes.note_token(id);
        written
    }

    async fn strike(&self, id: &RevocationId) -> Result<bool, Error> {
        let removed = self.settings().store.remove(&self.token_key(id)).await;
        self.changes.note_token(id);
        removed
    }

    /// The time from now to these Unix seconds and the leeway after them.
    fn remaining(&self, until: Option<u64>) -> Remaining {
        let Some(until) = until else {
            return Remaining::For(None);
        };
        let settings = self.settings();
        let until = Duration::from_secs(until).saturating_add(settings.limits.leeway());
        let left = until.saturating_sub(settings.clock.now());
        if left.is_zero() {
            return Remaining::Over;
        }
        // Stores may count in milliseconds, and must not cut any off.
        let millis = u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Remaining::For(Some(Duration::from_millis(millis)))
    }

    /// Writes an entry, or raises the one that is there to this moment and lifetime.
    async fn raise(
        &self,
        key: &str,
        moment: Option<u64>,
        ttl: Option<Duration>,
    ) -> Result<(), Error> {
        let store = &self.settings().store;
        let value = |moment: Option<u64>| match moment {
            Some(moment) => moment.to_be_bytes().to_vec(),
            None => Vec::new(),
        };
        // Each round in which it does not get through, somebody else did. A store whose reads lag
        // behind its writes needs more.
        const ATTEMPTS: usize = 100;
        for _ in 0..ATTEMPTS {
            let mut record = NewRecord::new(value(moment));
            record.ttl = ttl;
            if store.insert(key, record).await?.is_some() {
                return Ok(());
            }
            let Some(found) = store.get(key).await? else {
                continue;
            };
            let raised = moment.map(|moment| moment.max(moment_of(&found)));
            // `None` is the longest.
            let longer = match (ttl, found.ttl()) {
                (Some(ttl), Some(found)) => Some(ttl.max(found)),
                _ => None,
            };
            let enough = longer == found.ttl() && value(raised) == found.value();
            if enough
                || store
                    .replace(key, found.version(), value(raised), longer)
                    .await?
                    .is_some()
            {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the list's entry is written by too many at once",
        ))
    }
}

/// The moment in a subject's entry; one that cannot be read refuses every token.
pub(super) fn moment_of(record: &Record) -> u64 {
    record
        .value()
        .try_into()
        .map_or(u64::MAX, u64::from_be_bytes)
}

/// What an entry needs of a token, dates in Unix seconds.
struct Named {
    id: RevocationId,
    expires: Option<u64>,
    issued: Option<u64>,
}

/// Reads a token strictly, but for the signature, at which it does not look.
fn parse(token: &str) -> Result<Named, Error> {
    let compact = Compact::split(token.as_bytes(), MAX_TOKEN_LEN)?;
    compact.header()?;
    let payload = compact.payload_text()?;
    let claims = RegisteredClaims::parse(&payload, &[])?;
    let id = RevocationId::of(
        claims.issuer.as_deref(),
        claims.token_id.as_deref(),
        compact.signing_input,
    );
    Ok(Named {
        id,
        expires: claims.expires,
        issued: claims.issued_in,
    })
}

impl fmt::Debug for TokenList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenList")
            .field("kind", &self.settings().kind)
            .field("prefix", &self.settings().prefix)
            .finish_non_exhaustive()
    }
}
