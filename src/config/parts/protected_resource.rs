//! Settings of the protected resource.

use super::location::Spot;
use crate::config::document::{Problem, Section};
use crate::token::protected_resource::{ProtectedResource, ProtectedResourceOptions};

settings! {
    /// The application as a protected resource that clients find by its metadata (RFC 9728).
    pub(in crate::config) struct ProtectedResourceSettings {
        /// The resource identifier: the public URL, exactly as clients are given it.
        resource: String,
    }
}

/// The section of the protected resource.
pub(in crate::config) type ProtectedResourceSection =
    Section<ProtectedResourceOptions, ProtectedResourceSettings>;

impl ProtectedResourceSection {
    pub(super) fn build(&self, spot: &Spot<'_>) -> Result<ProtectedResource, Problem> {
        let Self(options, settings) = self;
        let mut resource = ProtectedResource::builder(&settings.resource);
        resource.options = options.clone();
        spot.built(resource.build())
    }
}
