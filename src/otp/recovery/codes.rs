//! [`RecoveryCodes`]: issues and redeems recovery codes.

use super::record::{SHEET, Sheet, check_count, no_codes};
use crate::core::settings::{Time, options, setters};
use crate::core::{Clock, Error, Secret, SystemClock, debug_fields, name::check_store_name};
use crate::otp::attempts::Terms;
use crate::otp::user_records::{UserRecords, read_record, record_bytes};
use crate::store::{NewRecord, Record, Store};
use std::sync::Arc;

/// Recovery codes for applications that keep the secrets themselves. Cheap to clone.
///
/// [`SecondFactor`](crate::otp::SecondFactor) includes them already.
///
/// A user gets ten codes of 120 random bits; the store keeps salted hashes. Each code is accepted
/// once: of a thousand concurrent submissions one succeeds. Five wrong ones in a row cause a
/// lockout as in [`OtpGuard`](crate::otp::OtpGuard), but separately.
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
    records: UserRecords,
    count: usize,
    terms: Terms,
    clock: Arc<dyn Clock>,
}

options! {
    /// The options of recovery codes.
    RecoveryOptions {
        /// Their name in the store. Default: `codes`.
        name: String = "codes".to_owned(),
        /// Codes per user, 1 to 50. Default: 10.
        count: usize = SHEET,
        /// Wrong codes in a row that lock a user out, 1 to 100. Default: 5.
        max_failures: u32 = Terms::DEFAULT.max_failures,
        /// First lockout, 1 s to 1 day; each further wrong code doubles it. Default: 15 minutes.
        lockout: Time = Time(Terms::DEFAULT.lockout),
    }
}

/// A builder for [`RecoveryCodes`].
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
    clock: Arc<dyn Clock>,
    pub(crate) options: RecoveryOptions,
}

impl RecoveryCodesBuilder {
    setters! {
        /// Sets their name in the store, to tell several kinds apart. Default: `codes`.
        pub fn name(name: impl Into<String>) { self.options.name = name.into() }

        /// Sets how many codes a user gets, 1 to 50. Default: 10.
        pub fn count(count: usize) { self.options.count = count }

        /// Sets the wrong codes in a row that lock a user out, 1 to 100. Default: 5.
        pub fn max_failures(count: u32) { self.options.max_failures = count }

        /// Sets the duration of the first lockout, 1 second to 1 day. Default: 15 minutes.
        ///
        /// Each further wrong code doubles it, up to a day.
        pub fn lockout(time: std::time::Duration) { self.options.lockout = Time(time) }

        /// Sets the clock whose wall time lockouts follow. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the recovery codes.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<RecoveryCodes, Error> {
        let RecoveryOptions { name, count, max_failures, lockout } = self.options;
        check_store_name(&name)?;
        check_count(count)?;
        Ok(RecoveryCodes {
            records: UserRecords::new(self.store, format!("otp-recovery/{name}/")),
            count,
            terms: Terms::checked(max_failures, lockout.0)?,
            clock: self.clock,
        })
    }
}

impl RecoveryCodes {
    /// Returns a builder for recovery codes in this store.
    pub fn builder(store: impl Store) -> RecoveryCodesBuilder {
        RecoveryCodesBuilder {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            options: RecoveryOptions::default(),
        }
    }

    /// Issues new codes to a user; earlier ones become invalid. They cannot be shown again.
    ///
    /// # Errors
    /// Errors of the store, after which the user's codes may be new ones that were never shown.
    pub async fn issue(&self, user: &str) -> Result<Vec<Secret>, Error> {
        let (sheet, codes) = Sheet::generate(self.count)?;
        let value = record_bytes(&sheet, sheet.failures.spare())?;
        let issue = |_: Option<&Record>| Ok((Some(NewRecord::new(value.clone())), ()));
        self.records.update(user, issue).await?;
        Ok(codes)
    }

    /// Accepts one of a user's codes and uses it up. Case, spaces and hyphens are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`](crate::ErrorKind::WrongCode), a failed attempt;
    /// [`ErrorKind::UsedCode`](crate::ErrorKind::UsedCode) for a used one of these codes, which is
    /// not a failed attempt; [`ErrorKind::LockedOut`](crate::ErrorKind::LockedOut), with the
    /// remaining time; [`ErrorKind::NotEnrolled`](crate::ErrorKind::NotEnrolled) if the user never
    /// got codes; errors of the store, after which it is unknown whether the code was right, and it
    /// may be used up.
    pub async fn redeem(&self, user: &str, code: &str) -> Result<(), Error> {
        let updated = self.records.update(user, |record| {
            let before = read_record::<Sheet>(record)?.ok_or_else(no_codes)?;
            let mut sheet = before.clone();
            let answer = sheet.redeem(code, self.clock.now(), &self.terms);
            let new = match sheet == before {
                true => None,
                false => Some(NewRecord::new(record_bytes(&sheet, sheet.failures.spare())?)),
            };
            Ok((new, answer))
        });
        updated.await?
    }

    /// Returns how many codes a user has left.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn left(&self, user: &str) -> Result<usize, Error> {
        let record = self.records.get(user).await?;
        Ok(read_record::<Sheet>(record.as_ref())?.map_or(0, |sheet| sheet.left()))
    }

    /// Revokes all codes of a user.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn forget(&self, user: &str) -> Result<(), Error> {
        self.records.remove(user).await.map(drop)
    }
}

debug_fields!(
    RecoveryCodes,
    self,
    prefix = self.records.prefix,
    count = self.count,
    max_failures = self.terms.max_failures,
    lockout = self.terms.lockout
);

debug_fields!(RecoveryCodesBuilder, self, name = self.options.name, count = self.options.count);
