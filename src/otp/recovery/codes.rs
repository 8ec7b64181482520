//! Recovery codes in a store.

use super::sheet::{SHEET, Sheet, check_count, no_codes};
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::otp::attempts::Terms;
use crate::otp::edit::{Edit, edit, key_of};
use crate::store::{NewRecord, Record, Store};
use crate::token::list::check_name;
use std::fmt;
use std::sync::Arc;

/// Recovery codes of users, for applications that keep the secrets of one-time passwords
/// themselves; with [`SecondFactor`](crate::otp::SecondFactor) they are there already. Cheap to
/// clone.
///
/// A user gets ten codes of 120 random bits. The store knows salted hashes of them. Each is good
/// once: of a thousand submissions of it at the same time one passes. Five wrong ones in a row end
/// in a lockout, as with [`OtpGuard`](crate::otp::OtpGuard), and apart from its.
///
/// # Example
/// ```
/// use jamguard::otp::RecoveryCodes;
/// use jamguard::{ErrorKind, store::MemoryStore};
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let recovery = RecoveryCodes::builder(MemoryStore::new()).build()?;
/// let codes = recovery.issue("ann").await?;                  // shown once, to be printed
/// recovery.redeem("ann", codes[0].expose()).await?;
/// assert_eq!(recovery.left("ann").await?, 9);
/// let again = recovery.redeem("ann", codes[0].expose()).await;
/// assert_eq!(again.unwrap_err().kind(), ErrorKind::UsedCode);
/// # Ok(()) }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct RecoveryCodes {
    store: Arc<dyn Store>,
    prefix: Arc<str>,
    count: usize,
    terms: Terms,
    clock: Arc<dyn Clock>,
}

/// Sets [`RecoveryCodes`] up.
///
/// # Example
/// ```
/// use jamguard::{otp::RecoveryCodes, store::MemoryStore};
/// let recovery = RecoveryCodes::builder(MemoryStore::new()).count(16).build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct RecoveryCodesBuilder {
    store: Arc<dyn Store>,
    name: String,
    count: usize,
    terms: Terms,
    clock: Arc<dyn Clock>,
}

impl RecoveryCodesBuilder {
    /// Their name in the store, where that holds several kinds; `codes` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many codes a user gets, 1 to 50; 10 unless set.
    pub fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// After how many wrong codes in a row a user is locked out, 1 to 100; 5 unless set.
    pub fn max_failures(mut self, count: u32) -> Self {
        self.terms.max_failures = count;
        self
    }

    /// For how long, a second to a day; a quarter of an hour unless set, doubled by each wrong code
    /// after it.
    pub fn lockout(mut self, time: std::time::Duration) -> Self {
        self.terms.lockout = time;
        self
    }

    /// By whose wall time lockouts end; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with a message that says what to change.
    pub fn build(self) -> Result<RecoveryCodes, Error> {
        check_name(&self.name)?;
        check_count(self.count)?;
        self.terms.check()?;
        Ok(RecoveryCodes {
            store: self.store,
            prefix: format!("otp-recovery/{}/", self.name).into(),
            count: self.count,
            terms: self.terms,
            clock: self.clock,
        })
    }
}

impl RecoveryCodes {
    /// Begins recovery codes in a store.
    pub fn builder(store: impl Store) -> RecoveryCodesBuilder {
        RecoveryCodesBuilder {
            store: Arc::new(store),
            name: "codes".to_owned(),
            count: SHEET,
            terms: Terms::DEFAULT,
            clock: Arc::new(SystemClock),
        }
    }

    /// New codes for a user; those from before are good no more. Nobody can show them again.
    ///
    /// # Errors
    /// Those of the store; then the user may have the new ones, which nobody knows.
    pub async fn issue(&self, user: &str) -> Result<Vec<Secret>, Error> {
        let (sheet, codes) = Sheet::generate(self.count)?;
        let value = to_bytes(&sheet)?;
        edit(&*self.store, &self.key(user), |_| {
            Ok(Edit::Write(NewRecord::new(value.clone()), ()))
        })
        .await?;
        Ok(codes)
    }

    /// Accepts one of a user's codes, and uses it up. Case, spaces and hyphens do not matter.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`], which counts; [`ErrorKind::UsedCode`] for one of these codes that
    /// was used, which does not; [`ErrorKind::LockedOut`], with the time that is left;
    /// [`ErrorKind::NotEnrolled`] where the user never got codes. Those of the store: then it is
    /// unknown whether the code was right, and it may be used up.
    pub async fn redeem(&self, user: &str, code: &str) -> Result<(), Error> {
        edit(&*self.store, &self.key(user), |record| {
            let before = read(record)?.ok_or_else(no_codes)?;
            let mut sheet = before.clone();
            let answer = sheet.redeem(code, self.clock.now(), &self.terms);
            match sheet == before {
                true => Ok(Edit::Keep(answer)),
                false => Ok(Edit::Write(NewRecord::new(to_bytes(&sheet)?), answer)),
            }
        })
        .await?
    }

    /// How many codes a user has left.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn left(&self, user: &str) -> Result<usize, Error> {
        let record = self.store.get(&self.key(user)).await?;
        Ok(read(record.as_ref())?.map_or(0, |sheet| sheet.left()))
    }

    /// Takes all codes of a user back.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget(&self, user: &str) -> Result<(), Error> {
        self.store.remove(&self.key(user)).await.map(drop)
    }

    fn key(&self, user: &str) -> String {
        key_of(&self.prefix, user)
    }
}

fn to_bytes(sheet: &Sheet) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(sheet).map_err(|_| damaged())
}

fn read(record: Option<&Record>) -> Result<Option<Sheet>, Error> {
    let read = |record: &Record| serde_json::from_slice(record.value()).map_err(|_| damaged());
    record.map(read).transpose()
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::Storage,
        "a user's recovery codes are damaged, or were written by something else",
    )
}

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryCodes")
            .field("prefix", &self.prefix)
            .field("count", &self.count)
            .field("max_failures", &self.terms.max_failures)
            .field("lockout", &self.terms.lockout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RecoveryCodesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryCodesBuilder")
            .field("name", &self.name)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
