//! Token list: writing entries.

use super::changes::{Changes, SUBJECT, TOKEN};
use super::limits::Limits;
use crate::core::clock::{millis_up, since_epoch};
use crate::core::{Clock, Error, PartClock, debug_fields, telemetry::Counter};
use crate::jose::jws::Compact;
use crate::store::{Change, NewRecord, Record, Store, update};
use crate::token::{
    registered::{Leniency, RegisteredClaims},
    revocation::RevocationId,
    rules::MAX_TOKEN_LEN,
    verified::Verified,
};
use std::time::{Duration, SystemTime};
use std::{sync::Arc, sync::atomic::AtomicBool};

/// A deny list or allow list of tokens in any [`Store`]. Cheap to clone.
///
/// Tokens in a deny list are rejected before they expire; with an allow list, only its tokens are
/// accepted. A list given to a [`Verifier`](crate::VerifierBuilder::deny_list) or to a whole
/// [`Authenticator`](crate::AuthenticatorBuilder::deny_list) is checked for every token, cached or
/// not.
///
/// A token that passed is looked up again only after a write that may concern it, so a check costs
/// nanoseconds; a store that cannot be [watched](Store::watch) is asked each time. Once
/// [`revoke`](Self::revoke) returns, no verifier of the process accepts the token; other processes
/// are notified as fast as their store allows.
///
/// Over Redis the first lookup of a token costs a round trip, and so does the one after a write
/// that may concern it; [`CachedStore`](crate::store::CachedStore) in front of Redis saves the latter.
/// Give its [`max_absent_bytes`](crate::store::CachedStoreBuilder::max_absent_bytes) about 1 KiB for
/// each token in use: most answers of a deny list are "no record".
///
/// Tokens are identified by their [`RevocationId`], so that no other text of a revoked token
/// passes. An entry lives exactly until its token's `exp` plus the
/// [leeway](super::TokenListBuilder::leeway); the entry of a token without `exp` never expires.
///
/// While the store is unavailable, requests with tokens get a 503
/// ([`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable)), never "not revoked".
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
    /// These two are outside `list` because the hot path needs nothing else.
    pub(super) id: u64,
    pub(super) changes: Arc<Changes>,
    pub(super) list: Arc<ListState>,
}

pub(super) struct ListState {
    pub(super) kind: Kind,
    /// Prefix of all keys of the list.
    pub(super) prefix: String,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<PartClock>,
    pub(super) limits: Limits,
    pub(super) unchecked: Counter,
    /// Whether the store failed at the last request.
    pub(super) failing: AtomicBool,
    /// Keeps the store's watcher alive as long as the list.
    pub(super) _watcher: Arc<dyn Fn(Change<'_>) + Send + Sync>,
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

/// The remaining life of an entry.
enum Remaining {
    For(Option<Duration>),
    /// The token or subject revocation has already ended.
    Over,
}

/// Returns a time in Unix seconds, rounded up.
fn second_after(time: SystemTime) -> u64 {
    let since = since_epoch(time);
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}

impl TokenList {
    /// Adds a token to the list. An expired token gets no entry.
    ///
    /// A token in a deny list is rejected; a token in an allow list is accepted.
    ///
    /// # Errors
    /// Returns the store's errors; the entry may have been written nevertheless.
    pub async fn add(&self, token: &Verified) -> Result<(), Error> {
        self.add_entry(token.revocation_id(), token.entry().window.expires).await
    }

    /// Adds a token by its text without checking its signature: one that was just signed.
    ///
    /// Do not pass text from requests: each one adds an entry, which could fill the store.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) and related kinds if the text is not a
    /// token; [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if an allow list would
    /// reject the token because it lives [too long](super::TokenListBuilder::max_token_lifetime); and the
    /// errors of [`add`](Self::add).
    pub async fn add_unverified(&self, token: &str) -> Result<(), Error> {
        let named = parse(token)?;
        if self.list.kind == Kind::Allow {
            self.check_lifetime(named.expires, named.issued)?;
        }
        self.add_entry(&named.id, named.expires).await
    }

    /// Returns whether the list has an entry for this token. Subject entries are ignored.
    ///
    /// # Errors
    /// Returns the store's errors.
    pub async fn contains(&self, token: &Verified) -> Result<bool, Error> {
        let key = self.token_key(token.revocation_id());
        Ok(self.list.store.get(&key).await?.is_some())
    }

    /// Removes the token's entry. Returns whether it existed.
    ///
    /// # Errors
    /// Returns the store's errors; the entry may have been removed nevertheless.
    pub async fn remove(&self, token: &Verified) -> Result<bool, Error> {
        self.remove_entry(token.revocation_id()).await
    }

    /// Revokes a token: adds it to a deny list, removes it from an allow list.
    ///
    /// # Errors
    /// Returns the store's errors; the token may be revoked or not, so try again.
    pub async fn revoke(&self, token: &Verified) -> Result<(), Error> {
        self.revoke_id(token.revocation_id(), token.entry().window.expires).await
    }

    /// Revokes a token by its text without checking its signature.
    ///
    /// Use it for a token that an administrator pasted or another part of the application verified,
    /// not for text from requests: a user who knows a token's `iss` and `jti` could revoke it, and
    /// any text adds an entry, which could fill the store. [Verify](crate::Verifier::verify) such
    /// tokens first.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) and related kinds if the text is not a
    /// token, and the errors of [`revoke`](Self::revoke).
    pub async fn revoke_unverified(&self, token: &str) -> Result<(), Error> {
        let named = parse(token)?;
        self.revoke_id(&named.id, named.expires).await
    }

    /// Revokes a token by its `iss` and `jti`; an empty `issuer` means no `iss`.
    ///
    /// In a deny list the entry lives until `expires_at`, which must not be before the token's
    /// `exp`.
    ///
    /// # Errors
    /// Returns the errors of [`revoke`](Self::revoke).
    pub async fn revoke_jti(
        &self,
        issuer: &str,
        token_id: &str,
        expires_at: SystemTime,
    ) -> Result<(), Error> {
        let id = RevocationId::of(Some(issuer), Some(token_id), &[]);
        self.revoke_id(&id, Some(second_after(expires_at))).await
    }

    /// Revokes a subject's tokens issued before a time: logs a user out everywhere.
    ///
    /// Tokens match by `iss` (empty: no `iss`) and `sub`. The subject of a token without `sub`,
    /// such as a JAM token, is its `email`.
    ///
    /// `iat` has a resolution of one second, so a token issued in the same second as
    /// `issued_before` is rejected too, and so is a token without `iat`. The revocation is
    /// remembered for the [longest token lifetime](super::TokenListBuilder::max_token_lifetime). After
    /// several calls the latest time applies.
    ///
    /// # Errors
    /// Returns the errors of [`revoke`](Self::revoke).
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
        let since = since_epoch(issued_before);
        let until = self.max_lifetime().map(|lifetime| {
            // `iat` may lie up to a second before `issued_before`.
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

    pub(super) fn token_key(&self, id: &RevocationId) -> String {
        self.key(TOKEN, id)
    }

    pub(super) fn subject_key(&self, id: &RevocationId) -> String {
        self.key(SUBJECT, id)
    }

    fn key(&self, kind: u8, id: &RevocationId) -> String {
        format!("{}{}{}", self.list.prefix, kind as char, id.to_text())
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.list.limits
    }

    /// The longest lifetime of a token, if there is a limit.
    pub(super) fn max_lifetime(&self) -> Option<Duration> {
        Some(self.limits().get().max_lifetime).filter(|most| *most != Duration::MAX)
    }

    async fn revoke_id(&self, id: &RevocationId, expires: Option<u64>) -> Result<(), Error> {
        match self.list.kind {
            Kind::Deny => self.add_entry(id, expires).await,
            Kind::Allow => self.remove_entry(id).await.map(drop),
        }
    }

    async fn add_entry(&self, id: &RevocationId, expires: Option<u64>) -> Result<(), Error> {
        let Remaining::For(ttl) = self.remaining(expires) else {
            return Ok(());
        };
        let written = self.raise(&self.token_key(id), None, ttl).await;
        // Also after an error: the entry may have been written.
        self.changes.note_token(id);
        written
    }

    async fn remove_entry(&self, id: &RevocationId) -> Result<bool, Error> {
        let removed = self.list.store.remove(&self.token_key(id)).await;
        self.changes.note_token(id);
        removed
    }

    /// Returns the time from now until `until` (Unix seconds) plus the leeway.
    fn remaining(&self, until: Option<u64>) -> Remaining {
        let Some(until) = until else {
            return Remaining::For(None);
        };
        let until = Duration::from_secs(until).saturating_add(self.limits().get().leeway);
        let left = until.saturating_sub(self.list.clock.now());
        if left.is_zero() {
            return Remaining::Over;
        }
        // Rounded up, because stores may have a resolution of one millisecond.
        Remaining::For(Some(Duration::from_millis(millis_up(left))))
    }

    /// Writes an entry, or raises the existing one to this time and lifetime.
    async fn raise(
        &self,
        key: &str,
        moment: Option<u64>,
        ttl: Option<Duration>,
    ) -> Result<(), Error> {
        let store = &*self.list.store;
        let entry = |moment: Option<u64>, ttl| {
            let value = moment.map_or(Vec::new(), |moment| moment.to_be_bytes().to_vec());
            NewRecord { ttl, ..NewRecord::new(value) }
        };
        // Most entries are new: one round trip.
        if store.insert(key, entry(moment, ttl)).await?.is_some() {
            return Ok(());
        }
        let raised = update(store, key, "the list's entry", |found| {
            let Some(found) = found else {
                return Ok((Some(entry(moment, ttl)), ()));
            };
            // `None` is the longest.
            let longer = ttl.zip(found.ttl()).map(|(ttl, left)| ttl.max(left));
            let raised = entry(moment.map(|moment| moment.max(moment_of(found))), longer);
            let is_enough = longer == found.ttl() && raised.value == found.value();
            Ok(((!is_enough).then_some(raised), ()))
        });
        raised.await.map(drop)
    }
}

/// Returns the time in a subject's entry; an unreadable entry revokes every token.
pub(super) fn moment_of(record: &Record) -> u64 {
    record.value().try_into().map_or(u64::MAX, u64::from_be_bytes)
}

/// The parts of a token that an entry needs. Times are Unix seconds.
struct Named {
    id: RevocationId,
    expires: Option<u64>,
    issued: Option<u64>,
}

/// Parses a token strictly, without checking its signature.
fn parse(token: &str) -> Result<Named, Error> {
    let compact = Compact::split(token.as_bytes(), MAX_TOKEN_LEN)?;
    compact.header()?;
    let payload = compact.payload_text()?;
    let claims = RegisteredClaims::parse_leniently(&payload, &[], Leniency::ALL)?;
    let id = RevocationId::of(
        claims.issuer.as_deref(),
        claims.token_id.as_deref(),
        compact.signing_input,
    );
    Ok(Named { id, expires: claims.expires, issued: claims.issued_in })
}

debug_fields!(TokenList, self, kind = self.list.kind, prefix = self.list.prefix);
