//! The state of a user's attempts: used codes, failures and lockouts.

use super::algorithm::OtpKind;
use super::code::Match;
use super::secret::OtpSecret;
use super::settings::Otp;
use crate::core::{Error, ErrorKind, ensure, millis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Maximum lockout: a user who keeps guessing is locked out for a day at a time.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The limits on wrong codes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) max_failures: u32,
    /// The first lockout; each further failure doubles it.
    pub(super) lockout: Duration,
}

impl Terms {
    pub(super) const DEFAULT: Self =
        Self { max_failures: 5, lockout: Duration::from_secs(15 * 60) };

    /// Returns these limits, if they are valid.
    pub(super) fn checked(max_failures: u32, lockout: Duration) -> Result<Self, Error> {
        ensure(
            (1..=100).contains(&max_failures),
            "a user is locked out after 1 to 100 wrong codes (NIST SP 800-63B section 3.2.2): \
             5 is usual",
        )?;
        ensure(
            (Duration::from_secs(1)..=LONGEST).contains(&lockout),
            "a lockout takes 1 second to 1 day: 15 minutes is usual",
        )?;
        Ok(Self { max_failures, lockout })
    }

    /// Returns the lockout after this many failures.
    fn lockout_after(&self, failures: u32) -> Option<Duration> {
        let beyond = failures.checked_sub(self.max_failures)?;
        let doubled = 2_u32.saturating_pow(beyond.min(31));
        Some(self.lockout.saturating_mul(doubled).min(LONGEST))
    }
}

/// Default number of counters that a resynchronization searches ahead.
pub(super) const RESYNC_WINDOW: u32 = 100;

/// Checks the size of a resynchronization window.
///
/// # Errors
/// [`ErrorKind::Configuration`] if nothing fits into the window, or searching it takes too long.
pub(super) fn check_resync_window(counters: u32) -> Result<(), Error> {
    ensure(
        (1..=1000).contains(&counters),
        "a resynchronization window has 1 to 1000 counters: 100 is usual",
    )
}

/// Wrong codes in a row, and the lockout after them.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failures {
    count: u32,
    /// Unix milliseconds.
    locked_until: u64,
}

impl Failures {
    /// Returns the number of spaces that pad a record to a constant size.
    ///
    /// A full store accepts only writes that do not grow a record, and a wrong code that is not
    /// counted would be a free guess.
    pub(super) fn spare(&self) -> usize {
        spare(self.count.into(), u32::MAX.into()) + spare(self.locked_until, u64::MAX)
    }

    /// Checks that the user is not locked out.
    ///
    /// A lockout that ends later than any can, because the clock was ahead when it began, starts
    /// again now: the caller must write the change.
    ///
    /// # Errors
    /// [`ErrorKind::LockedOut`], with the remaining time.
    pub(super) fn check(&mut self, now: Duration, terms: &Terms) -> Result<(), Error> {
        let longest = terms.lockout_after(self.count).unwrap_or(terms.lockout);
        let latest = millis(now.saturating_add(longest));
        self.locked_until = self.locked_until.min(latest);
        match self.locked_until.saturating_sub(millis(now)) {
            0 => Ok(()),
            left => Err(Error::new(ErrorKind::LockedOut, "too many wrong codes: locked out")
                .with_retry_after(Duration::from_millis(left))),
        }
    }

    /// Adds a wrong code and returns the error for it.
    pub(super) fn add(&mut self, now: Duration, terms: &Terms) -> Error {
        self.count = self.count.saturating_add(1);
        if let Some(lockout) = terms.lockout_after(self.count) {
            self.locked_until = millis(now.saturating_add(lockout));
        }
        Error::new(ErrorKind::WrongCode, "the code is wrong")
    }
}

/// Used codes and failures of a user.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempts {
    /// The first time step or counter whose code may still be accepted.
    pub(super) next: u64,
    pub(super) failures: Failures,
}

impl Attempts {
    /// As [`Failures::spare`].
    pub(super) fn spare(&self) -> usize {
        spare(self.next, u64::MAX) + self.failures.spare()
    }

    /// Checks a code and updates the state.
    ///
    /// If the state changed, it must be written before the answer is used.
    pub(super) fn judge(
        &mut self,
        otp: &Otp,
        secret: &OtpSecret,
        code: &str,
        terms: &Terms,
    ) -> Result<(), Error> {
        self.settle(otp.now(), terms, |next| otp.find(secret, code, next))
    }

    /// Checks two consecutive codes, the first at most `ahead` counters ahead.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for TOTP, which has no counter.
    pub(super) fn judge_two(
        &mut self,
        otp: &Otp,
        secret: &OtpSecret,
        codes: [&str; 2],
        ahead: u32,
        terms: &Terms,
    ) -> Result<(), Error> {
        ensure(
            otp.kind() == OtpKind::Hotp,
            "TOTP has no counter that can run ahead: only HOTP can be resynchronized",
        )?;
        let find = |next| otp.find_two(secret, codes, next, ahead);
        self.settle(otp.now(), terms, find)
    }

    fn settle(
        &mut self,
        now: Duration,
        terms: &Terms,
        find: impl FnOnce(u64) -> Match,
    ) -> Result<(), Error> {
        self.failures.check(now, terms)?;
        match find(self.next) {
            Match::Fresh(counter) => {
                // A code of the last counter could not be used up, so it is not accepted.
                let next = counter.checked_add(1).ok_or_else(exhausted)?;
                *self = Self { next, failures: Failures::default() };
                Ok(())
            }
            // Not a guess, often a double click, and useless to an attacker.
            Match::Used => Err(Error::new(
                ErrorKind::UsedCode,
                "the code was used before: wait for the next one",
            )),
            Match::None => Err(self.failures.add(now, terms)),
        }
    }
}

/// How many digits a number has less than the longest.
fn spare(number: u64, longest: u64) -> usize {
    let log = |number: u64| number.checked_ilog10().unwrap_or(0) as usize;
    log(longest) - log(number)
}

fn exhausted() -> Error {
    Error::new(ErrorKind::WrongCode, "the HOTP counter is at its maximum")
}
