//! The rejection of extractors and of checks in handlers.

use super::context::HandlerContext;
use crate::core::{AuthResponse, Error, challenge::REALM};
use std::{fmt, sync::Arc};

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
    context: Option<Arc<HandlerContext>>,
    error: Error,
}

impl AuthRejection {
    pub(super) fn new(context: Option<&Arc<HandlerContext>>, error: Error) -> Self {
        Self { context: context.cloned(), error }
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
        match &self.context {
            Some(context) => context.challenge(&self.error),
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
