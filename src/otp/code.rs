//! One code of one counter (RFC 4226 section 5.3), and the search for one among several.

use super::secret::OtpSecret;
use super::settings::Otp;
use aws_lc_rs::hmac;
use std::ops::RangeInclusive;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

/// As many as a number of 31 bits has.
pub(super) const MAX_DIGITS: u8 = 10;

/// Makes the codes of one secret.
pub(super) struct Codes {
    key: hmac::Key,
    digits: usize,
}

/// What a code came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It is the one of this counter.
    Fresh(u64),
    /// It was used up.
    Used,
    None,
}

impl Codes {
    pub(super) fn new(otp: &Otp, secret: &OtpSecret) -> Self {
        Self {
            key: hmac::Key::new(otp.algorithm().hmac(), secret.expose()),
            digits: usize::from(otp.digits()),
        }
    }

    /// The digits of a counter, zeros in front.
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

    /// Looks for a code among those of a window, of which those before `next` are used up. It takes
    /// as long wherever the code is, and whether it is there.
    pub(super) fn find(&self, code: &str, window: RangeInclusive<u64>, next: u64) -> Match {
        let code = typed(code);
        let (mut fresh, mut used) = (Choice::from(0), Choice::from(0));
        let mut at = 0;
        // The last of two that are the same stays: what comes next is behind both.
        for counter in window {
            let same = self.code(counter).as_slice().ct_eq(&code);
            let spent = next.ct_gt(&counter);
            at.conditional_assign(&counter, same & !spent);
            fresh |= same & !spent;
            used |= same & spent;
        }
        Match::of(used, fresh, at)
    }

    /// Looks for two codes of counters one after the other; what is found is the second's counter. Two
    /// of which only the first is used up are none. As long as [`find`](Self::find) it takes always.
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
            // Also where it is a later one's too: whoever saw it used must not get in by it.
            (true, _) => Self::Used,
            (false, true) => Self::Fresh(at),
            (false, false) => Self::None,
        }
    }
}

/// A code without the spaces and hyphens that apps show in it and users type.
fn typed(code: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(code.len()));
    for part in code.split(|c: char| c.is_whitespace() || c == '-') {
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

/// 31 bits of the hash, from a place that its last four bits say.
fn truncate(hash: &[u8]) -> u32 {
    let offset = usize::from(hash.last().copied().unwrap_or_default() & 0xf);
    let bytes = hash.iter().skip(offset).take(4);
    bytes.fold(0, |number: u32, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff
}
