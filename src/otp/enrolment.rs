//! Enrolment of an authenticator app: secret, `otpauth` URI and QR code.

use super::algorithm::OtpKind;
use super::qr;
use super::secret::OtpSecret;
use super::settings::Otp;
use crate::core::{Error, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// All characters except the unreserved ones (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Seconds that apps assume if the URI has no period.
const USUAL_PERIOD: u64 = 30;
/// Longer names cannot be told apart, and their QR codes are hard to scan.
const MAX_NAME: usize = 256;

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

impl Otp {
    /// Returns the URI from which an app reads the secret, mostly through a QR code.
    ///
    /// The app shows `issuer` as the application's name and `name` as the account's. HOTP starts at
    /// counter 0. The URI contains the secret.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a name is empty, longer
    /// than 256 bytes, or contains a colon, which separates the issuer from the account.
    ///
    /// ```
    /// use jamguard::otp::{Otp, OtpSecret};
    /// let secret = OtpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?;
    /// assert_eq!(
    ///     Otp::totp().build()?.uri(&secret, "My App", "ann@example.com")?.expose(),
    ///     "otpauth://totp/My%20App:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
    ///      &issuer=My%20App&algorithm=SHA1&digits=6",
    /// );
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn uri(&self, secret: &OtpSecret, issuer: &str, name: &str) -> Result<Secret, Error> {
        let more = match self.kind() {
            OtpKind::Hotp => Some(("counter", 0)),
            OtpKind::Totp => Some(("period", self.period().as_secs()))
                .filter(|(_, seconds)| *seconds != USUAL_PERIOD),
        };
        self.write_uri(secret, issuer, name, more)
    }

    /// Returns the URI for HOTP that starts at a counter.
    ///
    /// # Errors
    /// The errors of [`uri`](Self::uri), also for TOTP, which has no counter.
    pub fn uri_at(
        &self,
        secret: &OtpSecret,
        issuer: &str,
        name: &str,
        counter: u64,
    ) -> Result<Secret, Error> {
        match self.kind() {
            OtpKind::Hotp => self.write_uri(secret, issuer, name, Some(("counter", counter))),
            OtpKind::Totp => Err(Error::configuration("TOTP has no counter: use .uri(…)")),
        }
    }

    fn write_uri(
        &self,
        secret: &OtpSecret,
        issuer: &str,
        name: &str,
        more: Option<(&str, u64)>,
    ) -> Result<Secret, Error> {
        for (text, what) in [(issuer, "issuer"), (name, "account")] {
            if text.is_empty() || text.len() > MAX_NAME || text.contains(':') {
                return Err(Error::configuration(format!(
                    "the {what}'s name for an authenticator app has 1 to 256 bytes and no colon"
                )));
            }
        }
        let secret = secret.to_base32();
        let encode = |text| utf8_percent_encode(text, RESERVED);
        // The maximum length, because a growing string leaves copies of the secret behind.
        let longest = 128 + secret.expose().len() + 6 * issuer.len() + 3 * name.len();
        let mut uri = Zeroizing::new(String::with_capacity(longest));
        // Writing to a String cannot fail.
        let _ = write!(
            uri,
            "otpauth://{}/{}:{}?secret={}&issuer={}&algorithm={}&digits={}",
            self.kind(),
            encode(issuer),
            encode(name),
            secret.expose(),
            // Not form encoding: apps would show a plus sign.
            encode(issuer),
            self.algorithm(),
            self.digits(),
        );
        if let Some((key, value)) = more {
            let _ = write!(uri, "&{key}={value}");
        }
        Ok(Secret::from_zeroizing(uri))
    }
}
