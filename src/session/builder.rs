//! The builder for [`Sessions`].

use super::handle::Sessions;
use super::record_cache::Memory;
use super::settings::{OnTypeMismatch, Settings};
use crate::core::settings::{Time, options, setters};
use crate::core::{
    Clock, Error, PartClock, SystemClock, debug_fields, ensure, name::check_store_name,
};
use crate::store::{SealingKeys, Store};
use std::{sync::Arc, time::Duration};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Browsers keep no cookie longer (RFC 6265bis section 5.5).
const MAX_ABSOLUTE: Duration = Duration::from_secs(400 * 24 * 3600);
const DEFAULT_TOUCH: Duration = Duration::from_secs(60);

options! {
    /// The options of sessions.
    SessionOptions {
        /// Their name in the store. Default: `sessions`.
        name: String = "sessions".to_owned(),
        /// How long a session lives without use. Default: 24 hours, at least 1 s.
        idle_timeout: Time = Time(DAY),
        /// How long a session lives after its login, even while in use. Default: 30 days.
        absolute_timeout: Time = Time(30 * DAY),
        /// Minimum interval between writes of a session's last use. Default: 1 minute.
        touch_every: Option<Time> = None,
        /// Handling of stored data that is not of the requested type. Default: `refuse`.
        on_type_mismatch: OnTypeMismatch = OnTypeMismatch::Refuse,
        /// Maximum size of a session's data, in bytes of JSON. Default: 64 KiB.
        max_bytes: usize = 64 << 10,
        /// Memory for decoded sessions, in bytes. Default: 32 MiB.
        cache_bytes: u64 = 32 << 20,
    }
}

/// A builder for [`Sessions`].
///
/// # Example
/// ```
/// use jamguard::{Sessions, store::{MemoryStore, SealingKeys}};
/// use std::time::Duration;
///
/// # let key = SealingKeys::generate_key()?;
/// let sessions = Sessions::builder(MemoryStore::new())
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .absolute_timeout(Duration::from_secs(12 * 3600))
///     .encrypt(SealingKeys::from_base64url(key.expose())?)
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct SessionsBuilder {
    store: Arc<dyn Store>,
    keys: Option<SealingKeys>,
    clock: Arc<dyn Clock>,
    pub(crate) options: SessionOptions,
}

impl Sessions {
    /// Returns a builder for sessions in this store.
    pub fn builder(store: impl Store) -> SessionsBuilder {
        SessionsBuilder {
            store: Arc::new(store),
            keys: None,
            clock: Arc::new(SystemClock),
            options: SessionOptions::default(),
        }
    }
}

impl SessionsBuilder {
    setters! {
        /// Sets the name of these sessions in the store. Default: `sessions`.
        ///
        /// Use different names for several kinds of sessions in one store: an id of one kind is not
        /// valid for another.
        pub fn name(name: impl Into<String>) { self.options.name = name.into() }

        /// Sets how long a session lives without use, at least 1 second. Default: 24 hours.
        ///
        /// A daily user stays logged in, and a device left behind is logged out by the next day.
        /// OWASP advises 15 to 30 minutes for low-risk and 2 to 5 minutes for high-risk
        /// applications.
        pub fn idle_timeout(timeout: Duration) { self.options.idle_timeout = Time(timeout) }

        /// Sets how long a session lives after its login, even while in use. Default: 30 days.
        ///
        /// The default is the longest that NIST SP 800-63B section 2.1.3 (AAL1) allows. At least
        /// the idle timeout; at most 400 days, because browsers keep no cookie longer.
        pub fn absolute_timeout(timeout: Duration) { self.options.absolute_timeout = Time(timeout) }

        /// Sets the minimum interval between writes of a session's last use. Default: 1 minute.
        ///
        /// For idle timeouts under 10 minutes the default is a tenth of the idle timeout. At most
        /// half the idle timeout.
        ///
        /// The idle timeout runs from the last use that was written: a session ends up to this
        /// interval early, never late.
        pub fn touch_every(interval: Duration) { self.options.touch_every = Some(Time(interval)) }

        /// Encrypts sessions in the store.
        ///
        /// Sessions that were stored unencrypted before are treated as ended.
        pub fn encrypt(keys: SealingKeys) { self.keys = Some(keys) }

        /// Sets how to treat stored data that is not of the requested type.
        ///
        /// Default: [`OnTypeMismatch::Refuse`].
        pub fn on_type_mismatch(choice: OnTypeMismatch) { self.options.on_type_mismatch = choice }

        /// Sets the maximum size of a session's data, in bytes of JSON. Default: 64 KiB.
        ///
        /// More is an error of the kind [`Configuration`](crate::ErrorKind::Configuration), which a
        /// request answers with 500: limit data that clients control separately.
        pub fn max_bytes(bytes: usize) { self.options.max_bytes = bytes }

        /// Sets the memory for decoded sessions, in bytes. Default: 32 MiB.
        ///
        /// It saves decrypting and parsing a record again, but not reading the store:
        /// [`CachedStore`](crate::store::CachedStore) saves that.
        pub fn cache_bytes(bytes: u64) { self.options.cache_bytes = bytes }

        /// Sets the clock whose wall time decides when sessions end. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the sessions.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<Sessions, Error> {
        let options = self.options;
        let (Time(idle), Time(absolute)) = (options.idle_timeout, options.absolute_timeout);
        check_store_name(&options.name)?;
        ensure(
            idle >= Duration::from_secs(1),
            "the idle timeout of sessions is under 1 second: lengthen it",
        )?;
        ensure(
            absolute >= idle,
            "the idle timeout of sessions is over their absolute timeout: shorten the first or \
             lengthen the second",
        )?;
        ensure(
            absolute <= MAX_ABSOLUTE,
            "the absolute timeout of sessions is over 400 days, and browsers keep no cookie so \
             long",
        )?;
        let touch_every = options.touch_every.map(|Time(interval)| interval);
        ensure(
            touch_every.is_none_or(|interval| interval <= idle / 2),
            "the interval of .touch_every(…) is over half the idle timeout: give at most half of \
             it",
        )?;
        Ok(Sessions(Arc::new(Settings {
            store: self.store,
            prefix: format!("session/{}/", options.name),
            idle,
            absolute,
            touch_every: touch_every.unwrap_or_else(|| DEFAULT_TOUCH.min(idle / 10)),
            keys: self.keys,
            on_type_mismatch: options.on_type_mismatch,
            max_bytes: options.max_bytes,
            memory: Memory::new(options.cache_bytes),
            clock: PartClock::new(self.clock),
        })))
    }
}

debug_fields!(
    SessionsBuilder,
    self,
    name = self.options.name,
    idle_timeout = self.options.idle_timeout.0,
    absolute_timeout = self.options.absolute_timeout.0,
    encrypted = self.keys.is_some()
);
