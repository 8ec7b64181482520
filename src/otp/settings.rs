//! [`Otp`]: generates and verifies one-time passwords.

use super::algorithm::{OtpAlgorithm, OtpKind};
use super::code::{Codes, MAX_DIGITS, Match};
use super::secret::OtpSecret;
use crate::core::settings::{Time, options, setters};
use crate::core::{Clock, Error, Secret, SystemClock, debug_fields, ensure};
use std::{ops::RangeInclusive, sync::Arc, time::Duration};

/// RFC 4226 section 4, R4.
const MIN_DIGITS: u8 = 6;
const DEFAULT_PERIOD: Duration = Duration::from_secs(30);
/// Each further step is one more code that a guess may hit.
const MAX_LOOK_AHEAD: u32 = 20;

/// A generator and verifier of TOTP (RFC 6238) or HOTP (RFC 4226) codes. Cheap to clone.
///
/// **A right code is not enough**: it must not be accepted again, and guesses must be limited.
/// [`OtpGuard`](super::OtpGuard) does both, and [`SecondFactor`](super::SecondFactor) also keeps
/// the secrets.
///
/// # Example
/// ```
/// use jamguard::otp::{Otp, OtpSecret};
///
/// let otp = Otp::totp().build()?;                    // supported by every authenticator app
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

options! {
    /// Form of one-time passwords.
    OtpOptions {
        /// Time-based (`totp`) or counter-based (`hotp`) codes. Default: `totp`.
        kind: OtpKind = OtpKind::Totp,
        /// Hash of the codes. Default: `SHA1`, because some apps ignore any other.
        algorithm: OtpAlgorithm = OtpAlgorithm::Sha1,
        /// Digits of a code, 6 to 10. Default: 6.
        digits: u8 = MIN_DIGITS,
        /// How long a TOTP code is shown, in whole seconds. Default: 30 s.
        period: Option<Time> = None,
        /// How far a code may be from the expected one, 0 to 20 codes. Default: 1.
        look_ahead: u32 = 1,
    }
}

/// A builder for [`Otp`].
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
    clock: Arc<dyn Clock>,
    pub(crate) options: OtpOptions,
}

impl OtpBuilder {
    setters! {
        /// Sets the hash. Default: SHA-1, because some apps ignore any other and show wrong codes.
        pub fn algorithm(algorithm: OtpAlgorithm) { self.options.algorithm = algorithm }

        /// Sets the number of digits of a code, 6 to 10. Default: 6.
        ///
        /// A tenth digit adds little: the number has 31 bits.
        pub fn digits(digits: u8) { self.options.digits = digits }

        /// Sets how long a TOTP code is shown, in whole seconds. Default: 30 s (RFC 6238 section
        /// 5.2).
        pub fn period(period: Duration) { self.options.period = Some(Time(period)) }

        /// Sets how far a code may be from the expected one, 0 to 20. Default: 1.
        ///
        /// For TOTP in time steps before and after (RFC 6238 section 5.2), for HOTP in counters
        /// ahead (RFC 4226 section 7.4). An authenticator further ahead needs
        /// [`SecondFactor::resync`](super::SecondFactor::resync) with two codes.
        pub fn look_ahead(steps: u32) { self.options.look_ahead = steps }

        /// Sets the clock whose wall time codes and lockouts follow. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the generator and verifier.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<Otp, Error> {
        let OtpOptions { kind, algorithm, digits, period, look_ahead } = self.options;
        if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits) {
            return Err(Error::configuration(format!(
                "a one-time password of {digits} digits: give .digits(…) 6 to 10"
            )));
        }
        if look_ahead > MAX_LOOK_AHEAD {
            return Err(Error::configuration(format!(
                "a look-ahead of {look_ahead} makes one-time passwords too easy to guess: give \
                 .look_ahead(…) 20 at most"
            )));
        }
        ensure(
            period.is_none() || kind == OtpKind::Totp,
            "HOTP has no period: leave .period(…) out, or use Otp::totp()",
        )?;
        let period = period.map_or(DEFAULT_PERIOD, |Time(period)| period);
        ensure(
            period.as_secs() > 0 && period.subsec_nanos() == 0,
            "the period of one-time passwords is in whole seconds, one or more",
        )?;
        let period = period.as_secs();
        Ok(Otp { kind, algorithm, digits, period, look_ahead, clock: self.clock })
    }
}

impl Otp {
    /// Returns a builder for time-based codes (RFC 6238).
    pub fn totp() -> OtpBuilder {
        Self::builder(OtpKind::Totp)
    }

    /// Returns a builder for counter-based codes (RFC 4226).
    pub fn hotp() -> OtpBuilder {
        Self::builder(OtpKind::Hotp)
    }

    /// Returns a builder for codes of this kind.
    pub fn builder(kind: OtpKind) -> OtpBuilder {
        let options = OtpOptions { kind, ..OtpOptions::default() };
        OtpBuilder { clock: Arc::new(SystemClock), options }
    }

    /// Returns the current TOTP code.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for HOTP: pass its counter to
    /// [`code_at`](Self::code_at).
    pub fn code(&self, secret: &OtpSecret) -> Result<Secret, Error> {
        Ok(self.code_at(secret, self.present()?))
    }

    /// Returns the code at a Unix time in seconds (TOTP) or of a counter (HOTP).
    ///
    /// ```
    /// use jamguard::otp::{Otp, OtpSecret};
    /// let secret = OtpSecret::from_bytes(b"12345678901234567890")?;
    /// assert_eq!(Otp::totp().build()?.code_at(&secret, 59).expose(), "287082");
    /// assert_eq!(Otp::hotp().build()?.code_at(&secret, 1).expose(), "287082");
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn code_at(&self, secret: &OtpSecret, factor: u64) -> Secret {
        let digits = self.codes(secret).code(self.counter(factor));
        Secret::new(digits.iter().copied().map(char::from).collect::<String>())
    }

    /// Returns the time step of a code that is currently right; `None` if it is wrong.
    ///
    /// Spaces and hyphens in it are ignored: `123 456` is `123456`.
    ///
    /// The same code is right again until it expires, and guesses are not limited:
    /// [`OtpGuard::verify`](super::OtpGuard::verify) prevents both.
    ///
    /// # Errors
    /// The errors of [`code`](Self::code): for HOTP use [`verify_at`](Self::verify_at).
    pub fn verify(&self, secret: &OtpSecret, code: &str) -> Result<Option<u64>, Error> {
        Ok(self.verify_at(secret, code, self.present()?))
    }

    /// Verifies a code at a Unix time in seconds (TOTP) or a counter (HOTP).
    ///
    /// Returns the code's time step or counter, the last one if several have this code, or `None`
    /// if it is wrong. [`look_ahead`](OtpBuilder::look_ahead) says how many steps before and after
    /// (TOTP) or counters ahead (HOTP) are accepted. The caller remembers what was used: see
    /// [`verify`](Self::verify).
    ///
    /// All codes of the window are compared, each in constant time.
    pub fn verify_at(&self, secret: &OtpSecret, code: &str, factor: u64) -> Option<u64> {
        let window = self.window(self.counter(factor));
        match self.codes(secret).find(code, window, 0) {
            Match::Fresh(counter) => Some(counter),
            Match::Used | Match::None => None,
        }
    }

    /// Returns the kind of codes: time-based or counter-based.
    pub fn kind(&self) -> OtpKind {
        self.kind
    }

    /// Returns the hash.
    pub fn algorithm(&self) -> OtpAlgorithm {
        self.algorithm
    }

    /// Returns the number of digits of a code.
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// Returns how long a TOTP code is shown.
    pub fn period(&self) -> Duration {
        Duration::from_secs(self.period)
    }

    /// Returns how far a code may be from the expected one, in time steps or counters.
    pub fn look_ahead(&self) -> u32 {
        self.look_ahead
    }

    /// Returns the codes of a secret.
    fn codes(&self, secret: &OtpSecret) -> Codes {
        Codes::new(self.algorithm, self.digits, secret)
    }

    /// Returns the time since the Unix epoch.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Returns the current Unix time in seconds, for TOTP.
    fn present(&self) -> Result<u64, Error> {
        match self.kind {
            OtpKind::Totp => Ok(self.now().as_secs()),
            OtpKind::Hotp => Err(Error::configuration(
                "HOTP needs a counter: pass it to .code_at(…) or .verify_at(…)",
            )),
        }
    }

    fn counter(&self, factor: u64) -> u64 {
        match self.kind {
            OtpKind::Totp => factor / self.period,
            OtpKind::Hotp => factor,
        }
    }

    /// Returns the counters whose codes are accepted at this one.
    fn window(&self, counter: u64) -> RangeInclusive<u64> {
        let reach = u64::from(self.look_ahead);
        let first = match self.kind {
            OtpKind::Totp => counter.saturating_sub(reach),
            OtpKind::Hotp => counter,
        };
        first..=counter.saturating_add(reach)
    }

    /// Searches the currently accepted codes; those before `next` are used up.
    pub(super) fn find(&self, secret: &OtpSecret, code: &str, next: u64) -> Match {
        let window = match self.kind {
            OtpKind::Totp => self.window(self.counter(self.now().as_secs())),
            // Recently used codes are searched too, to tell them from wrong ones.
            OtpKind::Hotp => {
                let (_, last) = self.window(next).into_inner();
                next.saturating_sub(1 + u64::from(self.look_ahead))..=last
            }
        };
        self.codes(secret).find(code, window, next)
    }

    /// Searches for two consecutive codes, the first at most `ahead` counters ahead.
    pub(super) fn find_two(
        &self,
        secret: &OtpSecret,
        codes: [&str; 2],
        next: u64,
        ahead: u32,
    ) -> Match {
        // Starts at the two codes that were just used, to tell them from wrong ones.
        let last = next.saturating_add(u64::from(ahead)).saturating_add(1);
        self.codes(secret).find_two(codes, next.saturating_sub(2)..=last, next)
    }
}

debug_fields!(
    Otp,
    self,
    kind = self.kind,
    algorithm = self.algorithm,
    digits = self.digits,
    period = self.period(),
    look_ahead = self.look_ahead
);

debug_fields!(
    OtpBuilder,
    self,
    kind = self.options.kind,
    algorithm = self.options.algorithm,
    digits = self.options.digits,
    period = self.options.period,
    look_ahead = self.options.look_ahead
);
