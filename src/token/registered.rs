//! Registered claims, read strictly and without copying.

use crate::core::json::{self, Names, Scalar};
use crate::core::mismatch::{list, mismatch};
use crate::core::{Error, ErrorKind};
use std::borrow::Cow;

/// The last second of the year 9999; a later date is an attack or a wrong unit.
pub(crate) const MAX_DATE: u64 = 253_402_300_799;

#[derive(Default)]
pub(crate) enum Audience<'a> {
    #[default]
    Absent,
    One(Cow<'a, str>),
    Many(Vec<Cow<'a, str>>),
}

/// The claims that verification checks (RFC 7519 section 4.1), with validated JSON types.
#[derive(Default)]
pub(crate) struct RegisteredClaims<'a> {
    pub(crate) issuer: Option<Cow<'a, str>>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) audience: Audience<'a>,
    /// Unix seconds.
    pub(crate) expires: Option<u64>,
    pub(crate) not_before: Option<u64>,
    pub(crate) issued_at: Option<u64>,
    /// `issued_at` rounded down: the second in which the token was issued.
    pub(crate) issued_in: Option<u64>,
    pub(crate) token_id: Option<Cow<'a, str>>,
    /// Values of the string claims that the rules name, in the rules' order.
    pub(crate) texts: Vec<Option<Cow<'a, str>>>,
    names: Names<'a>,
}

/// A string claim that a rule names.
pub(crate) struct TextRule {
    pub(crate) claim: Box<str>,
    pub(crate) expected: Expected,
}

/// The expected value of a string claim.
pub(crate) enum Expected {
    OneOf(Vec<Box<str>>),
    NotEmpty,
    /// A text that begins with this prefix and continues.
    StartsWith(Box<str>),
    /// This text, in the tokens that have the claim.
    AbsentOr(Box<str>),
    /// The claim is only read: another rule decides about it, and it may be absent.
    Any,
}

impl TextRule {
    /// A claim that is read and not checked.
    pub(crate) fn read(claim: &str) -> Self {
        Self { claim: claim.into(), expected: Expected::Any }
    }
}

impl Expected {
    /// Returns whether tokens without the claim pass.
    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Self::AbsentOr(_) | Self::Any)
    }

    /// Describes how a text differs from the expected ones; `None` if it does not.
    pub(crate) fn mismatch(&self, found: &str) -> Option<String> {
        match self {
            Self::OneOf(texts) if texts.iter().any(|text| **text == *found) => None,
            Self::OneOf(texts) => Some(mismatch(texts, &[found])),
            Self::NotEmpty => found.is_empty().then(|| "it is empty".to_owned()),
            Self::StartsWith(prefix) => {
                let continues = found.len() > prefix.len() && found.starts_with(&**prefix);
                let [prefix, found] = [prefix, found].map(|text| list(&[text], ""));
                (!continues).then(|| {
                    format!("expected a longer text that begins with {prefix}, received {found}")
                })
            }
            Self::AbsentOr(text) => (**text != *found).then(|| mismatch(&[text], &[found])),
            Self::Any => None,
        }
    }
}

/// Values of another JSON type than the standard's that are read all the same.
#[derive(Clone, Copy, Default)]
pub(crate) struct Leniency {
    /// Dates as strings of digits.
    pub(crate) text_dates: bool,
    /// An integer as `sub`.
    pub(crate) numeric_subject: bool,
}

impl Leniency {
    /// For claims that a verifier checks by its own rules, or has checked already.
    pub(crate) const ALL: Self = Self { text_dates: true, numeric_subject: true };
}

/// Returns the error for an absent claim or header member.
pub(super) fn missing(name: &str) -> Error {
    Error::new(ErrorKind::MissingClaim, format!("the token lacks the required '{name}'"))
}

/// Returns the error for a claim with a wrong value.
pub(super) fn wrong(name: &str, how: &str) -> Error {
    Error::new(ErrorKind::InvalidClaim, format!("the token's '{name}' is wrong: {how}"))
}

/// Reads a NumericDate: a JSON number, integer or not, from 0 to the year 9999.
///
/// A fraction is rounded so that fewer tokens are accepted.
pub(super) fn date(value: &Scalar<'_>, up: bool, lenient: Leniency) -> Option<u64> {
    match value {
        Scalar::Text(digits) if lenient.text_dates => {
            let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|seconds| whole && *seconds <= MAX_DATE)
        }
        Scalar::Integer(seconds) => u64::try_from(*seconds).ok().filter(|s| *s <= MAX_DATE),
        Scalar::Float(seconds) => {
            let whole = if up { seconds.ceil() } else { seconds.floor() };
            // In range, so the conversion is exact; NaN and infinities fail the comparison.
            (0.0..=MAX_DATE as f64).contains(&whole).then_some(whole as u64)
        }
        _ => None,
    }
}

fn text<'a>(value: Scalar<'a>) -> Option<Cow<'a, str>> {
    match value {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}

fn subject<'a>(value: Scalar<'a>, lenient: Leniency) -> Option<Cow<'a, str>> {
    match value {
        Scalar::Integer(number) if lenient.numeric_subject => Some(number.to_string().into()),
        value => text(value),
    }
}

/// Sets a claim, and returns whether its value has the right type.
fn set<T>(claim: &mut Option<T>, value: Option<T>) -> bool {
    *claim = value;
    claim.is_some()
}

impl<'a> RegisteredClaims<'a> {
    /// Parses claims with the JSON types of the standard.
    pub(crate) fn parse(payload: &'a str, wanted: &[TextRule]) -> Result<Self, Error> {
        Self::parse_leniently(payload, wanted, Leniency::default())
    }

    /// Parses claims; `wanted` are the string claims to read.
    pub(crate) fn parse_leniently(
        payload: &'a str,
        wanted: &[TextRule],
        lenient: Leniency,
    ) -> Result<Self, Error> {
        let mut claims = Self { texts: vec![None; wanted.len()], ..Self::default() };
        let mut fault = None;
        let parsed = json::object(payload, |name, value| {
            if let Scalar::Text(text) = &value {
                for (rule, found) in wanted.iter().zip(&mut claims.texts) {
                    if *rule.claim == *name {
                        *found = Some(text.clone());
                    }
                }
            }
            let fits = match name {
                "exp" => set(&mut claims.expires, date(&value, false, lenient)),
                "nbf" => set(&mut claims.not_before, date(&value, true, lenient)),
                "iat" => {
                    claims.issued_in = date(&value, false, lenient);
                    set(&mut claims.issued_at, date(&value, true, lenient))
                }
                "iss" => set(&mut claims.issuer, text(value)),
                "sub" => set(&mut claims.subject, subject(value, lenient)),
                "jti" => set(&mut claims.token_id, text(value)),
                "aud" => {
                    claims.audience = match value {
                        Scalar::Text(one) => Audience::One(one),
                        Scalar::Texts(many) => Audience::Many(many),
                        _ => Audience::Absent,
                    };
                    !matches!(claims.audience, Audience::Absent)
                }
                _ => true,
            };
            if !fits {
                fault = Some(name.to_owned());
            }
        });
        let names = parsed.map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                "the payload is not a JSON object, or has a member twice",
            )
        })?;
        if let Some(name) = fault {
            return Err(Error::new(
                ErrorKind::InvalidClaim,
                format!("the token's '{name}' has the wrong JSON type or range"),
            ));
        }
        Ok(Self { names, ..claims })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.has(name)
    }

    /// Returns a string claim that `wanted`, the rules given to the parser, names.
    pub(crate) fn text(&self, wanted: &[TextRule], name: &str) -> Option<&str> {
        let at = wanted.iter().position(|rule| *rule.claim == *name)?;
        self.texts.get(at)?.as_deref()
    }
}
