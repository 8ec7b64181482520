//! [`SecondFactor`]: enrols users and accepts their codes and recovery codes.

use super::record::{Factor, Form};
use crate::core::{Error, ErrorKind, Secret, debug_fields, ensure};
use crate::otp::attempts::{Attempts, Failures, Terms};
use crate::otp::{
    algorithm::OtpKind, enrolment::Enrolment, recovery::Sheet, secret::OtpSecret, settings::Otp,
    user_records::UserRecords,
};
use crate::store::{NewRecord, Record, SealingKeys};
use std::{sync::Arc, time::Duration};

/// How long an enrolment waits for its first code.
const PENDING: Duration = Duration::from_secs(3600);

/// Users' second factor: enrolment, codes and recovery codes in a store. Cheap to clone.
///
/// - **Secrets are encrypted** with [`SealingKeys`] and bound to their user's key in the store.
/// - **A first right code enrols a user** and yields ten recovery codes, which are stored as
///   hashes. An unconfirmed authenticator locks no user out.
/// - **Each code is accepted once**, and **five wrong ones in a row** cause a lockout, separately
///   for recovery codes and one-time passwords: see [`OtpGuard`](crate::otp::OtpGuard).
/// - All changes that follow from a code are one atomic write: of a thousand concurrent submissions
///   one succeeds.
///
/// The application remembers which users passed: `Session::verify_otp` records it in the session.
///
/// # Example
/// ```
/// use jamguard::otp::SecondFactor;
/// # use jamguard::otp::Otp;
/// use jamguard::store::{MemoryStore, SealingKeys};
///
/// # async fn example(keys: SealingKeys) -> Result<(), jamguard::Error> {
/// let factor = SecondFactor::builder(MemoryStore::new(), keys).issuer("My App").build()?;
///
/// let enrolment = factor.begin("ann", "ann@example.com").await?;   // show enrolment.qr_svg()
/// # let from_the_app = Otp::totp().build()?.code(enrolment.secret())?;
/// # let from_the_app = from_the_app.expose();
/// let recovery_codes = factor.confirm("ann", from_the_app).await?;  // show them, once
/// assert!(factor.is_enrolled("ann").await?);
///
/// factor.recover("ann", recovery_codes[0].expose()).await?;         // or, most days:
/// let answer = factor.verify("ann", "000000").await;
/// # Ok(()) }
/// # let keys = SealingKeys::new(&[7; 32]);
/// # tokio::runtime::Runtime::new().unwrap().block_on(example(keys)).unwrap();
/// ```
#[derive(Clone)]
pub struct SecondFactor(pub(super) Arc<Settings>);

pub(super) struct Settings {
    pub(super) records: UserRecords,
    pub(super) keys: SealingKeys,
    pub(super) issuer: String,
    pub(super) otp: Otp,
    pub(super) terms: Terms,
    pub(super) resync_window: u32,
    pub(super) count: usize,
}

impl SecondFactor {
    /// Generates a secret for a user, to be confirmed by a first code within an hour.
    ///
    /// `name` is the account's name in the app. An earlier unconfirmed enrolment becomes void.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyEnrolled`] if the user has a second factor: [`remove`](Self::remove) it
    /// first, and only for users who have passed it. [`ErrorKind::Configuration`] as in
    /// [`Otp::uri`]; errors of the store.
    pub async fn begin(&self, user: &str, name: &str) -> Result<Enrolment, Error> {
        let enrolment = Enrolment::new(&self.0.otp, &self.0.issuer, name)?;
        self.change(user, |factor| match factor {
            Some(factor) if factor.recovery.is_some() => Err(already_enrolled()),
            _ => Ok((Some(self.begun(enrolment.secret())), ())),
        })
        .await?;
        Ok(enrolment)
    }

    /// Enrols a user who gives a right code; returns the recovery codes.
    ///
    /// The recovery codes cannot be shown again.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`]; [`ErrorKind::LockedOut`] after too many, until
    /// [`begin`](Self::begin) is called again; [`ErrorKind::NotEnrolled`] if it was not called
    /// within the last hour; [`ErrorKind::AlreadyEnrolled`] if the user is enrolled; errors of the
    /// store.
    pub async fn confirm(&self, user: &str, code: &str) -> Result<Vec<Secret>, Error> {
        let (sheet, codes) = Sheet::generate(self.0.count)?;
        self.change(user, |factor| {
            let mut factor = factor.ok_or_else(not_enrolled)?;
            if factor.recovery.is_some() {
                return Err(already_enrolled());
            }
            let answer = self.judge(&mut factor, code)?;
            if answer.is_ok() {
                factor.recovery = Some(sheet.clone());
            }
            Ok((Some(factor), answer))
        })
        .await??;
        Ok(codes)
    }

    /// Enrols a user with an existing secret, as from another system; returns the recovery codes.
    ///
    /// `counter` is the one that HOTP expects next; 0 for TOTP.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyEnrolled`] if the user has a second factor; [`ErrorKind::Configuration`]
    /// for TOTP with a counter; errors of the store.
    pub async fn import(
        &self,
        user: &str,
        secret: &OtpSecret,
        counter: u64,
    ) -> Result<Vec<Secret>, Error> {
        // A Unix time given as the counter would make every code one of the past.
        ensure(self.0.otp.kind() == OtpKind::Hotp || counter == 0, "TOTP has no counter: give 0")?;
        let (sheet, codes) = Sheet::generate(self.0.count)?;
        self.change(user, |factor| {
            if factor.is_some_and(|factor| factor.recovery.is_some()) {
                return Err(already_enrolled());
            }
            let mut factor = self.begun(secret);
            factor.attempts.next = counter;
            factor.recovery = Some(sheet.clone());
            Ok((Some(factor), ()))
        })
        .await?;
        Ok(codes)
    }

    /// Returns whether a user has a second factor.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if its record is damaged; [`ErrorKind::InvalidKey`] if it was
    /// encrypted with another key; errors of the store.
    pub async fn is_enrolled(&self, user: &str) -> Result<bool, Error> {
        let factor = self.find(user).await?;
        Ok(factor.is_some_and(|factor| factor.recovery.is_some()))
    }

    /// Accepts a right one-time password of a user, once. Spaces and hyphens in it are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`], a failed attempt; [`ErrorKind::UsedCode`], which is not one;
    /// [`ErrorKind::LockedOut`], with the remaining time; [`ErrorKind::NotEnrolled`]; errors of the
    /// store, after which it is unknown whether the code was right, and it may be used up.
    pub async fn verify(&self, user: &str, code: &str) -> Result<(), Error> {
        self.change(user, |factor| {
            let (mut factor, _) = enrolled(factor)?;
            let answer = self.judge(&mut factor, code)?;
            Ok((Some(factor), answer))
        })
        .await?
    }

    /// Resynchronizes a HOTP authenticator whose counter ran ahead, by two consecutive codes.
    ///
    /// A counter runs ahead if, for example, the button is pressed in a pocket (RFC 4226 section
    /// 7.4). The first code may be at most
    /// [`resync_window`](super::SecondFactorBuilder::resync_window) counters ahead.
    ///
    /// Both codes are used up, and prove as much as [`verify`](Self::verify) does. Failures are
    /// shared with it, and so is a lockout.
    ///
    /// ```
    /// # use jamguard::{Error, otp::SecondFactor};
    /// # async fn example(factor: SecondFactor, user: &str, first: &str, second: &str) -> Result<(), Error> {
    /// factor.resync(user, first.trim(), second.trim()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The errors of [`verify`](Self::verify); [`ErrorKind::UsedCode`] for the two codes that were
    /// just used; [`ErrorKind::Configuration`] for a user of TOTP, which has no counter.
    pub async fn resync(&self, user: &str, first: &str, second: &str) -> Result<(), Error> {
        let (ahead, terms) = (self.0.resync_window, &self.0.terms);
        self.change(user, |factor| {
            let (mut factor, _) = enrolled(factor)?;
            let otp = factor.otp(&self.0.otp)?;
            let (attempts, secret) = (&mut factor.attempts, &factor.secret);
            let answer = attempts.judge_two(&otp, secret, [first, second], ahead, terms);
            Ok((Some(factor), answer))
        })
        .await?
    }

    /// Accepts one of a user's recovery codes and uses it up.
    ///
    /// Case, spaces and hyphens are ignored.
    ///
    /// # Errors
    /// The errors of [`verify`](Self::verify).
    pub async fn recover(&self, user: &str, code: &str) -> Result<(), Error> {
        self.change(user, |factor| {
            let (mut factor, mut sheet) = enrolled(factor)?;
            let answer = sheet.redeem(code, self.0.otp.now(), &self.0.terms);
            factor.recovery = Some(sheet);
            Ok((Some(factor), answer))
        })
        .await?
    }

    /// Returns how many recovery codes a user has left.
    ///
    /// # Errors
    /// The errors of [`is_enrolled`](Self::is_enrolled).
    pub async fn recovery_codes_left(&self, user: &str) -> Result<usize, Error> {
        let sheet = self.find(user).await?.and_then(|factor| factor.recovery);
        Ok(sheet.map_or(0, |sheet| sheet.left()))
    }

    /// Replaces a user's recovery codes; the earlier ones become invalid.
    ///
    /// # Errors
    /// [`ErrorKind::NotEnrolled`]; errors of the store.
    pub async fn new_recovery_codes(&self, user: &str) -> Result<Vec<Secret>, Error> {
        let (sheet, codes) = Sheet::generate(self.0.count)?;
        self.change(user, |factor| {
            let (mut factor, _) = enrolled(factor)?;
            factor.recovery = Some(sheet.clone());
            Ok((Some(factor), ()))
        })
        .await?;
        Ok(codes)
    }

    /// Ends a user's lockouts.
    ///
    /// For an administrator who has verified the user's identity.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn unlock(&self, user: &str) -> Result<(), Error> {
        self.change(user, |factor| {
            let Some(mut factor) = factor else {
                return Ok((None, ()));
            };
            factor.attempts.failures = Failures::default();
            if let Some(sheet) = &mut factor.recovery {
                sheet.failures = Failures::default();
            }
            Ok((Some(factor), ()))
        })
        .await
    }

    /// Removes a user's second factor and recovery codes; returns whether there was one.
    ///
    /// Sessions that passed it stay as they are: end them with `Sessions::end_all`.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn remove(&self, user: &str) -> Result<bool, Error> {
        self.0.records.remove(user).await
    }

    /// Returns an unconfirmed factor.
    fn begun(&self, secret: &OtpSecret) -> Factor {
        Factor {
            secret: secret.clone(),
            form: Form::of(&self.0.otp),
            attempts: Attempts::default(),
            recovery: None,
        }
    }

    /// Checks a code and updates the user's attempts.
    fn judge(&self, factor: &mut Factor, code: &str) -> Result<Result<(), Error>, Error> {
        let otp = factor.otp(&self.0.otp)?;
        let attempts = &mut factor.attempts;
        Ok(attempts.judge(&otp, &factor.secret, code, &self.0.terms))
    }

    async fn find(&self, user: &str) -> Result<Option<Factor>, Error> {
        let record = self.0.records.get(user).await?;
        self.open(&self.0.records.key(user), record.as_ref())
    }

    fn open(&self, key: &str, record: Option<&Record>) -> Result<Option<Factor>, Error> {
        record.map(|record| Factor::open(key, record.value(), &self.0.keys)).transpose()
    }

    /// Updates a user's factor atomically; `change` returns `None` to leave it as it is.
    async fn change<R>(
        &self,
        user: &str,
        mut change: impl FnMut(Option<Factor>) -> Result<(Option<Factor>, R), Error>,
    ) -> Result<R, Error> {
        let key = self.0.records.key(user);
        let updated = self.0.records.update(user, |record| {
            let before = self.open(&key, record)?;
            let (after, answer) = change(before.clone())?;
            let Some(after) = after.filter(|after| before.as_ref() != Some(after)) else {
                return Ok((None, answer));
            };
            let mut new = NewRecord::new(after.seal(&key, &self.0.keys)?);
            if after.recovery.is_none() {
                // Wrong codes do not extend the enrolment.
                let same = before.is_some_and(|before| before.secret == after.secret);
                let left = record.filter(|_| same).and_then(Record::ttl);
                new.ttl = left.or(Some(PENDING));
            }
            Ok((Some(new), answer))
        });
        updated.await
    }
}

fn enrolled(factor: Option<Factor>) -> Result<(Factor, Sheet), Error> {
    let factor = factor.ok_or_else(not_enrolled)?;
    let sheet = factor.recovery.clone().ok_or_else(not_enrolled)?;
    Ok((factor, sheet))
}

fn not_enrolled() -> Error {
    Error::new(ErrorKind::NotEnrolled, "this user has no second factor: begin its enrolment first")
}

fn already_enrolled() -> Error {
    let message = "this user has a second factor: remove it before another one is enrolled";
    Error::new(ErrorKind::AlreadyEnrolled, message)
}

debug_fields!(
    SecondFactor,
    self,
    prefix = self.0.records.prefix,
    issuer = self.0.issuer,
    otp = self.0.otp,
    terms = self.0.terms
);
