//! The values that conditions compare claims with.

use std::cmp::Ordering;

/// A string, number or boolean to compare a claim with, converted from Rust's own types.
///
/// # Example
/// ```
/// use jamguard::policy::claim;
///
/// let adult = claim("age").ge(18);
/// let paying = claim("plan").one_of(["silver", "gold"]);
/// let verified = claim("email_verified").eq(true);
/// assert_eq!((adult & paying & verified).to_string(),
///     "claim:age >= 18 & claim:plan in [silver, gold] & claim:email_verified = true");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar(pub(super) Kind);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text(Box<str>),
    Number(Number),
    Bool(bool),
}

/// A number, compared by value: 3 equals 3.0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i128),
    /// A number with a fraction, or too large to be exact.
    Float(f64),
}

impl Number {
    /// 2^53: below it, a float without a fraction is kept as an integer.
    const WHOLE: f64 = 9_007_199_254_740_992.0;

    pub(super) fn of(number: f64) -> Self {
        match number.fract() == 0.0 && number.abs() < Self::WHOLE {
            true => Self::Integer(number as i128),
            false => Self::Float(number),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        /// Exact, although an `f64` cannot represent every integer.
        fn compare(integer: i128, float: f64) -> Option<Ordering> {
            if float.is_nan() {
                return None;
            }
            // Out of range, `as` saturates at the bounds of `i128`, which no integer of a claim
            // reaches.
            let below = float.floor();
            Some(integer.cmp(&(below as i128)).then(match float > below {
                true => Ordering::Less,
                false => Ordering::Equal,
            }))
        }
        match (*self, *other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Integer(a), Self::Float(b)) => compare(a, b),
            (Self::Float(a), Self::Integer(b)) => compare(b, a).map(Ordering::reverse),
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self(Kind::Text(text.into()))
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self(Kind::Text(text.into()))
    }
}

impl From<bool> for Scalar {
    fn from(flag: bool) -> Self {
        Self(Kind::Bool(flag))
    }
}

impl From<f64> for Scalar {
    /// Converts a number; one that is not finite, which JSON lacks, equals no number.
    fn from(number: f64) -> Self {
        match number.is_finite() {
            true => Self(Kind::Number(Number::of(number))),
            false => Self(Kind::Text(number.to_string().into())),
        }
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Scalar {
            fn from(number: $integer) -> Self {
                Self(Kind::Number(Number::Integer(number.into())))
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, u8, u16, u32, u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_exactly() {
        let float = Number::of;
        let integer = Number::Integer;
        assert_eq!(float(3.0), integer(3));
        assert!(float(2.5) > integer(2) && float(2.5) < integer(3));
        assert!(float(-2.5) < integer(-2) && float(-2.5) > integer(-3));
        // 2^53 + 1 has no `f64`; the nearest is 2^53.
        let big = 9_007_199_254_740_992;
        assert!(float(9_007_199_254_740_992.0) < integer(big + 1));
        assert_eq!(float(9_007_199_254_740_992.0), integer(big));
        assert!(float(1e300) > integer(u64::MAX.into()));
        assert!(float(-1e300) < integer(i64::MIN.into()));
        assert_eq!(float(f64::NAN).partial_cmp(&integer(0)), None);
    }
}
