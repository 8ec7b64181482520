//! The stored record of a user's recovery codes.

use crate::core::{Error, ErrorKind, Secret, ensure, hash::sha256_of, random::random};
use crate::jose::encoding;
use crate::otp::attempts::{Failures, Terms};
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// Default number of codes per user.
pub(in crate::otp) const SHEET: usize = 10;
/// 120 bits: from 112 bits on, a plain hash is enough (NIST SP 800-63B section 3.1.2.2).
const BYTES: usize = 15;
const CHARACTERS: usize = 24;
const SALT: usize = 16;

pub(in crate::otp) fn check_count(count: usize) -> Result<(), Error> {
    ensure((1..=50).contains(&count), "a user has 1 to 50 recovery codes: 10 is usual")
}

/// Hashes of a user's codes, from which no code can be computed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::otp) struct Sheet {
    salt: String,
    /// Hashes of the unused codes.
    hashes: Vec<String>,
    /// Hashes of the used codes, to tell their repetition from a guess.
    #[serde(default)]
    used: Vec<String>,
    pub(in crate::otp) failures: Failures,
}

impl Sheet {
    /// Generates codes and the record of their hashes.
    pub(in crate::otp) fn generate(count: usize) -> Result<(Self, Vec<Secret>), Error> {
        let mut sheet = Self {
            salt: encoding::encode(random::<SALT>()?),
            hashes: Vec::with_capacity(count),
            used: Vec::new(),
            failures: Failures::default(),
        };
        let mut codes = Vec::with_capacity(count);
        for _ in 0..count {
            let code = Zeroizing::new(random::<BYTES>()?);
            sheet.hashes.push(sheet.hash(&*code));
            codes.push(write(&*code));
        }
        Ok((sheet, codes))
    }

    /// Returns how many codes are left.
    pub(in crate::otp) fn left(&self) -> usize {
        self.hashes.len()
    }

    /// Uses a code up. A change must be written before the answer is used.
    pub(in crate::otp) fn redeem(
        &mut self,
        code: &str,
        now: Duration,
        terms: &Terms,
    ) -> Result<(), Error> {
        self.failures.check(now, terms)?;
        let hash = read(code).map(|code| self.hash(&*code));
        let is_in = |hashes: &[String]| hash.as_ref().and_then(|hash| position(hashes, hash));
        if let Some(found) = is_in(&self.hashes) {
            self.used.push(self.hashes.remove(found));
            self.failures = Failures::default();
            return Ok(());
        }
        // Sent twice at once, as by a double click: the first one was accepted.
        if is_in(&self.used).is_some() {
            let message = "the recovery code was used before: use another one";
            return Err(Error::new(ErrorKind::UsedCode, message));
        }
        Err(self.failures.add(now, terms))
    }

    fn hash(&self, code: &[u8]) -> String {
        let hash = sha256_of([b"jamguard recovery code", self.salt.as_bytes(), code]);
        encoding::encode(hash)
    }
}

/// Returns the index of a hash. All hashes are compared, wherever the right one is.
fn position(hashes: &[String], hash: &str) -> Option<usize> {
    let none = hashes.len() as u64;
    let mut found = none;
    for (at, kept) in (0..).zip(hashes) {
        found.conditional_assign(&at, kept.as_bytes().ct_eq(hash.as_bytes()));
    }
    (found != none).then_some(found as usize)
}

/// Formats a code in groups of four letters, easy to read aloud.
fn write(code: &[u8]) -> Secret {
    let mut letters = Zeroizing::new(BASE32_NOPAD.encode(code));
    letters.make_ascii_lowercase();
    let mut text = Zeroizing::new(String::with_capacity(CHARACTERS + CHARACTERS / 4));
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    Secret::from_zeroizing(text)
}

/// Parses a code in either case, with any spaces and hyphens.
fn read(text: &str) -> Option<Zeroizing<[u8; BYTES]>> {
    let mut letters = Zeroizing::new([0; CHARACTERS]);
    let typed = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-');
    let mut length = 0;
    for letter in typed {
        *letters.get_mut(length)? = letter.to_ascii_uppercase();
        length += 1;
    }
    if length != CHARACTERS {
        return None;
    }
    let mut code = Zeroizing::new([0; BYTES]);
    BASE32_NOPAD.decode_mut(&*letters, &mut *code).ok()?;
    Some(code)
}

/// Returns the error for a user to whom no codes were issued.
pub(in crate::otp) fn no_codes() -> Error {
    Error::new(ErrorKind::NotEnrolled, "this user has no recovery codes: issue some first")
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// An attacker with a dump must try codes for each user separately.
    #[test]
    fn the_same_code_has_another_hash_for_each_user() {
        let [one, other] = [(); 2].map(|()| Sheet::generate(1).unwrap().0);
        assert_ne!(one.hash(&[7; BYTES]), other.hash(&[7; BYTES]));
        assert_eq!(one.hash(&[7; BYTES]), one.hash(&[7; BYTES]));
    }
}
