//! Claims with their origin, and the `Claims<T>` extractor.

use super::claim_set::ClaimSet;
use super::verified::Verified;
use crate::core::Error;
use serde::de::DeserializeOwned;
use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc};

/// Claims with their origin.
#[derive(Clone)]
pub(crate) enum Claimed {
    /// A token's claims, or the claims with which the application replaced them.
    Token(Verified, Option<Arc<ClaimSet>>),
    /// Claims without a token, validated elsewhere.
    Set(Arc<ClaimSet>),
}

impl Claimed {
    pub(crate) fn set(&self) -> &ClaimSet {
        match self {
            Self::Token(verified, None) => &verified.entry().claims,
            Self::Token(_, Some(set)) | Self::Set(set) => set,
        }
    }

    /// Replaces the claims with the application's additions, for the same user.
    pub(crate) fn enrich(&mut self, set: Arc<ClaimSet>) {
        match self {
            Self::Token(_, own) => *own = Some(set),
            Self::Set(own) => *own = set,
        }
    }

    pub(crate) fn token(&self) -> Option<&Verified> {
        match self {
            Self::Token(verified, _) => Some(verified),
            Self::Set(_) => None,
        }
    }
}

impl From<Verified> for Claimed {
    fn from(verified: Verified) -> Self {
        Self::Token(verified, None)
    }
}

impl From<Arc<ClaimSet>> for Claimed {
    fn from(claims: Arc<ClaimSet>) -> Self {
        Self::Set(claims)
    }
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(verified, _) => verified.fmt(f),
            Self::Set(set) => f
                .debug_struct("ClaimSet")
                .field("issuer", &set.issuer())
                .field("subject", &set.subject())
                .finish_non_exhaustive(),
        }
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
