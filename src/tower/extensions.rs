//! Identity and session for services without extractors.

use crate::authenticator::{Attached, Identity};
#[cfg(feature = "session")]
use crate::authenticator::{Session, SessionData};
#[cfg(feature = "session")]
use crate::core::error::{Error, ErrorKind};
use http::Extensions;

impl Identity {
    /// Who sent the request, as [`AuthLayer`](crate::AuthLayer) left it in the request's
    /// extensions: for tonic handlers and interceptors, and tower services of your own. `None` for
    /// an anonymous request, and without the layer.
    ///
    /// ```
    /// use jamguard::Identity;
    ///
    /// fn subject<B>(request: &http::Request<B>) -> Option<&str> {
    ///     Identity::from_extensions(request.extensions())?.subject()
    /// }
    /// ```
    pub fn from_extensions(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Attached>()?.outcome.known()
    }
}

#[cfg(feature = "session")]
impl<T: SessionData> Session<T> {
    /// The client's session, for tower services of your own: what [`AuthLayer`](crate::AuthLayer)
    /// left in the request's extensions. What is written is saved when the layer gets the answer.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) without the layer, or without sessions in
    /// it; those of the store.
    ///
    /// ```
    /// # use jamguard::{Error, Session};
    /// async fn visits<B>(request: &http::Request<B>) -> Result<u64, Error> {
    ///     let session = Session::<u64>::from_extensions(request.extensions()).await?;
    ///     session.modify(|visits| {
    ///         *visits += 1;
    ///         *visits
    ///     })
    /// }
    /// ```
    pub async fn from_extensions(extensions: &Extensions) -> Result<Self, Error> {
        match extensions.get::<Attached>() {
            Some(attached) => attached.open(None).await,
            None => Err(Error::new(
                ErrorKind::Internal,
                "the layer is missing: put auth.layer() around the service",
            )),
        }
    }
}
