//! Enrolment of an authenticator app: secret, `otpauth` URI and QR code.

use super::qr;
use super::secret::OtpSecret;
use super::settings::Otp;
use crate::core::error::Error;
use crate::core::secret::Secret;
use std::fmt;

/// A new secret in the forms that authenticator apps accept. Redacted in `Debug`.
///
/// All forms contain the secret: send them only to its user, with `Cache-Control: no-store`.
///
/// # Example
/// ```
/// use jamguard::otp::{Enrolment, Otp};
///
/// let enrolment = Enrolment::new(&Otp::totp().build()?, "My App", "ann@example.com")?;
/// let page = format!("{}<p>{}", enrolment.qr_svg()?, enrolment.secret().to_base32().expose());
/// let image = enrolment.qr_png()?;
/// assert!(page.starts_with("<svg") && image.starts_with(b"\x89PNG"));
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct Enrolment {
    secret: OtpSecret,
    uri: Secret,
}

impl Enrolment {
    /// Generates a secret of 160 bits for the account `name`.
    ///
    /// The application keeps the secret, and enrols the user only after a first right code.
    /// [`SecondFactor`](super::SecondFactor) does all of this.
    ///
    /// # Errors
    /// The errors of [`Otp::uri`].
    pub fn new(otp: &Otp, issuer: &str, name: &str) -> Result<Self, Error> {
        Self::of(OtpSecret::generate()?, otp, issuer, name)
    }

    /// Creates an enrolment for an existing secret.
    ///
    /// # Errors
    /// The errors of [`Otp::uri`].
    pub fn of(secret: OtpSecret, otp: &Otp, issuer: &str, name: &str) -> Result<Self, Error> {
        let uri = otp.uri(&secret, issuer, name)?;
        Ok(Self { secret, uri })
    }

    /// Creates an enrolment for HOTP that starts at a counter.
    ///
    /// # Errors
    /// The errors of [`Otp::uri_at`].
    pub fn at(
        secret: OtpSecret,
        otp: &Otp,
        issuer: &str,
        name: &str,
        counter: u64,
    ) -> Result<Self, Error> {
        let uri = otp.uri_at(&secret, issuer, name, counter)?;
        Ok(Self { secret, uri })
    }

    /// Returns the secret.
    ///
    /// Users who cannot scan a QR code type its [`to_base32`](OtpSecret::to_base32).
    pub fn secret(&self) -> &OtpSecret {
        &self.secret
    }

    /// Returns the `otpauth` URI: as a link it opens the app on the same device.
    pub fn uri(&self) -> &Secret {
        &self.uri
    }

    /// Returns the URI as a QR code: an SVG element that can be embedded in a page.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the names, at hundreds of
    /// bytes, do not fit into a QR code.
    pub fn qr_svg(&self) -> Result<String, Error> {
        qr::to_svg(self.uri.expose())
    }

    /// Returns the URI as a QR code: a PNG file.
    ///
    /// # Errors
    /// The errors of [`qr_svg`](Self::qr_svg).
    pub fn qr_png(&self) -> Result<Vec<u8>, Error> {
        qr::to_png(self.uri.expose())
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(redacted)")
    }
}
