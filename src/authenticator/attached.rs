//! The sender of a request, attached to it for guards and extractors.

use super::context::HandlerContext;
use super::identity::Identity;
#[cfg(any(feature = "axum", feature = "actix"))]
use super::rejection::AuthRejection;
use super::session::RequestSession;
use crate::core::error::{Error, ErrorKind};
#[cfg(any(feature = "axum", feature = "actix"))]
use crate::token::claims::{Claims, ClaimsData};
use std::sync::Arc;

/// What the layer attaches to the request.
#[derive(Clone)]
pub(crate) struct Attached {
    pub(crate) sender: Sender,
    /// `None` if the authenticator has no sessions.
    pub(super) session: Option<Arc<RequestSession>>,
    pub(super) context: Arc<HandlerContext>,
    /// Whether what attached it also completes the response. tower-http shows a guard the request
    /// only.
    pub(crate) sees_response: bool,
}

/// The sender of a request, as authenticated.
#[derive(Clone)]
pub(crate) enum Sender {
    Known(Identity),
    /// No credential.
    Anonymous,
    /// An invalid credential.
    Invalid(Error),
}

impl Sender {
    /// Returns the identity, if the sender is known.
    pub(crate) fn known(&self) -> Option<&Identity> {
        match self {
            Self::Known(identity) => Some(identity),
            _ => None,
        }
    }

    /// Returns the identity.
    ///
    /// # Errors
    /// The error of the credential, or [`ErrorKind::MissingCredentials`].
    pub(super) fn identity(&self) -> Result<&Identity, Error> {
        match self {
            Self::Known(identity) => Ok(identity),
            Self::Anonymous => {
                Err(Error::new(ErrorKind::MissingCredentials, "the request has no credential"))
            }
            Self::Invalid(error) => Err(error.clone()),
        }
    }
}

/// The sender of a request, before it is decided whether the route needs a login.
pub(super) struct Authenticated {
    pub(super) sender: Sender,
    /// Whether an invalid credential refuses the request even where login is optional.
    pub(super) is_fatal: bool,
    /// `Set-Cookie` values, with every response.
    pub(super) cookies: Vec<String>,
}

impl Authenticated {
    pub(super) fn known(identity: Identity) -> Self {
        Self { sender: Sender::Known(identity), is_fatal: false, cookies: Vec::new() }
    }

    pub(super) fn anonymous() -> Self {
        Self { sender: Sender::Anonymous, is_fatal: false, cookies: Vec::new() }
    }

    pub(super) fn invalid(error: Error, is_fatal: bool) -> Self {
        Self { sender: Sender::Invalid(error), is_fatal, cookies: Vec::new() }
    }
}

impl Attached {
    /// Whether a layer of the same authenticator attached it.
    pub(super) fn is_layer_of(&self, context: &HandlerContext) -> bool {
        self.sees_response && self.context.is_same(context)
    }
}

#[cfg(any(feature = "axum", feature = "actix"))]
impl Attached {
    pub(crate) fn identity(&self) -> Result<&Identity, AuthRejection> {
        self.sender.identity().map_err(|error| self.rejection(error))
    }

    /// Decodes the identity's claims into a `T`.
    pub(crate) fn claims<T: ClaimsData>(&self) -> Result<Claims<T>, AuthRejection> {
        let claimed = self.identity()?.claimed().clone();
        Claims::of(claimed).map_err(|error| self.rejection(error))
    }

    pub(super) fn rejection(&self, error: Error) -> AuthRejection {
        AuthRejection::new(Some(&self.context), error)
    }
}
