//! The builder's method for a protected resource.

use super::builder::AuthenticatorBuilder;
use crate::token::protected_resource::ProtectedResource;

impl AuthenticatorBuilder {
    /// Puts the address of this resource's metadata into the challenge of every 401 and 403.
    ///
    /// OAuth clients, such as those of MCP servers, find the authorization server with it
    /// ([RFC 9728] section 5.1). A [query source](crate::CredentialSource::query) is then an error: the
    /// MCP specification forbids tokens in URLs.
    ///
    /// Give the resource to the verifiers too, which check the audience:
    /// [`VerifierBuilder::protected_resource`](crate::VerifierBuilder::protected_resource).
    ///
    /// [RFC 9728]: https://www.rfc-editor.org/rfc/rfc9728
    pub fn protected_resource(mut self, resource: &ProtectedResource) -> Self {
        self.resource = Some(resource.clone());
        self
    }
}
