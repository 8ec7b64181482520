//! What an extractor answers with when it cannot give what it was asked for.

use super::gate::{Attached, Authenticator, Outcome, missing};
use super::identity::Identity;
#[cfg(feature = "session")]
use super::session::{Session, SessionData};
use crate::core::challenge::Challenge;
use crate::core::error::Error;
use crate::token::claims::Claims;
use serde::de::DeserializeOwned;

/// The rejection of [`Claims<T>`](crate::Claims), [`Identity`](crate::Identity) and
/// [`Session<T>`](crate::Session) as extractors.
///
/// The answer is made only when it is sent: an `Option` around the extractor drops it unmade.
///
/// # Example
/// ```
/// use jamguard::{Claims, ErrorKind, Refused};
///
/// # #[derive(serde::Deserialize)] struct User { email: String }
/// async fn greeting(user: Result<Claims<User>, Refused>) -> String {
///     match user {
///         Ok(user) => format!("Hello, {}!", user.email),
///         Err(refused) if refused.error().kind() == ErrorKind::Expired => "Come back in!".into(),
///         Err(_) => "Hello!".into(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Refused {
    /// `None` where the layer is missing.
    auth: Option<Authenticator>,
    error: Error,
}

impl Refused {
    pub(crate) fn new(auth: Option<&Authenticator>, error: Error) -> Self {
        Self {
            auth: auth.cloned(),
            error,
        }
    }

    /// Why.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The answer, as the application wants it.
    pub fn challenge(&self) -> Challenge {
        match &self.auth {
            Some(auth) => auth.challenge(&self.error),
            None => Challenge::for_error(&self.error, "jamguard"),
        }
    }
}

impl Attached {
    pub(crate) fn identity(&self) -> Result<&Identity, Refused> {
        match &self.outcome {
            Outcome::Known(identity) => Ok(identity),
            Outcome::Anonymous => Err(self.refused(missing())),
            Outcome::Ignored(error) => Err(self.refused(error.clone())),
        }
    }

    /// The identity's claims as a `T`.
    pub(crate) fn claims<T>(&self) -> Result<Claims<T>, Refused>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        Claims::of(self.identity()?.claimed().clone()).map_err(|error| self.refused(error))
    }

    /// The client's session, or a fresh one.
    #[cfg(feature = "session")]
    pub(crate) async fn session<T: SessionData>(
        self,
        device: Option<Box<str>>,
    ) -> Result<Session<T>, Refused> {
        let opened = self.open(device).await;
        opened.map_err(|error| self.refused(error))
    }

    fn refused(&self, error: Error) -> Refused {
        Refused::new(Some(&self.auth), error)
    }
}
