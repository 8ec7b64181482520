//! Access to identity and session through request extensions, for services without extractors.

use crate::authenticator::Identity;
use crate::authenticator::request::{Attached, Session, SessionData};
use crate::core::{Error, ErrorKind};
use http::Extensions;

impl Identity {
    /// Returns the sender of a request, from the request's extensions.
    ///
    /// For tonic handlers, interceptors and your own tower services behind an
    /// [`AuthLayer`](crate::AuthLayer). `None` for an anonymous request, and without the layer.
    ///
    /// ```
    /// use jamguard::Identity;
    ///
    /// fn subject<B>(request: &http::Request<B>) -> Option<&str> {
    ///     Identity::from_extensions(request.extensions())?.subject()
    /// }
    /// ```
    pub fn from_extensions(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Attached>()?.sender.known()
    }
}

impl<T: SessionData> Session<T> {
    /// Returns the client's session, from the request's extensions.
    ///
    /// For your own tower services behind an [`AuthLayer`](crate::AuthLayer). Changes are saved
    /// when the layer receives the response.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) without the layer, or if the layer has
    /// no sessions; errors of the store.
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
