//! Public types of a ring's keys: keys to add, and information about keys.

use crate::core::clock::system_time;
use crate::jose::{Algorithm, SigningKey};
use std::time::{Duration, SystemTime};

/// The state of a key in a [`KeyRing`](crate::KeyRing).
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
    /// Published, so that verifiers know it when it starts to sign.
    Upcoming,
    /// Signs new tokens.
    Current,
    /// No longer signs; its tokens are still valid.
    Retired,
    /// Revoked: its tokens are rejected.
    Revoked,
}

/// Information about a key, as returned by [`KeyRing::keys`](crate::KeyRing::keys).
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
    /// Unix seconds, like `until`.
    pub(super) since: u64,
    pub(super) until: Option<u64>,
}

fn moment(seconds: u64) -> SystemTime {
    system_time(Duration::from_secs(seconds))
}

impl KeyInfo {
    /// Returns the key id, `kid`.
    pub fn key_id(&self) -> &str {
        &self.kid
    }

    /// Returns the algorithm; `None` for a revoked key, of which only the `kid` is kept.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Returns the key's current state.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// Returns when the key starts, or started, to sign.
    pub fn current_from(&self) -> SystemTime {
        moment(self.since)
    }

    /// Returns when its tokens stop being accepted, if that is known.
    pub fn verifies_until(&self) -> Option<SystemTime> {
        self.until.map(moment)
    }
}

/// A key to add to a [`KeyRing`](crate::KeyRing), with its dates.
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
    pub(super) since: Option<SystemTime>,
    pub(super) expires: Option<SystemTime>,
    /// Whether its tokens carry its `kid`.
    pub(super) named: bool,
}

impl RingKey {
    /// Creates a key that signs from now on.
    ///
    /// A key without an id gets its thumbprint as `kid`; for a secret this is a keyed hash. Clients
    /// that see the `kid`, or any token, can check guesses at the secret, so use a random secret
    /// such as from [`SigningKey::generate`], never a passphrase.
    pub fn new(key: SigningKey) -> Self {
        Self { key, since: None, expires: None, named: true }
    }

    /// Creates the only key of a ring; a secret then needs no `kid`.
    pub(super) fn only(key: SigningKey) -> Self {
        Self { named: !key.algorithm().is_symmetric() || key.key_id().is_some(), ..Self::new(key) }
    }

    /// Sets when the key starts to sign.
    ///
    /// A key that started earlier than another is retired; a key with a time in the future is
    /// upcoming.
    #[must_use]
    pub fn current_from(mut self, time: SystemTime) -> Self {
        self.since = Some(time);
        self
    }

    /// Sets when the key stops both signing and verifying.
    #[must_use]
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.expires = Some(time);
        self
    }
}

impl From<SigningKey> for RingKey {
    fn from(key: SigningKey) -> Self {
        Self::new(key)
    }
}
