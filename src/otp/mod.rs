//! One-time passwords: by the time (TOTP, RFC 6238) and by a counter (HOTP, RFC 4226).
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
mod code;
mod secret;
mod settings;
mod uri;

pub use algorithm::{OtpAlgorithm, OtpKind};
pub use secret::OtpSecret;
pub use settings::{Otp, OtpBuilder};
