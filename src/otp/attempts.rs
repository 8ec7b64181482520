//! What is remembered of somebody's attempts, so that a code is accepted once and guesses end.

use super::algorithm::OtpKind;
use super::code::Match;
use super::secret::OtpSecret;
use super::settings::Otp;
use crate::core::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who guesses on goes without an answer for a day at a time.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// When guessing ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) max_failures: u32,
    /// The first time; each failure after it doubles it.
    pub(super) lockout: Duration,
}

impl Terms {
    pub(super) const DEFAULT: Self = Self {
        max_failures: 5,
        lockout: Duration::from_secs(15 * 60),
    };

    pub(super) fn check(&self) -> Result<(), Error> {
        if !(1..=100).contains(&self.max_failures) {
            return Err(Error::configuration(
                "a user is locked out after 1 to 100 wrong codes (NIST SP 800-63B section 3.2.2): \
                 5 is usual",
            ));
        }
        if !(Duration::from_secs(1)..=LONGEST).contains(&self.lockout) {
            return Err(Error::configuration(
                "a lockout takes a second to a day: a quarter of an hour is usual",
            ));
        }
        Ok(())
    }

    /// How long after so many failures no code is looked at.
    fn lockout(&self, failures: u32) -> Option<Duration> {
        let beyond = failures.checked_sub(self.max_failures)?;
        let doubled = 2_u32.saturating_pow(beyond.min(31));
        Some(self.lockout.saturating_mul(doubled).min(LONGEST))
    }
}

/// How many counters an authenticator may have run ahead to be found again, unless set.
pub(super) const RESYNC_WINDOW: u32 = 100;

/// # Errors
/// [`ErrorKind::Configuration`] for a window in which nothing is found, or that takes too long to look
/// through.
pub(super) fn check_resync_window(counters: u32) -> Result<(), Error> {
    match counters {
        1..=1000 => Ok(()),
        _ => Err(Error::configuration(
            "an authenticator is found again within 1 to 1000 counters: 100 is usual",
        )),
    }
}

/// Wrong codes in a row.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failures {
    count: u32,
    /// Unix milliseconds.
    locked_until: u64,
}

impl Failures {
    /// Checks that codes are looked at. A lockout that ends later than any can, because the clock was
    /// ahead when it began, begins again now: what changes is to be written.
    ///
    /// # Errors
    /// [`ErrorKind::LockedOut`].
    pub(super) fn check(&mut self, now: Duration, terms: &Terms) -> Result<(), Error> {
        let longest = terms.lockout(self.count).unwrap_or(terms.lockout);
        let latest = millis(now.saturating_add(longest));
        self.locked_until = self.locked_until.min(latest);
        match self.locked_until.saturating_sub(millis(now)) {
            0 => Ok(()),
            left => Err(
                Error::new(ErrorKind::LockedOut, "too many wrong codes: locked out")
                    .with_retry_after(Duration::from_millis(left)),
            ),
        }
    }

    /// Counts a wrong code, and gives what to answer.
    pub(super) fn add(&mut self, now: Duration, terms: &Terms) -> Error {
        self.count = self.count.saturating_add(1);
        if let Some(lockout) = terms.lockout(self.count) {
            self.locked_until = millis(now.saturating_add(lockout));
        }
        Error::new(ErrorKind::WrongCode, "the code is wrong")
    }
}

/// Codes that were used up, and wrong ones.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempts {
    /// The first time step or counter that no code was accepted of, and none of a later one.
    pub(super) next: u64,
    pub(super) failures: Failures,
}

impl Attempts {
    /// Judges a code. Unless this changes what is remembered, nothing is to be written; and what is
    /// to be written must be before the answer counts.
    pub(super) fn judge(
        &mut self,
        otp: &Otp,
        secret: &OtpSecret,
        code: &str,
        terms: &Terms,
    ) -> Result<(), Error> {
        self.settle(otp.now(), terms, |next| otp.find(secret, code, next))
    }

    /// The same of two codes of counters one after the other, the first at most so many ahead.
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
        if otp.kind() == OtpKind::Totp {
            return Err(Error::configuration(
                "TOTP goes by the time: only HOTP has a counter that can run ahead",
            ));
        }
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
                // Of the last counter that there is no code can be used up, so none is accepted.
                let next = counter.checked_add(1).ok_or_else(exhausted)?;
                *self = Self {
                    next,
                    failures: Failures::default(),
                };
                Ok(())
            }
            // Somebody pressed a button twice: no guess, and nothing to be had by it.
            Match::Used => Err(Error::new(
                ErrorKind::UsedCode,
                "the code was used before: wait for the next one",
            )),
            Match::None => Err(self.failures.add(now, terms)),
        }
    }
}

fn exhausted() -> Error {
    Error::new(ErrorKind::WrongCode, "the counter is at its end")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
