//! Registered claims, read strictly and without copying.

use crate::core::json::{self, Names, Scalar};
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

/// A claim that must be one of these strings, or any non-empty string.
pub(crate) struct TextRule {
    pub(crate) claim: Box<str>,
    pub(crate) expected: Option<Vec<Box<str>>>,
}

/// Reads a NumericDate: a JSON number, integer or not, from 0 to the year 9999.
///
/// A fraction is rounded so that fewer tokens are accepted.
pub(super) fn date(value: &Scalar<'_>, up: bool) -> Option<u64> {
    match value {
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

/// Sets a claim, and returns whether its value has the right type.
fn set<T>(claim: &mut Option<T>, value: Option<T>) -> bool {
    *claim = value;
    claim.is_some()
}

impl<'a> RegisteredClaims<'a> {
    pub(crate) fn parse(payload: &'a str, wanted: &[TextRule]) -> Result<Self, Error> {
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
                "exp" => set(&mut claims.expires, date(&value, false)),
                "nbf" => set(&mut claims.not_before, date(&value, true)),
                "iat" => {
                    claims.issued_in = date(&value, false);
                    set(&mut claims.issued_at, date(&value, true))
                }
                "iss" => set(&mut claims.issuer, text(value)),
                "sub" => set(&mut claims.subject, text(value)),
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
}
