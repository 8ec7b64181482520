//! One-time passwords, TOTP (RFC 6238) and HOTP (RFC 4226), alone or as a second factor.
//!
//! | you want | use |
//! |---|---|
//! | a second factor with enrolment and recovery codes | [`SecondFactor`], and `Session::verify_otp` |
//! | to keep the secrets yourself | [`Enrolment`], [`OtpGuard`], [`RecoveryCodes`], and `Session::step_up` |
//! | only codes | [`Otp`] |
//!
//! ```
//! use jamguard::otp::{Otp, OtpSecret};
//!
//! let otp = Otp::totp().build()?;                             // SHA-1, 6 digits, 30 seconds
//! let secret = OtpSecret::generate()?;
//! let uri = otp.uri(&secret, "My App", "ann@example.com")?;   // for an authenticator app
//! let code = otp.code(&secret)?;
//! assert!(otp.verify(&secret, code.expose())?.is_some());
//! # Ok::<(), jamguard::Error>(())
//! ```

mod algorithm;
mod attempts;
mod code;
mod enrolment;
pub(crate) mod factor;
pub(crate) mod guard;
mod qr;
pub(crate) mod recovery;
mod secret;
pub(crate) mod settings;
mod user_records;

pub use algorithm::{OtpAlgorithm, OtpKind};
pub use enrolment::Enrolment;
pub use factor::{SecondFactor, SecondFactorBuilder};
pub use guard::{OtpGuard, OtpGuardBuilder};
pub use recovery::{RecoveryCodes, RecoveryCodesBuilder};
pub use secret::OtpSecret;
pub use settings::{Otp, OtpBuilder};
