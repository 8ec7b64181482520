//! X.509 certificates, as far as they carry a public key (RFC 5280 section 4.1).

use super::der::{CONTEXT_0, INTEGER, SEQUENCE, element};
use super::error::invalid;
use super::verifying_key::VerifyingKey;
use crate::core::Error;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::time::Duration;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The parts of a certificate that are used; names and signature are not checked.
pub(super) struct Certificate<'a> {
    /// The SPKI public key.
    pub(super) key: &'a [u8],
    /// The content of the field `validity`.
    validity: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Parses a certificate; `None` if the bytes are not one.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let (certificate, rest) = element(der, SEQUENCE)?;
        let (fields, _) = element(certificate, SEQUENCE).filter(|_| rest.is_empty())?;
        let after_version = element(fields, CONTEXT_0).map_or(fields, |(_, rest)| rest);
        let (_serial_number, fields) = element(after_version, INTEGER)?;
        let (_signature, fields) = element(fields, SEQUENCE)?;
        let (_issuer, fields) = element(fields, SEQUENCE)?;
        let (validity, fields) = element(fields, SEQUENCE)?;
        let (_subject, fields) = element(fields, SEQUENCE)?;
        let (_key, rest) = element(fields, SEQUENCE)?;
        Some(Self { key: fields.get(..fields.len() - rest.len())?, validity })
    }

    /// Checks that the certificate is valid at `now`, a Unix time.
    pub(super) fn check_dates(&self, now: Duration) -> Result<(), Error> {
        let (begins, ends) = self.dates().ok_or_else(|| {
            invalid("the certificate's validity is not readable (RFC 5280 section 4.1.2.5)")
        })?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        match now {
            _ if now > ends => Err(invalid(format!(
                "the certificate is expired since {} s: the issuer must publish a current one",
                now - ends
            ))),
            _ if now < begins => Err(invalid(format!(
                "the certificate is not valid yet, for {} s: is this machine's clock right?",
                begins - now
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the first and the last Unix second of its validity.
    fn dates(&self) -> Option<(i64, i64)> {
        let (begins, rest) = time(self.validity)?;
        let (ends, _) = time(rest)?;
        Some((begins, ends))
    }
}

/// Returns the key of the first certificate in a JWK's `x5c` (RFC 7517 section 4.7).
///
/// `None` if there is no readable certificate. The dates are checked if `now` is given.
pub(super) fn first_of_chain(
    jwk: &Value,
    now: Option<Duration>,
) -> Result<Option<VerifyingKey>, Error> {
    let Some(der) = jwk["x5c"][0].as_str().and_then(|text| STANDARD.decode(text).ok()) else {
        return Ok(None);
    };
    let Some(certificate) = Certificate::parse(&der) else {
        return Ok(None);
    };
    if let Some(now) = now {
        certificate.check_dates(now)?;
    }
    VerifyingKey::from_spki(certificate.key).map(Some)
}

/// Parses a UTCTime or GeneralizedTime in the form of RFC 5280, and returns the rest.
fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let (text, rest, century) = match (element(der, UTC_TIME), element(der, GENERALIZED_TIME)) {
        (Some((text, rest)), _) => (text, rest, None),
        (None, Some((text, rest))) => {
            let (century, text) = text.split_at_checked(2)?;
            (text, rest, Some(two_digits(century)?))
        }
        (None, None) => return None,
    };
    let (digits, b"Z") = text.split_at_checked(12)? else {
        return None;
    };
    let mut fields = digits.chunks(2).map(two_digits);
    let mut next = || fields.next().flatten();
    let (year, month, day) = (next()?, next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Two digits stand for 1950 to 2049.
    let century = century.unwrap_or(if year < 50 { 20 } else { 19 });
    let days = days_since_1970(century * 100 + year, month, day);
    Some((((days * 24 + hour) * 60 + minute) * 60 + second, rest))
}

fn two_digits(text: &[u8]) -> Option<i64> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let to_1970 = 719_468;
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - to_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_both_forms() {
        let read = |tag, text: &str| {
            let der = [&[tag, text.len() as u8], text.as_bytes()].concat();
            time(&der).map(|(seconds, _)| seconds)
        };
        for (text, seconds) in [
            ("700101000000Z", Some(0)),
            ("000229000000Z", Some(951_782_400)),
            ("270115080000Z", Some(1_800_000_000)),
            ("491231235959Z", Some(2_524_607_999)),
            ("500101000000Z", Some(-631_152_000)),
            ("2701150800Z", None),
            ("270115080000+0100", None),
            ("271315080000Z", None),
            ("270100080000Z", None),
            ("270115240000Z", None),
            ("27011508000aZ", None),
            ("", None),
        ] {
            assert_eq!(read(UTC_TIME, text), seconds, "{text}");
        }
        assert_eq!(read(GENERALIZED_TIME, "20270115080000Z"), Some(1_800_000_000));
        assert_eq!(read(GENERALIZED_TIME, "21000301000000Z"), Some(4_107_542_400));
        assert_eq!(read(GENERALIZED_TIME, "270115080000Z"), None);
        assert_eq!(read(INTEGER, "270115080000Z"), None);
    }
}
