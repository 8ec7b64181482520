//! The identity for services without extractors.

use crate::authenticator::{Attached, Identity};
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
        extensions.get::<Attached>()?.known()
    }
}
