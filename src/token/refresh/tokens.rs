//! Issues, rotates and ends refresh tokens.

use super::builder::RefreshTokensBuilder;
use super::family::{Family, Place, REUSED, Terms, millis};
use super::text::Token;
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::telemetry::{self, Counter, Metric};
use crate::store::{NewRecord, Record, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) type OnReuse<T> = Box<dyn Fn(&Reuse<'_, T>) + Send + Sync>;

/// Opaque refresh tokens, kept in any [`Store`]: by them a login outlives the short tokens that an
/// application issues. Cheap to clone. `T` is what the application wants to know again at each
/// refresh.
///
/// A token is 256 random bits, of which the store keeps a hash, as it does of the family's name: a
/// dump of the store neither uses nor ends anything. Each use rotates it: the answer
/// brings the token for the next time. Those that follow from one login are a family; an old one
/// that comes again was stolen, or somebody used the stolen one before, so the whole family ends
/// ([`ErrorKind::Reused`]). Only within the [grace](RefreshTokensBuilder::grace) the same answer is
/// given again: of requests at the same time one rotates, and all get the same new token (RFC 9700
/// section 4.14.2).
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
/// // Whenever the access token is over:
/// let refreshed = refresh.rotate(token.expose()).await?;
/// println!("{} on the {}", refreshed.subject, refreshed.data.name);
/// // At the logout; or everywhere:
/// refresh.revoke(refreshed.token.expose()).await?;
/// refresh.revoke_subject("user 42").await?;
/// # Ok(()) }
/// ```
pub struct RefreshTokens<T = ()>(Arc<Inner<T>>);

struct Inner<T> {
    store: Arc<dyn Store>,
    /// Begins all keys and owners.
    prefix: String,
    terms: Terms,
    on_reuse: Option<OnReuse<T>>,
    clock: Arc<dyn Clock>,
    reuses: Counter,
}

/// The answer to a refresh token.
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
    /// The token for the next time; the one that was sent is used up.
    pub token: Secret,
    /// Whose it is.
    pub subject: String,
    /// What the application gave at the login.
    pub data: T,
    /// When it ends, if it is not used before.
    pub expires_at: SystemTime,
}

/// A family that was ended because an old token of it came again.
///
/// # Example
/// ```
/// use jamguard::Reuse;
///
/// /// To be given to `.on_reuse(…)`.
/// fn warn(reuse: &Reuse<'_, ()>) {
///     eprintln!("an old refresh token of {} came again", reuse.subject);
/// }
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub struct Reuse<'a, T> {
    /// Whose it was.
    pub subject: &'a str,
    /// What the application gave at the login.
    pub data: &'a T,
}

impl<T> RefreshTokens<T> {
    /// Begins refresh tokens in a store.
    pub fn builder(store: impl Store) -> RefreshTokensBuilder<T> {
        RefreshTokensBuilder::new(store)
    }

    pub(super) fn new(
        store: Arc<dyn Store>,
        prefix: String,
        terms: Terms,
        on_reuse: Option<OnReuse<T>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            prefix,
            terms,
            on_reuse,
            clock,
            reuses: Counter::new(Metric::RefreshTokenReuse),
        }))
    }

    /// Ends the family of a token, whichever of its tokens this is: a logout. Not an error where
    /// it ended before.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for what is no refresh token, answered as those of
    /// [`rotate`](Self::rotate); those of the store.
    pub async fn revoke(&self, token: &str) -> Result<(), Error> {
        let key = self.key(&Token::parse(token).map_err(Error::about_grant)?);
        self.0.store.remove(&key).await.map(drop)
    }

    /// Ends all families of a subject, so that no device of theirs stays logged in; says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn revoke_subject(&self, subject: &str) -> Result<u64, Error> {
        self.0.store.remove_owned(&self.owner(subject)).await
    }

    fn key(&self, token: &Token) -> String {
        format!("{}{}", self.0.prefix, token.family_hash())
    }

    /// With the prefix: a store's owners are shared with whatever else it keeps.
    fn owner(&self, subject: &str) -> String {
        format!("{}{subject}", self.0.prefix)
    }

    fn now(&self) -> u64 {
        millis(self.0.clock.now())
    }

    fn report(&self, family: &Family<T>) {
        self.0.reuses.add();
        telemetry::warn(
            "an old refresh token came again: its family has ended",
            &"somebody has a token that is not theirs",
        );
        if let Some(hook) = &self.0.on_reuse {
            hook(&Reuse {
                subject: &family.subject,
                data: &family.data,
            });
        }
    }
}

impl<T: Serialize + DeserializeOwned> RefreshTokens<T> {
    /// The first token of a new family: a login of this subject.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the data is no JSON; those of the store.
    pub async fn issue(&self, subject: &str, data: &T) -> Result<Secret, Error> {
        let token = Token::generate()?;
        let now = self.now();
        let family = Family::new(subject, data, &token, now, &self.0.terms);
        let record = NewRecord::new(family.to_bytes()?)
            .expires_after(family.ttl(now))
            .owned_by(self.owner(subject));
        match self.0.store.insert(&self.key(&token), record).await? {
            Some(_) => Ok(token.to_secret()),
            // Not in this universe's lifetime.
            None => Err(Error::new(
                ErrorKind::Internal,
                "two random names are the same: the system's random source is broken",
            )),
        }
    }

    /// Uses a token up, and gives the one that follows it.
    ///
    /// A handler that returns the error with `?` answers as a token endpoint does:
    /// `400 {"error":"invalid_grant"}` (RFC 6749 section 5.2), or 503 where the store is down.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for what is no refresh token; [`ErrorKind::Revoked`] where its
    /// family is unknown: ended, or never there; [`ErrorKind::Expired`]; [`ErrorKind::Reused`]
    /// where the token was used before, which ends its family;
    /// [`ErrorKind::ClaimsMismatch`] where the data is no `T` any more; those of the store, and
    /// then the token is as it was, or was rotated and is answered again within the grace.
    pub async fn rotate(&self, token: &str) -> Result<Refreshed<T>, Error> {
        self.use_up(token).await.map_err(Error::about_grant)
    }

    async fn use_up(&self, token: &str) -> Result<Refreshed<T>, Error> {
        // Each failed replacement means that another use got through. A store whose reads lag
        // behind its writes needs more.
        const ATTEMPTS: usize = 100;
        let token = Token::parse(token)?;
        let key = self.key(&token);
        for _ in 0..ATTEMPTS {
            let Some(record) = self.0.store.get(&key).await? else {
                return Err(Error::new(
                    ErrorKind::Revoked,
                    "no such refresh token: it ended, or never was",
                ));
            };
            if let Some(answer) = self.rotate_as(&token, &key, &record).await? {
                return Ok(answer);
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the refresh token is used by too many at once",
        ))
    }

    /// Decides by the record as it was read; `None` where that has changed since.
    async fn rotate_as(
        &self,
        token: &Token,
        key: &str,
        record: &Record,
    ) -> Result<Option<Refreshed<T>>, Error> {
        let Inner { store, terms, .. } = &*self.0;
        if record.value() == REUSED {
            return Err(reused());
        }
        let mut family = Family::<T>::from_bytes(record.value())?;
        let now = self.now();
        if now >= family.expires {
            return Err(Error::new(
                ErrorKind::Expired,
                "the refresh token is expired",
            ));
        }
        let next = match family.place(token, now, terms) {
            Place::Followed(next) => next,
            Place::Current => {
                let next = family.rotate(token, now, terms)?;
                let (value, ttl) = (family.to_bytes()?, family.ttl(now));
                let replaced = store.replace(key, record.version(), value, Some(ttl));
                if replaced.await?.is_none() {
                    return Ok(None);
                }
                next
            }
            Place::Unknown => {
                // By its version, so that a token newer than what was read ends nothing.
                let ttl = Duration::from_millis(family.ends.saturating_sub(now));
                let ended = store.replace(key, record.version(), REUSED.to_vec(), Some(ttl));
                // Also where the answer fails or is not waited for: the family may have ended, and
                // then nobody else tells.
                let ending = Ending(Some((self, family)));
                if ended.await?.is_none() {
                    ending.did_not_happen();
                    return Ok(None);
                }
                return Err(reused());
            }
        };
        Ok(Some(Refreshed {
            token: next.to_secret(),
            subject: family.subject,
            data: family.data,
            expires_at: UNIX_EPOCH
                .checked_add(Duration::from_millis(family.expires))
                .unwrap_or(UNIX_EPOCH),
        }))
    }
}

/// Reports a reuse when it goes, unless somebody else changed the family first.
struct Ending<'a, T>(Option<(&'a RefreshTokens<T>, Family<T>)>);

impl<T> Ending<'_, T> {
    fn did_not_happen(mut self) {
        self.0 = None;
    }
}

impl<T> Drop for Ending<'_, T> {
    fn drop(&mut self) {
        if let Some((tokens, family)) = &self.0 {
            tokens.report(family);
        }
    }
}

fn reused() -> Error {
    Error::new(
        ErrorKind::Reused,
        "the refresh token was used before: all that followed from its login has ended",
    )
}

impl<T> Clone for RefreshTokens<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for RefreshTokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokens")
            .field("prefix", &self.0.prefix)
            .finish_non_exhaustive()
    }
}
