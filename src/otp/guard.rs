//! A code is accepted once, and guesses end.

use super::algorithm::OtpKind;
use super::attempts::{Attempts, Failures, RESYNC_WINDOW, Terms, check_resync_window};
use super::edit::{Edit, edit, key_of};
use super::secret::OtpSecret;
use super::settings::Otp;
use crate::core::error::{Error, ErrorKind};
use crate::store::{NewRecord, Record, Store};
use crate::token::list::check_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Beyond it failures are forgotten, and so is which codes were used: they are long out of date.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Remembers in a [`Store`] which codes were used and who guessed, for secrets that the application
/// keeps itself. Cheap to clone.
///
/// - **A code is accepted once**, and none of an earlier time or counter after it (RFC 6238 section
///   5.2): of a thousand submissions of it at the same time one passes, on however many machines.
/// - **After five wrong codes in a row none is looked at for a quarter of an hour**, not even a
///   right one (RFC 4226 section 7.3); each wrong code after that doubles the time, up to a day. A
///   right code ends the row.
/// - HOTP's counter is kept here too; where an authenticator ran far ahead of it,
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
    store: Arc<dyn Store>,
    prefix: Arc<str>,
    terms: Terms,
    resync_window: u32,
}

/// Sets an [`OtpGuard`] up.
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
    name: String,
    terms: Terms,
    resync_window: u32,
}

impl OtpGuardBuilder {
    /// Its name in the store, where that holds several; `codes` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// After how many wrong codes in a row a user is locked out, 1 to 100; 5 unless set.
    pub fn max_failures(mut self, count: u32) -> Self {
        self.terms.max_failures = count;
        self
    }

    /// For how long, a second to a day; a quarter of an hour unless set, doubled by each wrong code
    /// after it.
    pub fn lockout(mut self, time: Duration) -> Self {
        self.terms.lockout = time;
        self
    }

    /// How many counters a HOTP authenticator may have run ahead to be found again by
    /// [`resync`](OtpGuard::resync), 1 to 1000; 100 unless set.
    pub fn resync_window(mut self, counters: u32) -> Self {
        self.resync_window = counters;
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with a message that says what to change.
    pub fn build(self) -> Result<OtpGuard, Error> {
        check_name(&self.name)?;
        self.terms.check()?;
        check_resync_window(self.resync_window)?;
        Ok(OtpGuard {
            store: self.store,
            prefix: format!("otp-guard/{}/", self.name).into(),
            terms: self.terms,
            resync_window: self.resync_window,
        })
    }
}

impl OtpGuard {
    /// Begins a guard in a store.
    pub fn builder(store: impl Store) -> OtpGuardBuilder {
        OtpGuardBuilder {
            store: Arc::new(store),
            name: "codes".to_owned(),
            terms: Terms::DEFAULT,
            resync_window: RESYNC_WINDOW,
        }
    }

    /// Accepts a right code of this user's, once. Spaces and hyphens in it do not matter.
    ///
    /// # Errors
    /// [`ErrorKind::WrongCode`], which counts; [`ErrorKind::UsedCode`], which does not;
    /// [`ErrorKind::LockedOut`], with the time that is left. Those of the store: then nobody knows
    /// whether the code was right, and it may be used up.
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

    /// Finds a user's HOTP authenticator again whose counter ran ahead, by two codes that it shows one
    /// after the other: as [`SecondFactor::resync`](super::SecondFactor::resync).
    ///
    /// # Errors
    /// As [`verify`](Self::verify); [`ErrorKind::Configuration`] for TOTP, which goes by the time.
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

    /// The HOTP counter whose code is expected next of this user.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn counter(&self, user: &str) -> Result<u64, Error> {
        let record = self.store.get(&self.key(user)).await?;
        Ok(read(record.as_ref())?.next)
    }

    /// Expects this counter next of a user, as for a HOTP token that was in use elsewhere. It never
    /// goes back, so that no code is right twice.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn advance(&self, user: &str, counter: u64) -> Result<(), Error> {
        self.change(user, |attempts, _| {
            attempts.next = attempts.next.max(counter);
            (Ok(()), None)
        })
        .await
    }

    /// Forgets a user's wrong codes, as an administrator does who knows who asks.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unlock(&self, user: &str) -> Result<(), Error> {
        self.change(user, |attempts, left| {
            attempts.failures = Failures::default();
            (Ok(()), left)
        })
        .await
    }

    /// Forgets a user: for one who has no secret any more, or a new one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget(&self, user: &str) -> Result<(), Error> {
        self.store.remove(&self.key(user)).await.map(drop)
    }

    fn key(&self, user: &str) -> String {
        key_of(&self.prefix, user)
    }

    /// Changes what is remembered of a user; `change` also gets how long that is kept, and gives how
    /// long it is from then on.
    async fn change(
        &self,
        user: &str,
        mut change: impl FnMut(&mut Attempts, Option<Duration>) -> (Result<(), Error>, Option<Duration>),
    ) -> Result<(), Error> {
        edit(&*self.store, &self.key(user), |record| {
            let before = read(record)?;
            let mut attempts = before.clone();
            let left = record.and_then(|record| record.ttl());
            let (answer, ttl) = change(&mut attempts, left);
            if attempts == before {
                return Ok(Edit::Keep(answer));
            }
            let mut new = NewRecord::new(serde_json::to_vec(&attempts).map_err(|_| damaged())?);
            new.ttl = ttl;
            // Names that no user has are guessed too.
            new.anonymous = attempts.next == 0;
            Ok(Edit::Write(new, answer))
        })
        .await?
    }
}

/// How long codes must be remembered: counters for ever, a time's code until that is over.
fn lifetime(otp: &Otp) -> Option<Duration> {
    match otp.kind() {
        OtpKind::Hotp => None,
        OtpKind::Totp => {
            let steps = 2 * otp.look_ahead() + 1;
            Some(KEPT.max(otp.period().saturating_mul(steps)))
        }
    }
}

fn read(record: Option<&Record>) -> Result<Attempts, Error> {
    match record {
        None => Ok(Attempts::default()),
        Some(record) => serde_json::from_slice(record.value()).map_err(|_| damaged()),
    }
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::Storage,
        "what is remembered of a user's codes is damaged, or was written by something else",
    )
}

impl fmt::Debug for OtpGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpGuard")
            .field("prefix", &self.prefix)
            .field("max_failures", &self.terms.max_failures)
            .field("lockout", &self.terms.lockout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OtpGuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpGuardBuilder")
            .field("name", &self.name)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
