//! The second factor of an application's users.

use super::builder::SecondFactorBuilder;
use super::record::{Factor, Form};
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::otp::algorithm::OtpKind;
use crate::otp::attempts::{Attempts, Failures, Terms};
use crate::otp::edit::{Edit, edit, key_of};
use crate::otp::enrolment::Enrolment;
use crate::otp::recovery::Sheet;
use crate::otp::secret::OtpSecret;
use crate::otp::settings::Otp;
use crate::store::{NewRecord, SealingKeys, Store};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a user has for the first code.
const PENDING: Duration = Duration::from_secs(3600);

/// Users' second factor: enrolment, codes and recovery codes, kept in any [`Store`]. Cheap to clone.
///
/// - **Secrets are encrypted** with [`SealingKeys`], and bound to their user's place in the store.
/// - **A user is enrolled when a first code was right**, and gets ten recovery codes then, of which
///   hashes are kept. An authenticator that was never confirmed locks nobody out.
/// - **Each code is accepted once**, and **five wrong ones in a row** end in a lockout, for recovery
///   codes apart from one-time passwords: see [`OtpGuard`](crate::otp::OtpGuard).
/// - All that follows from a code is one write: of a thousand submissions at the same time one
///   passes.
///
/// Who passed is yours to remember: `Session::verify_otp` writes it into the session.
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
pub struct SecondFactor(Arc<Settings>);

pub(super) struct Settings {
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: SealingKeys,
    pub(super) prefix: String,
    pub(super) issuer: String,
    pub(super) otp: Otp,
    pub(super) terms: Terms,
    pub(super) resync_window: u32,
    pub(super) count: usize,
}

/// What becomes of a user's factor.
enum Change<R> {
    Nothing(R),
    To(Factor, R),
}

impl SecondFactor {
    /// Begins a second factor whose secrets are in a store, encrypted.
    pub fn builder(store: impl Store, keys: SealingKeys) -> SecondFactorBuilder {
        SecondFactorBuilder::new(store, keys)
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    /// A new secret for a user's authenticator, to be confirmed by a first code within an hour;
    /// `name` is what the app shows the account as. An enrolment that was begun before is void.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyEnrolled`] where the user has a second factor:
    /// [`remove`](Self::remove) it first, and let nobody do that who did not pass it.
    /// [`ErrorKind::Configuration`] as in [`Otp::uri`]; those of the store.
    pub async fn begin(&self, user: &str, name: &str) -> Result<Enrolment, Error> {
        let enrolment = Enrolment::new(&self.0.otp, &self.0.issuer, name)?;
        self.change(user, |factor| match factor {
            Some(factor) if factor.recovery.is_some() => Err(already_enrolled()),
            _ => Ok(Change::To(self.begun(enrolment.secret()), ())),
        })
        .await?;
        Ok(enrolment)
    }

    /// Enrols a user whose authenticator shows a right code, and gives their recovery codes. Nobody
    /// can show them again.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`]; [`ErrorKind::LockedOut`] after too many, until
    /// [`begin`](Self::begin) is called anew; [`ErrorKind::NotEnrolled`] where it was not, or more
    /// than an hour ago; [`ErrorKind::AlreadyEnrolled`] where this was done before; those of the
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
            Ok(Change::To(factor, answer))
        })
        .await??;
        Ok(codes)
    }

    /// Enrols a user with a secret that their authenticator has already, as from another system, and
    /// gives their recovery codes. `counter` is the one that HOTP expects next; TOTP has none: 0.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyEnrolled`] where the user has a second factor;
    /// [`ErrorKind::Configuration`] for a counter of TOTP; those of the store.
    pub async fn import(
        &self,
        user: &str,
        secret: &OtpSecret,
        counter: u64,
    ) -> Result<Vec<Secret>, Error> {
        // A Unix time, taken for a step, would make every code one of the past.
        if self.0.otp.kind() == OtpKind::Totp && counter > 0 {
            return Err(Error::configuration("TOTP has no counter: give 0"));
        }
        let (sheet, codes) = Sheet::generate(self.0.count)?;
        self.change(user, |factor| {
            if factor.is_some_and(|factor| factor.recovery.is_some()) {
                return Err(already_enrolled());
            }
            let mut factor = self.begun(secret);
            factor.attempts.next = counter;
            factor.recovery = Some(sheet.clone());
            Ok(Change::To(factor, ()))
        })
        .await?;
        Ok(codes)
    }

    /// Whether a user has a second factor.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] where its record is damaged; [`ErrorKind::InvalidKey`] where it was
    /// encrypted with another key; those of the store.
    pub async fn is_enrolled(&self, user: &str) -> Result<bool, Error> {
        let factor = self.find(user).await?;
        Ok(factor.is_some_and(|factor| factor.recovery.is_some()))
    }

    /// Accepts a right one-time password of this user's, once. Spaces and hyphens in it do not matter.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`], which counts; [`ErrorKind::UsedCode`], which does not;
    /// [`ErrorKind::LockedOut`], with the time that is left; [`ErrorKind::NotEnrolled`]. Those of
    /// the store: then nobody knows whether the code was right, and it may be used up.
    pub async fn verify(&self, user: &str, code: &str) -> Result<(), Error> {
        self.change(user, |factor| {
            let (mut factor, _) = enrolled(factor)?;
            let answer = self.judge(&mut factor, code)?;
            Ok(Change::To(factor, answer))
        })
        .await?
    }

    /// Finds a HOTP authenticator again whose counter ran ahead, as by a button that was pressed in a
    /// pocket: by two codes that it shows one after the other (RFC 4226 section 7.4), the first at most
    /// [`resync_window`](SecondFactorBuilder::resync_window) counters ahead.
    ///
    /// Both are used up, and prove as much as [`verify`](Self::verify) does. Guesses count with those
    /// there, and a lockout is of both.
    ///
    /// ```
    /// # use jamguard::{Error, otp::SecondFactor};
    /// # async fn example(factor: SecondFactor, user: &str, first: &str, second: &str) -> Result<(), Error> {
    /// factor.resync(user, first.trim(), second.trim()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`verify`](Self::verify); [`ErrorKind::UsedCode`] for the two that were just used;
    /// [`ErrorKind::Configuration`] for a user of TOTP, which goes by the time.
    pub async fn resync(&self, user: &str, first: &str, second: &str) -> Result<(), Error> {
        let (ahead, terms) = (self.0.resync_window, &self.0.terms);
        self.change(user, |factor| {
            let (mut factor, _) = enrolled(factor)?;
            let otp = factor.otp(&self.0.otp)?;
            let (attempts, secret) = (&mut factor.attempts, &factor.secret);
            let answer = attempts.judge_two(&otp, secret, [first, second], ahead, terms);
            Ok(Change::To(factor, answer))
        })
        .await?
    }

    /// Accepts one of a user's recovery codes, and uses it up. Case, spaces and hyphens do not
    /// matter.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn recover(&self, user: &str, code: &str) -> Result<(), Error> {
        self.change(user, |factor| {
            let (mut factor, mut sheet) = enrolled(factor)?;
            let answer = sheet.redeem(code, self.0.otp.now(), &self.0.terms);
            factor.recovery = Some(sheet);
            Ok(Change::To(factor, answer))
        })
        .await?
    }

    /// How many recovery codes a user has left.
    ///
    /// # Errors
    /// As [`is_enrolled`](Self::is_enrolled).
    pub async fn recovery_codes_left(&self, user: &str) -> Result<usize, Error> {
        let factor = self.find(user).await?;
        let sheet = factor.and_then(|factor| factor.recovery);
        Ok(sheet.map_or(0, |sheet| sheet.left()))
    }

    /// New recovery codes for a user; those from before are good no more.
    ///
    /// # Errors
    /// [`ErrorKind::NotEnrolled`]; those of the store.
    pub async fn new_recovery_codes(&self, user: &str) -> Result<Vec<Secret>, Error> {
        let (sheet, codes) = Sheet::generate(self.0.count)?;
        self.change(user, |factor| {
            let (mut factor, _) = enrolled(factor)?;
            factor.recovery = Some(sheet.clone());
            Ok(Change::To(factor, ()))
        })
        .await?;
        Ok(codes)
    }

    /// Ends a user's lockouts, as an administrator does who knows who asks.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unlock(&self, user: &str) -> Result<(), Error> {
        self.change(user, |factor| {
            let Some(mut factor) = factor else {
                return Ok(Change::Nothing(()));
            };
            factor.attempts.failures = Failures::default();
            if let Some(sheet) = &mut factor.recovery {
                sheet.failures = Failures::default();
            }
            Ok(Change::To(factor, ()))
        })
        .await
    }

    /// Takes a user's second factor away, recovery codes and all; says whether there was one.
    ///
    /// Sessions that passed it stay as they are: `Sessions::clear` ends them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove(&self, user: &str) -> Result<bool, Error> {
        self.0.store.remove(&self.key(user)).await
    }

    /// A factor that nobody confirmed.
    fn begun(&self, secret: &OtpSecret) -> Factor {
        Factor {
            secret: secret.clone(),
            form: Form::of(&self.0.otp),
            attempts: Attempts::default(),
            recovery: None,
        }
    }

    /// What a code comes to; it changes what is remembered of the user's codes.
    fn judge(&self, factor: &mut Factor, code: &str) -> Result<Result<(), Error>, Error> {
        let otp = factor.otp(&self.0.otp)?;
        let attempts = &mut factor.attempts;
        Ok(attempts.judge(&otp, &factor.secret, code, &self.0.terms))
    }

    fn key(&self, user: &str) -> String {
        key_of(&self.0.prefix, user)
    }

    async fn find(&self, user: &str) -> Result<Option<Factor>, Error> {
        let key = self.key(user);
        let record = self.0.store.get(&key).await?;
        let open = |sealed: &[u8]| Factor::open(&key, sealed, &self.0.keys);
        record.map(|record| open(record.value())).transpose()
    }

    /// Changes a user's factor in one step.
    async fn change<R>(
        &self,
        user: &str,
        mut change: impl FnMut(Option<Factor>) -> Result<Change<R>, Error>,
    ) -> Result<R, Error> {
        let key = self.key(user);
        edit(&*self.0.store, &key, |record| {
            let open = |sealed: &[u8]| Factor::open(&key, sealed, &self.0.keys);
            let before = record.map(|record| open(record.value())).transpose()?;
            let (after, answer) = match change(before.clone())? {
                Change::Nothing(answer) => return Ok(Edit::Keep(answer)),
                Change::To(after, answer) if before.as_ref() == Some(&after) => {
                    return Ok(Edit::Keep(answer));
                }
                Change::To(after, answer) => (after, answer),
            };
            let begun =
                record.filter(|_| before.is_some_and(|before| before.secret == after.secret));
            let ttl = match after.recovery {
                Some(_) => None,
                // Wrong codes give no more time.
                None => begun.and_then(|record| record.ttl()).or(Some(PENDING)),
            };
            let mut new = NewRecord::new(after.seal(&key, &self.0.keys)?);
            new.ttl = ttl;
            Ok(Edit::Write(new, answer))
        })
        .await
    }
}

fn enrolled(factor: Option<Factor>) -> Result<(Factor, Sheet), Error> {
    let factor = factor.ok_or_else(not_enrolled)?;
    let sheet = factor.recovery.clone().ok_or_else(not_enrolled)?;
    Ok((factor, sheet))
}

fn not_enrolled() -> Error {
    Error::new(
        ErrorKind::NotEnrolled,
        "this user has no second factor: begin its enrolment first",
    )
}

fn already_enrolled() -> Error {
    Error::new(
        ErrorKind::AlreadyEnrolled,
        "this user has a second factor: remove it before there can be another",
    )
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactor")
            .field("prefix", &self.0.prefix)
            .field("issuer", &self.0.issuer)
            .field("otp", &self.0.otp)
            .field("terms", &self.0.terms)
            .finish_non_exhaustive()
    }
}
