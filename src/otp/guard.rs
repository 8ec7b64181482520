//! Replay protection and lockout for one-time passwords.

use super::algorithm::OtpKind;
use super::attempts::{Attempts, Failures, RESYNC_WINDOW, Terms, check_resync_window};
use super::secret::OtpSecret;
use super::settings::Otp;
use super::user_records::{UserRecords, read_record, record_bytes};
use crate::core::settings::{Time, options, setters};
use crate::core::{Error, debug_fields, name::check_store_name};
use crate::store::{NewRecord, Record, Store};
use std::{sync::Arc, time::Duration};

/// Minimum time that failures and used codes are remembered; such codes expire long before.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Replay protection and lockout for secrets that the application keeps. Cheap to clone.
///
/// The state of each user is kept in a [`Store`].
///
/// - **A code is accepted once**, and afterwards no code of an earlier time or counter (RFC 6238
///   section 5.2): of a thousand concurrent submissions one succeeds, on however many machines.
/// - **After five wrong codes in a row the user is locked out for 15 minutes**, even with a right
///   code (RFC 4226 section 7.3). Each further wrong code doubles the time, up to a day. A right
///   code resets the count.
/// - The HOTP counter is kept here too. If an authenticator ran far ahead of it,
///   [`resync`](Self::resync) takes two codes.
///
/// # Example
/// ```
/// use jamguard::otp::{Otp, OtpGuard, OtpSecret};
/// use jamguard::{ErrorKind, store::MemoryStore};
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let guard = OtpGuard::builder(MemoryStore::new()).build()?;
/// let (otp, secret) = (Otp::totp().build()?, OtpSecret::generate()?);
/// let code = otp.code(&secret)?;
///
/// guard.verify("ann", &otp, &secret, code.expose()).await?;
/// let again = guard.verify("ann", &otp, &secret, code.expose()).await;
/// assert_eq!(again.unwrap_err().kind(), ErrorKind::UsedCode);
/// # Ok(()) }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct OtpGuard {
    records: UserRecords,
    terms: Terms,
    resync_window: u32,
}

options! {
    /// The options of an OTP guard.
    OtpGuardOptions {
        /// Its name in the store. Default: `codes`.
        name: String = "codes".to_owned(),
        /// Wrong codes in a row that lock a user out, 1 to 100. Default: 5.
        max_failures: u32 = Terms::DEFAULT.max_failures,
        /// First lockout, 1 s to 1 day; each further wrong code doubles it. Default: 15 minutes.
        lockout: Time = Time(Terms::DEFAULT.lockout),
        /// How many counters ahead a HOTP resynchronization searches, 1 to 1000. Default: 100.
        resync_window: u32 = RESYNC_WINDOW,
    }
}

/// A builder for [`OtpGuard`].
///
/// # Example
/// ```
/// use jamguard::{otp::OtpGuard, store::MemoryStore};
/// use std::time::Duration;
/// let guard = OtpGuard::builder(MemoryStore::new())
///     .max_failures(3)
///     .lockout(Duration::from_secs(3600))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct OtpGuardBuilder {
    store: Arc<dyn Store>,
    pub(crate) options: OtpGuardOptions,
}

impl OtpGuardBuilder {
    setters! {
        /// Sets the guard's name in the store, to tell several guards apart. Default: `codes`.
        pub fn name(name: impl Into<String>) { self.options.name = name.into() }

        /// Sets the wrong codes in a row that lock a user out, 1 to 100. Default: 5.
        pub fn max_failures(count: u32) { self.options.max_failures = count }

        /// Sets the duration of the first lockout, 1 second to 1 day. Default: 15 minutes.
        ///
        /// Each further wrong code doubles it, up to a day.
        pub fn lockout(time: Duration) { self.options.lockout = Time(time) }

        /// Sets how many counters ahead a HOTP authenticator may be, 1 to 1000. Default: 100.
        ///
        /// [`resync`](OtpGuard::resync) searches so far;
        /// [`OtpBuilder::look_ahead`](super::OtpBuilder::look_ahead) limits other codes.
        pub fn resync_window(counters: u32) { self.options.resync_window = counters }
    }

    /// Builds the guard.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<OtpGuard, Error> {
        let OtpGuardOptions { name, max_failures, lockout, resync_window } = self.options;
        check_store_name(&name)?;
        check_resync_window(resync_window)?;
        Ok(OtpGuard {
            records: UserRecords::new(self.store, format!("otp-guard/{name}/")),
            terms: Terms::checked(max_failures, lockout.0)?,
            resync_window,
        })
    }
}

impl OtpGuard {
    /// Returns a builder for a guard in this store.
    pub fn builder(store: impl Store) -> OtpGuardBuilder {
        OtpGuardBuilder { store: Arc::new(store), options: OtpGuardOptions::default() }
    }

    /// Accepts a right code of a user, once. Spaces and hyphens in it are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`](crate::ErrorKind::WrongCode), a failed attempt;
    /// [`ErrorKind::UsedCode`](crate::ErrorKind::UsedCode), which is not one;
    /// [`ErrorKind::LockedOut`](crate::ErrorKind::LockedOut), with the remaining time; errors of
    /// the store, after which it is unknown whether the code was right, and it may be used up.
    pub async fn verify(
        &self,
        user: &str,
        otp: &Otp,
        secret: &OtpSecret,
        code: &str,
    ) -> Result<(), Error> {
        self.change(user, |attempts, _| {
            let answer = attempts.judge(otp, secret, code, &self.terms);
            (answer, lifetime(otp))
        })
        .await
    }

    /// Resynchronizes a user's HOTP authenticator whose counter ran ahead.
    ///
    /// It takes two consecutive codes: see [`SecondFactor::resync`](super::SecondFactor::resync).
    ///
    /// # Errors
    /// The errors of [`verify`](Self::verify);
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for TOTP, which has no
    /// counter.
    pub async fn resync(
        &self,
        user: &str,
        otp: &Otp,
        secret: &OtpSecret,
        first: &str,
        second: &str,
    ) -> Result<(), Error> {
        let (ahead, codes) = (self.resync_window, [first, second]);
        self.change(user, |attempts, _| {
            let answer = attempts.judge_two(otp, secret, codes, ahead, &self.terms);
            (answer, lifetime(otp))
        })
        .await
    }

    /// Returns the HOTP counter whose code is expected next of a user.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn counter(&self, user: &str) -> Result<u64, Error> {
        let record = self.records.get(user).await?;
        Ok(read_record::<Attempts>(record.as_ref())?.unwrap_or_default().next)
    }

    /// Sets the HOTP counter that is expected next of a user, such as of a token used elsewhere.
    ///
    /// It never moves back, so that no code is accepted twice.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn advance(&self, user: &str, counter: u64) -> Result<(), Error> {
        self.change(user, |attempts, _| {
            attempts.next = attempts.next.max(counter);
            (Ok(()), None)
        })
        .await
    }

    /// Forgets a user's wrong codes and ends a lockout.
    ///
    /// For an administrator who has verified the user's identity.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn unlock(&self, user: &str) -> Result<(), Error> {
        self.change(user, |attempts, left| {
            attempts.failures = Failures::default();
            (Ok(()), left)
        })
        .await
    }

    /// Forgets a user whose secret was removed or replaced.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn forget(&self, user: &str) -> Result<(), Error> {
        self.records.remove(user).await.map(drop)
    }

    /// Updates a user's state; `change` gets its remaining lifetime and returns the new one.
    async fn change(
        &self,
        user: &str,
        mut change: impl FnMut(&mut Attempts, Option<Duration>) -> (Result<(), Error>, Option<Duration>),
    ) -> Result<(), Error> {
        let updated = self.records.update(user, |record| {
            let before: Attempts = read_record(record)?.unwrap_or_default();
            let mut attempts = before.clone();
            let (answer, ttl) = change(&mut attempts, record.and_then(Record::ttl));
            if attempts == before {
                return Ok((None, answer));
            }
            let value = record_bytes(&attempts, attempts.spare())?;
            // Unknown user names are guessed too. The first record is anonymous for a right code as
            // well: if there is no room to count guesses, no code is accepted.
            let mut new = NewRecord::new(value).for_anonymous();
            new.ttl = ttl;
            Ok((Some(new), answer))
        });
        updated.await?
    }
}

/// Returns how long codes are remembered: HOTP for ever, TOTP at least until they expire.
fn lifetime(otp: &Otp) -> Option<Duration> {
    match otp.kind() {
        OtpKind::Hotp => None,
        OtpKind::Totp => {
            let steps = 2 * otp.look_ahead() + 1;
            Some(KEPT.max(otp.period().saturating_mul(steps)))
        }
    }
}

debug_fields!(
    OtpGuard,
    self,
    prefix = self.records.prefix,
    max_failures = self.terms.max_failures,
    lockout = self.terms.lockout
);

debug_fields!(
    OtpGuardBuilder,
    self,
    name = self.options.name,
    max_failures = self.options.max_failures,
    lockout = self.options.lockout.0
);
