//! Sets sessions up.

use super::handle::{Sessions, Settings};
use super::memory::Memory;
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::store::{SealingKeys, Store};
use crate::token::list::check_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const DEFAULT_IDLE: Duration = DAY;
const DEFAULT_ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Browsers keep no cookie for longer (RFC 6265bis section 5.5).
const MAX_ABSOLUTE: Duration = Duration::from_secs(400 * 24 * 3600);
const DEFAULT_TOUCH: Duration = Duration::from_secs(60);
const DEFAULT_MAX_BYTES: usize = 64 << 10;
const DEFAULT_CACHE_BYTES: u64 = 32 << 20;

/// What becomes of a session whose data is of another type than the one that is asked for: the
/// application changed while it lived.
///
/// # Example
/// ```
/// use jamguard::{Sessions, SchemaChange, store::MemoryStore};
/// let sessions = Sessions::builder(MemoryStore::new())
///     .on_schema_change(SchemaChange::StartOver)
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaChange {
    /// Reading it is an error of the kind [`ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch), and
    /// handlers with a `Session<T>`, one that logs out among them, answer it with 500, and the log
    /// names the field: the type is wrong, and not the client's cookie. `Session<()>` fits any data.
    /// The data stays as it is, for a version of the application that reads it; serde's `default` reads what an
    /// older one wrote.
    #[default]
    Refuse,
    /// It counts as ended, so that its user begins anew. A handler's `Session<T>` begins with
    /// `T::default()`, and whoever is logged in stays so.
    StartOver,
}

/// Sets [`Sessions`] up.
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
    name: String,
    idle: Duration,
    absolute: Duration,
    touch_every: Option<Duration>,
    keys: Option<SealingKeys>,
    on_schema_change: SchemaChange,
    max_bytes: usize,
    cache_bytes: u64,
    clock: Arc<dyn Clock>,
}

impl SessionsBuilder {
    pub(super) fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            name: "sessions".to_owned(),
            idle: DEFAULT_IDLE,
            absolute: DEFAULT_ABSOLUTE,
            touch_every: None,
            keys: None,
            on_schema_change: SchemaChange::default(),
            max_bytes: DEFAULT_MAX_BYTES,
            cache_bytes: DEFAULT_CACHE_BYTES,
            clock: Arc::new(SystemClock),
        }
    }

    /// Their name in the store, where that holds several kinds; `sessions` unless set. An id of
    /// others means nothing here.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How long a session lives unused; 24 hours unless set: who comes every day stays logged in,
    /// and a device that is left behind is logged out by the next day. OWASP advises 15 to 30
    /// minutes where the stakes are low, and 2 to 5 where they are high.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle = timeout;
        self
    }

    /// How long a session lives after its login, however much it is used; 30 days unless set, the
    /// longest that NIST SP 800-63B section 2.1.3 (AAL1) allows. At most 400 days, because browsers
    /// keep no cookie longer.
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute = timeout;
        self
    }

    /// How often at most a use of a session is written down; once a minute unless set, and with
    /// short idle timeouts ten times in one of those. At most half the idle timeout.
    ///
    /// A session ends idle after the last use that was written: up to this much early, never late.
    pub fn touch_every(mut self, interval: Duration) -> Self {
        self.touch_every = Some(interval);
        self
    }

    /// Encrypts what the store keeps of a session. Sessions that were not encrypted, because they
    /// are from before, have then ended.
    pub fn encrypt(mut self, keys: SealingKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// What becomes of a session whose data is of another type than the one that is asked for;
    /// [`SchemaChange::Refuse`] unless set.
    pub fn on_schema_change(mut self, choice: SchemaChange) -> Self {
        self.on_schema_change = choice;
        self
    }

    /// How many bytes a session's data has at most, as JSON; 64 KiB unless set. More is an error of
    /// the kind [`Configuration`](crate::ErrorKind::Configuration), which a request answers with 500:
    /// give what clients may put there a bound of its own.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How much memory holds sessions as they were last read, so that they need not be decrypted and
    /// parsed again; 32 MiB unless set. The store is asked all the same:
    /// [`Near`](crate::store::Near) is what saves that.
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// By whose wall time sessions end; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<Sessions, Error> {
        check_name(&self.name)?;
        let refuse = |message: &'static str| Err(Error::configuration(message));
        if self.idle < Duration::from_secs(1) {
            return refuse("the idle timeout of sessions is under a second");
        }
        if self.absolute < self.idle {
            return refuse(
                "the idle timeout of sessions is over their absolute timeout: shorten the one or \
                 lengthen the other",
            );
        }
        if self.absolute > MAX_ABSOLUTE {
            return refuse(
                "the absolute timeout of sessions is over 400 days, and browsers keep no cookie so \
                 long",
            );
        }
        let touch_every = match self.touch_every {
            Some(interval) if interval > self.idle / 2 => {
                return refuse(
                    "a session's use is written down too seldom for its idle timeout: give \
                     .touch_every(…) at most half of that",
                );
            }
            Some(interval) => interval,
            None => DEFAULT_TOUCH.min(self.idle / 10),
        };
        Ok(Sessions::new(Settings {
            store: self.store,
            prefix: format!("session/{}/", self.name),
            idle: self.idle,
            absolute: self.absolute,
            touch_every,
            keys: self.keys,
            on_schema_change: self.on_schema_change,
            max_bytes: self.max_bytes,
            memory: Memory::new(self.cache_bytes),
            clock: self.clock,
        }))
    }
}

impl fmt::Debug for SessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsBuilder")
            .field("name", &self.name)
            .field("idle_timeout", &self.idle)
            .field("absolute_timeout", &self.absolute)
            .field("encrypted", &self.keys.is_some())
            .finish_non_exhaustive()
    }
}
