//! Registered claims, read strictly and without copying; the `Claims<T>` extractor.

use super::claim_set::Claimed;
use super::rules::TextRule;
use super::verified::Verified;
use crate::core::error::{Error, ErrorKind};
use crate::core::json::{self, Names, Scalar};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

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

/// Reads a NumericDate: a JSON number, integer or not, from 0 to the year 9999.
///
/// A fraction is rounded so that fewer tokens are accepted.
fn date(value: &Scalar<'_>, up: bool) -> Option<u64> {
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

/// A type that claims decode into: implemented for every type that serde deserializes.
///
/// # Example
/// ```
/// #[derive(serde::Deserialize)]
/// struct User { email: String }
///
/// fn is_data<T: jamguard::ClaimsData>() {}
/// is_data::<User>();
/// ```
#[diagnostic::on_unimplemented(
    message = "claims cannot be decoded into `{Self}`",
    label = "this type does not implement `serde::Deserialize`, or it borrows or is not `Send + Sync`",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}`"
)]
pub trait ClaimsData: DeserializeOwned + Send + Sync + 'static {}

impl<T: DeserializeOwned + Send + Sync + 'static> ClaimsData for T {}

/// Verified claims, decoded into `T` once per cached token or session and shared.
///
/// As an extractor for axum and actix-web it responds with 401 if the request has no valid
/// credential; use `Option<Claims<T>>` on routes where logging in is optional. Claims that do not
/// decode into `T` are a fault of the application: the response is 500, also through an `Option`,
/// and the error log names the field.
///
/// The type must implement `serde::Deserialize`:
/// ```compile_fail,E0277
/// use jamguard::Claims;
///
/// struct User { email: String }       // without #[derive(serde::Deserialize)]
///
/// async fn me(user: Claims<User>) {}
/// ```
///
/// # Example
/// ```
/// use jamguard::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct User { email: String }
///
/// async fn me(user: Claims<User>) -> String {
///     let until = user.token().and_then(|token| token.expires_at());
///     format!("{} until {until:?}", user.email)
/// }
/// ```
pub struct Claims<T: ClaimsData> {
    claimed: Claimed,
    of: PhantomData<fn() -> T>,
}

impl<T: ClaimsData> Claims<T> {
    /// Decodes the claims of a token that was verified without a framework.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) if they do not decode into
    /// `T`.
    pub fn from_token(verified: Verified) -> Result<Self, Error> {
        Self::of(verified.into())
    }

    pub(crate) fn of(claimed: Claimed) -> Result<Self, Error> {
        claimed.set().decode::<T>()?;
        Ok(Self { claimed, of: PhantomData })
    }

    /// Returns the token that these claims come from; `None` for a session's claims.
    pub fn token(&self) -> Option<&Verified> {
        self.claimed.token()
    }
}

impl<T: ClaimsData> Deref for Claims<T> {
    type Target = T;

    #[expect(clippy::expect_used)]
    fn deref(&self) -> &T {
        // `of` is the only constructor; it decoded this T into the shared set, which never removes
        // a decoded type.
        self.claimed.set().decoded::<T>().expect("decoded by the constructor")
    }
}

impl<T: ClaimsData> Clone for Claims<T> {
    fn clone(&self) -> Self {
        Self { claimed: self.claimed.clone(), of: PhantomData }
    }
}

impl<T: ClaimsData> fmt::Debug for Claims<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claims").field(&self.claimed).finish()
    }
}
