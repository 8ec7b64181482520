//! The sender of a request, attached to it for guards and extractors.

use super::session::{RequestSession, Session, SessionData};
use crate::authenticator::context::HandlerContext;
use crate::authenticator::identity::{CredentialKind, Identity};
use crate::authenticator::rejection::AuthRejection;
use crate::core::{Error, ErrorKind};
use crate::session::Loaded;
use crate::token::claims::{Claims, ClaimsData};
use crate::token::verified::Verified;
use std::sync::Arc;

/// What the layer attaches to the request.
#[derive(Clone)]
pub(crate) struct Attached {
    pub(crate) sender: Sender,
    /// `None` if the authenticator has no sessions.
    pub(super) session: Option<Arc<RequestSession>>,
    /// Whether what attached it also completes the response. tower-http shows a guard the request
    /// only.
    pub(crate) sees_response: bool,
}

/// The sender of a request. Each variant has the context in which errors are answered.
#[derive(Clone)]
pub(crate) enum Sender {
    Known(Identity),
    /// No credential.
    Anonymous(Arc<HandlerContext>),
    /// An invalid credential.
    Invalid(Error, Arc<HandlerContext>),
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
            Self::Anonymous(_) => Err(no_credential()),
            Self::Invalid(error, _) => Err(error.clone()),
        }
    }

    pub(super) fn context(&self) -> &Arc<HandlerContext> {
        match self {
            Self::Known(identity) => &identity.context,
            Self::Anonymous(context) | Self::Invalid(_, context) => context,
        }
    }
}

pub(super) fn no_credential() -> Error {
    Error::new(ErrorKind::MissingCredentials, "the request has no credential")
}

/// What a request's credential says, before it is decided whether the route needs a login.
pub(super) enum Authenticated {
    Anonymous,
    /// A token, its source, and what the response tells the client.
    Token(Verified, CredentialKind, Option<ResponseHeader>),
    /// A user's session.
    Session(Loaded),
    /// Boxed, so that the others move few bytes.
    Invalid(Box<Invalid>),
}

/// A header of the response for this client alone.
pub(super) struct ResponseHeader {
    pub(super) name: &'static str,
    pub(super) value: String,
}

impl ResponseHeader {
    /// Makes a `Set-Cookie` header.
    pub(super) fn cookie(value: String) -> Self {
        Self { name: "set-cookie", value }
    }
}

/// An invalid credential.
pub(super) struct Invalid {
    pub(super) error: Error,
    /// Whether it refuses the request even where login is optional.
    pub(super) is_fatal: bool,
    /// The cookies that remove dead credentials, with every response.
    pub(super) removal: Vec<ResponseHeader>,
}

impl Authenticated {
    pub(super) fn invalid(error: Error, is_fatal: bool) -> Self {
        Self::Invalid(Box::new(Invalid { error, is_fatal, removal: Vec::new() }))
    }
}

impl Attached {
    /// Whether a layer of the same authenticator attached it.
    ///
    /// A DPoP proof is used up by the first of them, also if that one does not see the response.
    pub(super) fn is_layer_of(&self, context: &HandlerContext) -> bool {
        let known = self.sender.known();
        let is_dpop = known.is_some_and(|known| known.credential() == CredentialKind::Dpop);
        (self.sees_response || is_dpop) && Arc::ptr_eq(&self.sender.context().0, &context.0)
    }
}

/// What extractors take from the request, or the response to a request that lacks it.
#[cfg_attr(not(any(feature = "axum", feature = "actix")), expect(dead_code))]
impl Attached {
    pub(crate) fn identity(&self) -> Result<&Identity, AuthRejection> {
        self.sender.identity().map_err(|error| self.rejection(error))
    }

    /// Decodes the identity's claims into a `T`.
    pub(crate) fn claims<T: ClaimsData>(&self) -> Result<Claims<T>, AuthRejection> {
        let claimed = self.identity()?.claimed.clone();
        Claims::of(claimed).map_err(|error| self.rejection(error))
    }

    pub(super) fn rejection(&self, error: Error) -> AuthRejection {
        AuthRejection::new(Some(self.sender.context()), error)
    }

    /// Opens the client's session, or a new one, for an extractor.
    pub(crate) async fn extract_session<T: SessionData>(
        &self,
        device: Option<Box<str>>,
    ) -> Result<Session<T>, AuthRejection> {
        self.open(device).await.map_err(|error| self.rejection(error))
    }
}
