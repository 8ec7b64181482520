//! What a user's authenticator app is told.

use super::qr;
use super::secret::OtpSecret;
use super::settings::Otp;
use crate::core::error::Error;
use crate::core::secret::Secret;
use std::fmt;

/// A new secret, in the forms in which it gets into an authenticator app. Redacted in `Debug`.
///
/// All forms hold the secret: send them with `Cache-Control: no-store`, to its user alone.
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
    /// A new secret of 160 bits for an account of this name, to be kept by you: the user has it only
    /// when a first code was right. [`SecondFactor`](super::SecondFactor) does all that.
    ///
    /// # Errors
    /// As [`Otp::uri`].
    pub fn new(otp: &Otp, issuer: &str, name: &str) -> Result<Self, Error> {
        Self::of(OtpSecret::generate()?, otp, issuer, name)
    }

    /// The same for a secret that there is.
    ///
    /// # Errors
    /// As [`Otp::uri`].
    pub fn of(secret: OtpSecret, otp: &Otp, issuer: &str, name: &str) -> Result<Self, Error> {
        let uri = otp.uri(&secret, issuer, name)?;
        Ok(Self { secret, uri })
    }

    /// The same for HOTP that begins at this counter.
    ///
    /// # Errors
    /// As [`Otp::uri_at`].
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

    /// The secret; [`to_base32`](OtpSecret::to_base32) is what people type in who cannot scan.
    pub fn secret(&self) -> &OtpSecret {
        &self.secret
    }

    /// The `otpauth` URI: a link that opens the app, where the page is on the same device.
    pub fn uri(&self) -> &Secret {
        &self.uri
    }

    /// The URI as a QR code: an SVG element, as it can stand in a page.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where names of hundreds of
    /// bytes do not fit into one.
    pub fn qr_svg(&self) -> Result<String, Error> {
        qr::to_svg(self.uri.expose())
    }

    /// The URI as a QR code: a PNG file.
    ///
    /// # Errors
    /// As [`qr_svg`](Self::qr_svg).
    pub fn qr_png(&self) -> Result<Vec<u8>, Error> {
        qr::to_png(self.uri.expose())
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(redacted)")
    }
}
