//! What extractors take from a request, or the rejection of the request.

use super::attached::Attached;
use super::session::{Session, SessionData};
use crate::authenticator::{identity::Identity, rejection::AuthRejection};
use crate::core::Error;
use crate::token::claims::{Claims, ClaimsData};

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
