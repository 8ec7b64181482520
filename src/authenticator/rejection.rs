//! The rejection of extractors and of checks in handlers.

#[cfg(any(feature = "axum", feature = "actix"))]
use super::gate::{Attached, Outcome, missing};
#[cfg(any(feature = "axum", feature = "actix"))]
use super::identity::Identity;
use super::judge::Judge;
#[cfg(any(feature = "axum", feature = "actix"))]
use super::session::{Session, SessionData};
use crate::core::challenge::{AuthResponse, REALM};
use crate::core::error::Error;
#[cfg(any(feature = "axum", feature = "actix"))]
use crate::token::claims::{Claims, ClaimsData};
use std::fmt;
use std::sync::Arc;

/// The rejection of the extractors and of [`Identity::check`](crate::Identity::check).
///
/// The extractors are [`Claims<T>`](crate::Claims), [`Identity`](crate::Identity),
/// [`Session<T>`](crate::Session) and [`Require<G>`](crate::Require). The response is built only
/// when it is sent: an `Option` around the extractor drops the rejection without one.
///
/// # Example
/// ```
/// use jamguard::{Claims, ErrorKind, AuthRejection};
///
/// # #[derive(serde::Deserialize)] struct User { email: String }
/// async fn greeting(user: Result<Claims<User>, AuthRejection>) -> String {
///     match user {
///         Ok(user) => format!("Hello, {}!", user.email),
///         Err(refused) if refused.error().kind() == ErrorKind::Expired => "Come back in!".into(),
///         Err(_) => "Hello!".into(),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct AuthRejection {
    /// `None` if the layer is missing.
    judge: Option<Arc<Judge>>,
    error: Error,
}

impl AuthRejection {
    pub(super) fn new(judge: Option<&Arc<Judge>>, error: Error) -> Self {
        Self { judge: judge.cloned(), error }
    }

    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(crate) fn without_layer(error: Error) -> Self {
        Self::new(None, error)
    }

    /// Whether the application is at fault, not the request.
    #[cfg(feature = "actix")]
    pub(crate) fn is_fault(&self) -> bool {
        self.error.kind().is_fault()
    }

    /// Returns the reason.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Returns the response, after [`on_refusal`](crate::AuthenticatorBuilder::on_refusal).
    pub fn challenge(&self) -> AuthResponse {
        match &self.judge {
            Some(judge) => judge.challenge(&self.error),
            None => AuthResponse::for_error(&self.error, REALM),
        }
    }
}

impl fmt::Debug for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthRejection").field(&self.error).finish()
    }
}

impl fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for AuthRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<AuthRejection> for Error {
    fn from(refused: AuthRejection) -> Self {
        refused.error
    }
}

#[cfg(any(feature = "axum", feature = "actix"))]
impl Attached {
    pub(crate) fn identity(&self) -> Result<&Identity, AuthRejection> {
        match &self.outcome {
            Outcome::Known(identity) => Ok(identity),
            Outcome::Anonymous => Err(self.refused(missing())),
            Outcome::Ignored(error) => Err(self.refused(error.clone())),
        }
    }

    /// Decodes the identity's claims into a `T`.
    pub(crate) fn claims<T>(&self) -> Result<Claims<T>, AuthRejection>
    where
        T: ClaimsData,
    {
        Claims::of(self.identity()?.claimed().clone()).map_err(|error| self.refused(error))
    }

    /// Decodes the claims if there is an identity.
    #[cfg(feature = "axum")]
    pub(crate) fn claims_if_known<T>(&self) -> Result<Option<Claims<T>>, AuthRejection>
    where
        T: ClaimsData,
    {
        self.outcome.known().map(|_| self.claims()).transpose()
    }

    /// Returns the client's session, or a new one.
    pub(crate) async fn session<T: SessionData>(
        self,
        device: Option<Box<str>>,
    ) -> Result<Session<T>, AuthRejection> {
        let opened = self.open(device).await;
        opened.map_err(|error| self.refused(error))
    }

    fn refused(&self, error: Error) -> AuthRejection {
        AuthRejection::new(Some(self.auth.judge()), error)
    }
}
