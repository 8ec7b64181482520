//! One-time passwords.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(unix, feature = "file", feature = "otp", feature = "redis", feature = "testing"))]
mod api;
#[cfg(all(
    feature = "axum",
    feature = "actix",
    feature = "emulator",
    feature = "file",
    feature = "otp",
    feature = "redis",
    feature = "testing"
))]
mod sessions;
#[cfg(feature = "otp")]
mod vectors;

/// The secret of RFC 6238: with a random one, a code that a test takes for wrong may be right.
#[cfg(all(feature = "file", feature = "otp", feature = "redis", feature = "testing"))]
pub(crate) fn secret() -> jamguard::otp::OtpSecret {
    jamguard::otp::OtpSecret::from_bytes(b"12345678901234567890").unwrap()
}
