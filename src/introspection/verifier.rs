//! The verifier builder's method for introspection, kept out of `token`, which is independent of it.

use super::handle::Introspection;
use crate::token::builder::VerifierBuilder;
use crate::token::introspector::Introspector;
use std::sync::Arc;

impl VerifierBuilder {
    /// Verifies opaque tokens by asking their authorization server (RFC 7662).
    ///
    /// The form of a token decides, not a trial. Without keys, every token is introspected. With
    /// keys, a token of three base64url parts, the first a JSON object, is a JWT and is verified with
    /// them; all others are introspected. Some servers refuse to introspect their own JWTs: give the
    /// verifier their keys too.
    ///
    /// All verifiers of one authenticator must introspect at the same server.
    ///
    /// An introspection by [`discover`](Introspection::discover) sets the [issuer](Self::issuer);
    /// keys beside it must be that issuer's.
    /// [`token_type`](Self::token_type) and [`require_key_id`](Self::require_key_id) apply to JWTs
    /// only.
    ///
    /// ```
    /// # use jamguard::{Introspection, Verifier, jose::Algorithm};
    /// # fn main() -> Result<(), jamguard::Error> {
    /// let issuer = "https://issuer.example";
    /// let verifier = Verifier::builder()
    ///     .discover(issuer)                                   // JWTs
    ///     .algorithms([Algorithm::RS256])
    ///     .introspection(
    ///         Introspection::discover(issuer)                 // opaque tokens
    ///             .client_secret_basic("client id", "client secret")
    ///             .build()?,
    ///     )
    ///     .audience("api")
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn introspection(self, introspection: Introspection) -> Self {
        let issuer = introspection.issuer().map(str::to_owned);
        let verifier = match issuer {
            Some(issuer) => self.issuer(issuer),
            None => self,
        };
        verifier.introspector(Arc::new(introspection))
    }
}
