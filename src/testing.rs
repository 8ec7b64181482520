//! Test utilities for applications: signed tokens, a manual clock, and a store acceptance suite.

mod store_suite;

pub use store_suite::{Promise, StoreReport, StoreSuite, store_suite};

use crate::core::{Clock, Error, millis};
use crate::jose::{SigningKey, jws};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{sync::Arc, time::Duration};

/// A [`Clock`] that is moved by hand. Clones share their time.
///
/// # Example
/// ```
/// use jamguard::{Clock, testing::ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::at(1_700_000_000);
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now().as_secs(), 1_700_000_005);
/// clock.set_wall(0);                      // the wall clock jumps, the monotonic one does not
/// assert_eq!(clock.monotonic(), Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    /// Milliseconds.
    wall: AtomicU64,
    monotonic: AtomicU64,
}

impl ManualClock {
    /// Creates a clock with this wall time, in Unix seconds.
    pub fn at(unix_seconds: u64) -> Self {
        let clock = Self::default();
        clock.set_wall(unix_seconds);
        clock
    }

    /// Advances both clocks.
    pub fn advance(&self, by: Duration) {
        let millis = millis(by);
        self.0.wall.fetch_add(millis, Ordering::SeqCst);
        self.0.monotonic.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the wall clock to these Unix seconds; the monotonic clock does not change.
    pub fn set_wall(&self, unix_seconds: u64) {
        let millis = unix_seconds.saturating_mul(1000);
        self.0.wall.store(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.monotonic.load(Ordering::SeqCst))
    }
}

/// Signs any claims as a JWT with header `alg`, `typ: JWT` and the key's `kid`; checks nothing.
///
/// # Errors
/// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if signing fails.
///
/// # Example
/// ```
/// use jamguard::{jose::{Algorithm, SigningKey}, testing};
/// let key = SigningKey::generate(Algorithm::ES512)?;
/// let token = testing::mint(&key, &serde_json::json!({"sub": "42", "exp": 4102444800u64}))?;
/// assert_eq!(token.split('.').count(), 3);
/// # Ok::<(), jamguard::Error>(())
/// ```
pub fn mint(key: &SigningKey, claims: &serde_json::Value) -> Result<String, Error> {
    let mut header = serde_json::json!({"alg": key.algorithm().name(), "typ": "JWT"});
    if let Some(kid) = key.key_id() {
        header["kid"] = kid.into();
    }
    mint_with_header(key, &header, claims.to_string().as_bytes())
}

/// Signs any payload with any header, valid or not, to test its rejection.
///
/// # Errors
/// The error of [`mint`].
///
/// # Example
/// ```
/// # use jamguard::{jose::{Algorithm, SigningKey}, testing};
/// # let key = SigningKey::generate(Algorithm::ES512)?;
/// let unsigned = testing::mint_with_header(&key, &serde_json::json!({"alg": "none"}), b"{}")?;
/// # Ok::<(), jamguard::Error>(())
/// ```
pub fn mint_with_header(
    key: &SigningKey,
    header: &serde_json::Value,
    payload: &[u8],
) -> Result<String, Error> {
    jws::sign_with_header(key, header, payload)
}
