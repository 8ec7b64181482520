//! How an application's one-time passwords look.

use super::algorithm::{OtpAlgorithm, OtpKind};
use super::code::{Codes, MAX_DIGITS, Match};
use super::secret::OtpSecret;
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::core::secret::Secret;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// RFC 4226 section 4, R4.
const MIN_DIGITS: u8 = 6;
const DEFAULT_PERIOD: Duration = Duration::from_secs(30);
/// Each step more is a right code more for who guesses.
const MAX_LOOK_AHEAD: u32 = 20;

/// Makes and checks one-time passwords: by the time (RFC 6238) or by a counter (RFC 4226). Cheap to
/// clone.
///
/// **A right code is not all**: it must not be right again, and guesses must end.
/// [`OtpGuard`](super::OtpGuard) sees to both, and [`SecondFactor`](super::SecondFactor) to the
/// secrets as well.
///
/// # Example
/// ```
/// use jamguard::otp::{Otp, OtpSecret};
///
/// let otp = Otp::totp().build()?;                    // what every authenticator app knows
/// let secret = OtpSecret::generate()?;
/// println!("{}", otp.uri(&secret, "My App", "ann@example.com")?.expose());
/// let code = otp.code(&secret)?;
/// assert!(otp.verify(&secret, code.expose())?.is_some());
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct Otp {
    kind: OtpKind,
    algorithm: OtpAlgorithm,
    digits: u8,
    /// Seconds.
    period: u64,
    look_ahead: u32,
    clock: Arc<dyn Clock>,
}

/// Sets [`Otp`] up.
///
/// # Example
/// ```
/// use jamguard::otp::{Otp, OtpAlgorithm, OtpKind};
/// use std::time::Duration;
///
/// let strong = Otp::totp().algorithm(OtpAlgorithm::Sha512).digits(8).build()?;
/// let slow = Otp::totp().period(Duration::from_secs(60)).look_ahead(0).build()?;
/// let by_name = Otp::builder("hotp".parse::<OtpKind>()?).look_ahead(10).build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct OtpBuilder {
    kind: OtpKind,
    algorithm: OtpAlgorithm,
    digits: u8,
    period: Option<Duration>,
    look_ahead: u32,
    clock: Arc<dyn Clock>,
}

impl OtpBuilder {
    /// The hash; SHA-1 unless set, because some apps ignore another one and show wrong codes.
    pub fn algorithm(mut self, algorithm: OtpAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// How many digits a code has, 6 to 10; 6 unless set. A tenth digit adds little: the number has
    /// 31 bits.
    pub fn digits(mut self, digits: u8) -> Self {
        self.digits = digits;
        self
    }

    /// How long a TOTP code is shown, in whole seconds; 30 unless set (RFC 6238 section 5.2).
    pub fn period(mut self, period: Duration) -> Self {
        self.period = Some(period);
        self
    }

    /// How far a code may be from where it is expected, 20 at most; 1 unless set. For TOTP so many
    /// steps before and after (RFC 6238 section 5.2), for HOTP so many counters ahead (RFC 4226
    /// section 7.4); one that is further ahead
    /// [`SecondFactor::resync`](super::SecondFactor::resync) finds by two codes.
    pub fn look_ahead(mut self, steps: u32) -> Self {
        self.look_ahead = steps;
        self
    }

    /// By whose wall time codes and lockouts go; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<Otp, Error> {
        if !(MIN_DIGITS..=MAX_DIGITS).contains(&self.digits) {
            return Err(Error::configuration(format!(
                "a one-time password of {} digits: give .digits(…) 6 to 10",
                self.digits
            )));
        }
        if self.look_ahead > MAX_LOOK_AHEAD {
            return Err(Error::configuration(format!(
                "a look-ahead of {} makes one-time passwords too easy to guess: give \
                 .look_ahead(…) 20 at most",
                self.look_ahead
            )));
        }
        if self.period.is_some() && self.kind == OtpKind::Hotp {
            return Err(Error::configuration(
                "HOTP goes by a counter: leave .period(…) out, or use Otp::totp()",
            ));
        }
        let period = self.period.unwrap_or(DEFAULT_PERIOD);
        if period.as_secs() == 0 || period.subsec_nanos() > 0 {
            return Err(Error::configuration(
                "the period of one-time passwords is in whole seconds, one or more",
            ));
        }
        Ok(Otp {
            kind: self.kind,
            algorithm: self.algorithm,
            digits: self.digits,
            period: period.as_secs(),
            look_ahead: self.look_ahead,
            clock: self.clock,
        })
    }
}

impl Otp {
    /// Codes that follow the time (RFC 6238).
    pub fn totp() -> OtpBuilder {
        Self::builder(OtpKind::Totp)
    }

    /// Codes that follow a counter (RFC 4226).
    pub fn hotp() -> OtpBuilder {
        Self::builder(OtpKind::Hotp)
    }

    /// Codes of this kind.
    pub fn builder(kind: OtpKind) -> OtpBuilder {
        OtpBuilder {
            kind,
            algorithm: OtpAlgorithm::default(),
            digits: MIN_DIGITS,
            period: None,
            look_ahead: 1,
            clock: Arc::new(SystemClock),
        }
    }

    /// The TOTP code of this moment.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for HOTP, whose counter
    /// [`code_at`](Self::code_at) takes.
    pub fn code(&self, secret: &OtpSecret) -> Result<Secret, Error> {
        Ok(self.code_at(secret, self.present()?))
    }

    /// The code at a Unix time in seconds (TOTP) or of a counter (HOTP).
    ///
    /// ```
    /// use jamguard::otp::{Otp, OtpSecret};
    /// let secret = OtpSecret::from_bytes(b"12345678901234567890")?;
    /// assert_eq!(Otp::totp().build()?.code_at(&secret, 59).expose(), "287082");
    /// assert_eq!(Otp::hotp().build()?.code_at(&secret, 1).expose(), "287082");
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn code_at(&self, secret: &OtpSecret, factor: u64) -> Secret {
        let digits = Codes::new(self, secret).code(self.counter(factor));
        Secret::new(digits.iter().copied().map(char::from).collect::<String>())
    }

    /// Whether a code is right at this moment: the time step that it is of, `None` where it is not.
    /// Spaces and hyphens in it do not matter: `123 456` is `123456`.
    ///
    /// The same code is right again until its time is over, and nobody counts guesses:
    /// [`OtpGuard::verify`](super::OtpGuard::verify) does both.
    ///
    /// # Errors
    /// As [`code`](Self::code); [`verify_at`](Self::verify_at) takes a counter.
    pub fn verify(&self, secret: &OtpSecret, code: &str) -> Result<Option<u64>, Error> {
        Ok(self.verify_at(secret, code, self.present()?))
    }

    /// Whether a code is right at a Unix time in seconds (TOTP: so many steps of
    /// [`look_ahead`](OtpBuilder::look_ahead) before and after) or at a counter (HOTP: so many
    /// ahead): the step or counter that it is of, the last where it is of two. What comes next is yours
    /// to remember; see [`verify`](Self::verify).
    ///
    /// All codes that could be right are compared, each in constant time.
    pub fn verify_at(&self, secret: &OtpSecret, code: &str, factor: u64) -> Option<u64> {
        let window = self.window(self.counter(factor));
        match Codes::new(self, secret).find(code, window, 0) {
            Match::Fresh(counter) => Some(counter),
            Match::Used | Match::None => None,
        }
    }

    /// What codes are made from.
    pub fn kind(&self) -> OtpKind {
        self.kind
    }

    /// The hash.
    pub fn algorithm(&self) -> OtpAlgorithm {
        self.algorithm
    }

    /// How many digits a code has.
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// How long a TOTP code is shown.
    pub fn period(&self) -> Duration {
        Duration::from_secs(self.period)
    }

    /// How far a code may be from where it is expected.
    pub fn look_ahead(&self) -> u32 {
        self.look_ahead
    }

    /// Time since the Unix epoch.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// What codes have now, where that is a question of the time.
    fn present(&self) -> Result<u64, Error> {
        match self.kind {
            OtpKind::Totp => Ok(self.now().as_secs()),
            OtpKind::Hotp => Err(Error::configuration(
                "a HOTP code is one of a counter: give it, by .code_at(…) or .verify_at(…)",
            )),
        }
    }

    fn counter(&self, factor: u64) -> u64 {
        match self.kind {
            OtpKind::Totp => factor / self.period,
            OtpKind::Hotp => factor,
        }
    }

    /// The counters whose codes are right at this one.
    fn window(&self, counter: u64) -> RangeInclusive<u64> {
        let reach = u64::from(self.look_ahead);
        let first = match self.kind {
            OtpKind::Totp => counter.saturating_sub(reach),
            OtpKind::Hotp => counter,
        };
        first..=counter.saturating_add(reach)
    }

    /// Looks for a code among those that are right now; before `next` they are used up.
    pub(super) fn find(&self, secret: &OtpSecret, code: &str, next: u64) -> Match {
        let window = match self.kind {
            OtpKind::Totp => self.window(self.counter(self.now().as_secs())),
            // Those that were just used are looked at too, to be told from wrong ones.
            OtpKind::Hotp => {
                let (_, last) = self.window(next).into_inner();
                next.saturating_sub(1 + u64::from(self.look_ahead))..=last
            }
        };
        Codes::new(self, secret).find(code, window, next)
    }

    /// Looks for two codes of counters one after the other, the first at most so many ahead.
    pub(super) fn find_two(
        &self,
        secret: &OtpSecret,
        codes: [&str; 2],
        next: u64,
        ahead: u32,
    ) -> Match {
        // From the two that were just used, to be told from wrong ones, to the last second.
        let last = next.saturating_add(u64::from(ahead)).saturating_add(1);
        Codes::new(self, secret).find_two(codes, next.saturating_sub(2)..=last, next)
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otp")
            .field("kind", &self.kind)
            .field("algorithm", &self.algorithm)
            .field("digits", &self.digits)
            .field("period", &self.period())
            .field("look_ahead", &self.look_ahead)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OtpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpBuilder")
            .field("kind", &self.kind)
            .field("algorithm", &self.algorithm)
            .field("digits", &self.digits)
            .field("period", &self.period)
            .field("look_ahead", &self.look_ahead)
            .finish_non_exhaustive()
    }
}
