//! A key of a ring, as applications see it: what they put in, and what they are told of it.

use super::keys::Entry;
use crate::core::error::Error;
use crate::jose::header::MAX_KID;
use crate::jose::{Algorithm, SigningKey};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a key of a [`KeyRing`](crate::KeyRing) is there for at the moment.
///
/// # Example
/// ```
/// # async fn example(ring: jamguard::KeyRing) -> Result<(), jamguard::Error> {
/// use jamguard::KeyState;
///
/// let keys = ring.keys().await?;
/// let signs = keys.iter().find(|key| key.state() == KeyState::Current);
/// # Ok(()) }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published, so that everybody knows it when it begins to sign.
    Upcoming,
    /// Signs.
    Current,
    /// Signs no more; its tokens are still good.
    Retired,
    /// Taken back: its tokens are refused.
    Revoked,
}

/// A key of a [`KeyRing`](crate::KeyRing), as [`KeyRing::keys`](crate::KeyRing::keys) tells of it.
///
/// # Example
/// ```
/// # async fn example(ring: jamguard::KeyRing) -> Result<(), jamguard::Error> {
/// for key in ring.keys().await? {
///     println!("{} {:?} signs from {:?}", key.key_id(), key.state(), key.current_from());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct KeyInfo {
    pub(super) kid: String,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) state: KeyState,
    /// Unix seconds, as `until`.
    pub(super) since: u64,
    pub(super) until: Option<u64>,
}

fn moment(seconds: u64) -> SystemTime {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.unwrap_or(UNIX_EPOCH)
}

impl KeyInfo {
    /// The key's name, `kid`.
    pub fn key_id(&self) -> &str {
        &self.kid
    }

    /// The algorithm; `None` for a revoked key, of which nothing is kept but its name.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// What the key is there for at the moment.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// From when on it signs, or signed.
    pub fn current_from(&self) -> SystemTime {
        moment(self.since)
    }

    /// From when on its tokens are refused, where that is settled.
    pub fn verifies_until(&self) -> Option<SystemTime> {
        self.until.map(moment)
    }
}

/// A key to put into a [`KeyRing`](crate::KeyRing), with its dates.
///
/// # Example
/// ```
/// use jamguard::{KeyRing, RingKey, jose::{Algorithm, SigningKey}};
/// use std::time::{Duration, SystemTime};
///
/// let (old, new) = (SigningKey::generate(Algorithm::ES512)?, SigningKey::generate(Algorithm::ES512)?);
/// let last_year = SystemTime::now() - Duration::from_secs(365 * 24 * 3600);
/// let ring = KeyRing::builder(Algorithm::ES512)
///     .key(RingKey::new(old).current_from(last_year))         // its tokens verify for a while
///     .key(new)                                               // signs from now on
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RingKey {
    pub(super) key: SigningKey,
    since: Option<SystemTime>,
    expires: Option<SystemTime>,
    /// Whether its tokens name it.
    named: bool,
}

impl RingKey {
    /// A key that signs from now on. Where it has no name, its thumbprint becomes its `kid`; a
    /// secret's is a keyed hash. Who sees that can check guesses at the secret, as who sees a token
    /// can: a secret is safe that was drawn at random, such as by
    /// [`SigningKey::generate`], and no passphrase is.
    pub fn new(key: SigningKey) -> Self {
        Self {
            key,
            since: None,
            expires: None,
            named: true,
        }
    }

    /// The one key of a ring; a secret then needs no name.
    pub(super) fn only(key: SigningKey) -> Self {
        Self {
            named: !key.algorithm().is_symmetric() || key.key_id().is_some(),
            ..Self::new(key)
        }
    }

    /// From when on it signs: earlier than another key's, and it is retired; in the future, and it
    /// is upcoming.
    #[must_use]
    pub fn current_from(mut self, time: SystemTime) -> Self {
        self.since = Some(time);
        self
    }

    /// From when on it neither signs nor verifies.
    #[must_use]
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.expires = Some(time);
        self
    }

    pub(super) fn into_entry(self, now: u64) -> Result<Entry, Error> {
        let seconds = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            since.as_secs()
        };
        let since = self.since.map_or(now, seconds);
        let expires = self.expires.map(seconds);
        if let Some(expires) = expires {
            if expires <= now {
                return Err(Error::configuration(
                    "the key is expired: give a newer one, or a later .expires_at(…)",
                ));
            }
            if expires <= since {
                return Err(Error::configuration(
                    "the key expires before it becomes current: check .current_from(…) and \
                     .expires_at(…)",
                ));
            }
        }
        let kid = match self.key.key_id() {
            Some(kid) => kid.to_owned(),
            // Nobody asks for it by its name, by which guesses at it could be checked.
            None if !self.named => "unnamed".to_owned(),
            None => self.key.fingerprint()?,
        };
        check_key_id(&kid)?;
        let key = match self.named {
            true => self.key.with_key_id(kid.clone()),
            false => self.key,
        };
        Ok(Entry {
            expires,
            ..Entry::new(key, kid, since)?
        })
    }
}

/// As strict as those who will read it.
fn check_key_id(kid: &str) -> Result<(), Error> {
    if !kid.is_empty() && kid.len() <= MAX_KID && !kid.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::configuration(
        "a key's name has 1 to 256 bytes and no control characters",
    ))
}

impl From<SigningKey> for RingKey {
    fn from(key: SigningKey) -> Self {
        Self::new(key)
    }
}
