//! Refresh tokens: issuing, rotation, revocation.

use super::family::{Family, Position, REUSED, Terms};
use super::text::Token;
use crate::core::telemetry::{self, Counter};
use crate::core::{
    Attempts, Clock, Error, ErrorKind, OnDrop, Secret, clock::system_time, debug_fields, millis,
};
use crate::store::{NewRecord, Record, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(super) type OnReuse<T> = Box<dyn Fn(&ReuseReport<'_, T>) + Send + Sync>;

/// Opaque, rotating refresh tokens in any [`Store`]. Cheap to clone.
///
/// They let a login outlive the short-lived tokens that the application issues. `T` is data that
/// the application gets back at each refresh.
///
/// A token is 256 random bits. The store keeps only hashes of the token and of its family id, so a
/// dump of the store allows neither using nor ending anything. Each use rotates the token: the
/// response contains the next one. All tokens that follow from one login form a family.
///
/// If an old token is used again, a thief uses it now or used it before, so the whole family is
/// revoked ([`ErrorKind::Reused`]). Within the [grace period](super::RefreshTokensBuilder::grace) the same
/// response is repeated instead: of concurrent requests one rotates, and all get the same new token
/// (RFC 9700 section 4.14.2).
///
/// # Example
/// ```
/// use jamguard::{RefreshTokens, store::MemoryStore};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Device { name: String }
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let refresh = RefreshTokens::<Device>::builder(MemoryStore::new()).build()?;
///
/// // At the login:
/// let token = refresh.issue("user 42", &Device { name: "phone".into() }).await?;
/// // When the access token has expired:
/// let refreshed = refresh.rotate(token.expose()).await?;
/// println!("{} on the {}", refreshed.subject, refreshed.data.name);
/// // At the logout; or everywhere:
/// refresh.revoke(refreshed.token.expose()).await?;
/// refresh.revoke_subject("user 42").await?;
/// # Ok(()) }
/// ```
pub struct RefreshTokens<T = ()>(pub(super) Arc<RefreshState<T>>);

pub(super) struct RefreshState<T> {
    pub(super) store: Arc<dyn Store>,
    /// Prefix of all keys and owners.
    pub(super) prefix: String,
    pub(super) terms: Terms,
    pub(super) on_reuse: Option<OnReuse<T>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) reuses: Counter,
}

/// The result of a refresh.
///
/// # Example
/// ```
/// # use jamguard::{Error, Issuer, RefreshTokens, Secret};
/// # async fn example(refresh: RefreshTokens, issuer: Issuer, sent: &str) -> Result<(), Error> {
/// let refreshed = refresh.rotate(sent).await?;
/// let access_token = issuer.issue(&serde_json::json!({"sub": refreshed.subject})).await?;
/// let refresh_token: Secret = refreshed.token;        // goes to the client with it
/// # Ok(()) }
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub struct Refreshed<T> {
    /// The next token; the one that was sent is used up.
    pub token: Secret,
    /// The subject of the login.
    pub subject: String,
    /// The data given at the login.
    pub data: T,
    /// When the token expires if it is not used before.
    pub expires_at: SystemTime,
}

/// A family that was revoked because an old token of it was used again.
///
/// # Example
/// ```
/// use jamguard::ReuseReport;
///
/// /// Pass this to `.on_reuse(…)`.
/// fn warn(reuse: &ReuseReport<'_, ()>) {
///     eprintln!("an old refresh token of {} came again", reuse.subject);
/// }
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub struct ReuseReport<'a, T> {
    /// The subject of the login.
    pub subject: &'a str,
    /// The data given at the login.
    pub data: &'a T,
}

impl<T> RefreshTokens<T> {
    /// Revokes the family of a token, whichever of its tokens this is: a logout.
    ///
    /// Succeeds if the family has already ended.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if the text is not a refresh token, with the same response as for
    /// errors of [`rotate`](Self::rotate), and the store's errors.
    pub async fn revoke(&self, token: &str) -> Result<(), Error> {
        let key = self.key(&Token::parse(token).map_err(Error::about_grant)?);
        self.0.store.remove(&key).await.map(drop)
    }

    /// Revokes all families of a subject, on all devices. Returns how many.
    ///
    /// # Errors
    /// Returns the store's errors.
    pub async fn revoke_subject(&self, subject: &str) -> Result<u64, Error> {
        self.0.store.remove_owned(&self.owner(subject)).await
    }

    fn key(&self, token: &Token) -> String {
        format!("{}{}", self.0.prefix, token.family_hash())
    }

    /// Prefixed, because other records in the store may have owners of the same name.
    fn owner(&self, subject: &str) -> String {
        format!("{}{subject}", self.0.prefix)
    }

    fn now(&self) -> u64 {
        millis(self.0.clock.now())
    }

    fn report(&self, family: &Family<T>) {
        self.0.reuses.add();
        telemetry::warn(
            "an old refresh token was used again: its family is revoked",
            &"the token was probably stolen",
        );
        if let Some(hook) = &self.0.on_reuse {
            hook(&ReuseReport { subject: &family.subject, data: &family.data });
        }
    }
}

impl<T: Serialize + DeserializeOwned> RefreshTokens<T> {
    /// Issues the first token of a new family, at a subject's login.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the data does not serialize to JSON, and the store's errors.
    pub async fn issue(&self, subject: &str, data: &T) -> Result<Secret, Error> {
        let token = Token::generate()?;
        let now = self.now();
        let family = Family::new(subject, data, &token, now, &self.0.terms);
        let record = NewRecord::new(family.to_bytes()?)
            .expires_after(family.ttl(now))
            .owned_by(self.owner(subject));
        match self.0.store.insert(&self.key(&token), record).await? {
            Some(_) => Ok(token.to_secret()),
            // A 128-bit random id does not collide.
            None => Err(Error::new(
                ErrorKind::Internal,
                "two random ids are equal: the system's random source is broken",
            )),
        }
    }

    /// Uses up a token and returns the next one.
    ///
    /// A handler that returns the error with `?` responds like a token endpoint: `400
    /// {"error":"invalid_grant"}` (RFC 6749 section 5.2), or 503 if the store is unavailable.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if the text is not a refresh token; [`ErrorKind::Revoked`] if its
    /// family is unknown, because it has ended or never existed; [`ErrorKind::Expired`];
    /// [`ErrorKind::Reused`] if the token was used before, which revokes its family;
    /// [`ErrorKind::ClaimsMismatch`] if the stored data does not decode into `T`; and the store's
    /// errors, after which the token is either unused, or was rotated and gets its response again
    /// within the grace period.
    pub async fn rotate(&self, token: &str) -> Result<Refreshed<T>, Error> {
        self.use_up(token).await.map_err(Error::about_grant)
    }

    async fn use_up(&self, token: &str) -> Result<Refreshed<T>, Error> {
        let token = Token::parse(token)?;
        let key = self.key(&token);
        let mut attempts = Attempts::at("the refresh token");
        loop {
            attempts.next()?;
            let Some(record) = self.0.store.get(&key).await? else {
                return Err(Error::new(
                    ErrorKind::Revoked,
                    "unknown refresh token: it was revoked or never issued; log in again",
                ));
            };
            if let Some(answer) = self.rotate_as(&token, &key, &record).await? {
                return Ok(answer);
            }
        }
    }

    /// Decides by the record that was read; `None` if it has changed since.
    async fn rotate_as(
        &self,
        token: &Token,
        key: &str,
        record: &Record,
    ) -> Result<Option<Refreshed<T>>, Error> {
        let RefreshState { store, terms, .. } = &*self.0;
        if record.value() == REUSED {
            return Err(reused());
        }
        let mut family = Family::<T>::from_bytes(record.value())?;
        let now = self.now();
        if now >= family.expires {
            return Err(Error::new(ErrorKind::Expired, "the refresh token is expired"));
        }
        let next = match family.position(token, now, terms) {
            Position::Followed(next) => next,
            Position::Current => {
                let next = family.rotate(token, now, terms)?;
                let (value, ttl) = (family.to_bytes()?, family.ttl(now));
                let replaced = store.replace(key, record.version(), value, Some(ttl));
                if replaced.await?.is_none() {
                    return Ok(None);
                }
                next
            }
            Position::Unknown => {
                // Conditional on the version, so that a token newer than the record read ends
                // nothing.
                let ttl = Duration::from_millis(family.ends.saturating_sub(now));
                let ended = store.replace(key, record.version(), REUSED.to_vec(), Some(ttl));
                // Dropping this reports the reuse, also if the store fails or the future is
                // dropped: the family may have ended, and no other request would report it.
                let report = OnDrop::new(move || self.report(&family));
                if ended.await?.is_none() {
                    report.disarm();
                    return Ok(None);
                }
                return Err(reused());
            }
        };
        Ok(Some(Refreshed {
            token: next.to_secret(),
            subject: family.subject,
            data: family.data,
            expires_at: system_time(Duration::from_millis(family.expires)),
        }))
    }
}

fn reused() -> Error {
    Error::new(
        ErrorKind::Reused,
        "the refresh token was used before: its family is revoked, log in again",
    )
}

impl<T> Clone for RefreshTokens<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

debug_fields!(RefreshTokens<T>, self, prefix = self.0.prefix);
