//! Codes of a counter (RFC 4226 section 5.3) and the search for a code in a window.

use super::algorithm::OtpAlgorithm;
use super::secret::OtpSecret;
use aws_lc_rs::hmac;
use std::ops::RangeInclusive;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

/// The number of digits of a 31-bit number.
pub(super) const MAX_DIGITS: u8 = 10;

/// A generator for the codes of one secret.
pub(super) struct Codes {
    key: hmac::Key,
    digits: usize,
}

/// The result of a search for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The code of this counter, unused.
    Fresh(u64),
    /// A code that is used up.
    Used,
    None,
}

impl Codes {
    pub(super) fn new(algorithm: OtpAlgorithm, digits: u8, secret: &OtpSecret) -> Self {
        Self { key: hmac::Key::new(algorithm.hmac(), secret.expose()), digits: usize::from(digits) }
    }

    /// Returns the digits of a counter's code, with leading zeros.
    pub(super) fn code(&self, counter: u64) -> Zeroizing<Vec<u8>> {
        let tag = hmac::sign(&self.key, &counter.to_be_bytes());
        let mut number = truncate(tag.as_ref());
        let mut digits = Zeroizing::new(vec![b'0'; self.digits]);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        digits
    }

    /// Searches a window for a code; codes before `next` are used up.
    ///
    /// Takes the same time wherever the code is, and whether or not it is found.
    pub(super) fn find(&self, code: &str, window: RangeInclusive<u64>, next: u64) -> Match {
        let code = typed(code);
        let (mut fresh, mut used) = (Choice::from(0), Choice::from(0));
        let mut at = 0;
        // The last of two equal codes is returned, so that both are used up afterwards.
        for counter in window {
            let same = self.code(counter).as_slice().ct_eq(&code);
            let spent = next.ct_gt(&counter);
            at.conditional_assign(&counter, same & !spent);
            fresh |= same & !spent;
            used |= same & spent;
        }
        Match::of(used, fresh, at)
    }

    /// Searches for two consecutive codes; returns the second's counter.
    ///
    /// A pair whose first code alone is used up does not match. Constant time, as
    /// [`find`](Self::find).
    pub(super) fn find_two(
        &self,
        [first, second]: [&str; 2],
        window: RangeInclusive<u64>,
        next: u64,
    ) -> Match {
        let (first, second) = (typed(first), typed(second));
        let (mut fresh, mut used) = (Choice::from(0), Choice::from(0));
        let mut at = 0;
        let mut first_was_before = Choice::from(0);
        for counter in window {
            let code = self.code(counter);
            let same = first_was_before & code.as_slice().ct_eq(&second);
            let both_fresh = counter.ct_gt(&next);
            at.conditional_assign(&counter, same & both_fresh);
            fresh |= same & both_fresh;
            used |= same & next.ct_gt(&counter);
            first_was_before = code.as_slice().ct_eq(&first);
        }
        Match::of(used, fresh, at)
    }
}

impl Match {
    fn of(used: Choice, fresh: Choice, at: u64) -> Self {
        match (used.into(), fresh.into()) {
            // Even if a later counter has the same code: an observer of the used one must not get
            // in.
            (true, _) => Self::Used,
            (false, true) => Self::Fresh(at),
            (false, false) => Self::None,
        }
    }
}

/// Removes the spaces and hyphens that apps show and users type.
fn typed(code: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(code.len()));
    for part in code.split(|c: char| c.is_whitespace() || c == '-') {
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

/// Returns 31 bits of the hash, at the offset in its last four bits (RFC 4226 section 5.3).
fn truncate(hash: &[u8]) -> u32 {
    let offset = usize::from(hash.last().copied().unwrap_or_default() & 0xf);
    let bytes = hash.iter().skip(offset).take(4);
    bytes.fold(0, |number: u32, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff
}
