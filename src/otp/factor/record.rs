//! The stored record of a user's second factor.

use crate::core::{Error, ErrorKind};
use crate::otp::{attempts::Attempts, recovery::Sheet, secret::OtpSecret, settings::Otp};
use crate::store::SealingKeys;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;
use zeroize::Zeroizing;

/// Longer than any record: a growing buffer would leave copies of the secret behind.
const ROOM: usize = 8 << 10;

/// A user's authenticator and attempts, in one record so that updates are atomic.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Factor {
    #[serde(serialize_with = "to_base32", deserialize_with = "from_base32")]
    pub(super) secret: OtpSecret,
    #[serde(flatten)]
    pub(super) form: Form,
    pub(super) attempts: Attempts,
    /// `None` until the enrolment is confirmed.
    pub(super) recovery: Option<Sheet>,
}

/// The form of the authenticator's codes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Form {
    kind: String,
    algorithm: String,
    digits: u8,
    /// Seconds.
    period: u64,
}

fn to_base32<S: Serializer>(secret: &OtpSecret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.to_base32().expose())
}

fn from_base32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OtpSecret, D::Error> {
    // Borrowed from the decrypted text, which is wiped. An imported secret may be short.
    let text = <&str>::deserialize(deserializer)?;
    OtpSecret::danger_from_short_base32(text).map_err(D::Error::custom)
}

impl Form {
    pub(super) fn of(otp: &Otp) -> Self {
        Self {
            kind: otp.kind().to_string(),
            algorithm: otp.algorithm().to_string(),
            digits: otp.digits(),
            period: otp.period().as_secs(),
        }
    }

    /// Returns a verifier for codes of this form, with the current look-ahead and clock.
    fn otp(&self, now: &Otp) -> Option<Otp> {
        let otp = Otp::builder(self.kind.parse().ok()?)
            .algorithm(self.algorithm.parse().ok()?)
            .digits(self.digits)
            .look_ahead(now.look_ahead())
            .clock(now.clock());
        let otp = match self.kind.as_str() {
            "totp" => otp.period(Duration::from_secs(self.period)),
            _ => otp,
        };
        otp.build().ok()
    }
}

impl Factor {
    /// Returns the verifier for its codes.
    pub(super) fn otp(&self, now: &Otp) -> Result<Otp, Error> {
        self.form.otp(now).ok_or_else(damaged)
    }

    /// Encrypts the record for this key of the store.
    pub(super) fn seal(&self, place: &str, keys: &SealingKeys) -> Result<Vec<u8>, Error> {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        serde_json::to_writer(&mut *text, self).map_err(|_| damaged())?;
        let of_recovery = self.recovery.as_ref().map(|sheet| sheet.failures.spare());
        let length = text.len() + self.attempts.spare() + of_recovery.unwrap_or(0);
        text.resize(length, b' ');
        keys.seal(place, &text)
    }

    /// Decrypts what [`seal`](Self::seal) wrote.
    pub(super) fn open(place: &str, sealed: &[u8], keys: &SealingKeys) -> Result<Self, Error> {
        let text = keys.open(place, sealed)?;
        serde_json::from_slice(&text).map_err(|_| damaged())
    }
}

fn damaged() -> Error {
    let message = "a user's second factor is damaged, or was written by another program";
    Error::new(ErrorKind::Storage, message)
}
