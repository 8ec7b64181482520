//! Builder methods for the parties of a token: issuers, audiences and clients.

use super::audiences::Unnamed;
use super::builder::VerifierBuilder;
use super::issuers::Allowed;
use super::protected_resource::ProtectedResource;
use std::sync::Arc;

impl VerifierBuilder {
    /// Requires this `iss`, compared byte for byte. Call again to accept several issuers.
    ///
    /// Google writes its `iss`, `https://accounts.google.com`, also without `https://`; both
    /// spellings are accepted.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.issuers([issuer])
    }

    /// Requires `iss` to be one of these, compared byte for byte. Call again to add others.
    ///
    /// ```
    /// # use jamguard::{Verifier, jose::{Algorithm, SigningKey}};
    /// # let key = SigningKey::generate(Algorithm::ES256)?.verifying_key()?;
    /// let verifier = Verifier::builder()
    ///     .key(key)
    ///     .algorithms([Algorithm::ES256])
    ///     .issuers(["https://issuer.example/blue", "https://issuer.example/green"])
    ///     .audiences(["orders", "https://orders.example"])
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn issuers<S: Into<String>>(mut self, issuers: impl IntoIterator<Item = S>) -> Self {
        self.issuers.add(issuers.into_iter().map(|issuer| issuer.into().into()));
        self
    }

    /// Accepts the issuers of a template whose variable part is one of these values.
    ///
    /// The part in braces names a claim. The claim must be in the token, as a string, and be exactly
    /// the variable part of `iss`. Call again to add other families.
    ///
    /// Microsoft Entra ID has one issuer per tenant and publishes the keys of all tenants in one
    /// set. [`discover`](Self::discover) then takes only the keys from the document of `common`,
    /// `organizations` or `consumers`, which must name the template of a family as its issuer, with
    /// any name in the braces (Entra writes `{tenantid}`). A key with a member `issuer` must belong
    /// to the token's issuer.
    ///
    /// ```
    /// # use jamguard::{Verifier, jose::{Algorithm, SigningKey}};
    /// # let key = SigningKey::generate(Algorithm::RS256)?.verifying_key()?;
    /// let entra = Verifier::builder()
    ///     .key(key)           // or .discover("https://login.microsoftonline.com/common/v2.0")
    ///     .algorithms([Algorithm::RS256])
    ///     .issuer_family(
    ///         "https://login.microsoftonline.com/{tid}/v2.0",
    ///         ["3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10"],
    ///     )
    ///     .audience("api://orders")
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn issuer_family<S: Into<String>>(
        mut self,
        template: impl Into<String>,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        let values = values.into_iter().map(|value| value.into().into()).collect();
        self.issuers.add_family(&template.into(), Allowed::Values(values));
        self
    }

    /// Accepts all issuers of a template.
    ///
    /// As [`issuer_family`](Self::issuer_family), with every value of the claim accepted. It is for
    /// services that any tenant may use, and whose policies or handlers decide by the claim: where
    /// anyone can create a tenant, anyone can get a token.
    ///
    /// ```
    /// # use jamguard::{Verifier, jose::{Algorithm, SigningKey}};
    /// # let key = SigningKey::generate(Algorithm::RS256)?.verifying_key()?;
    /// let verifier = Verifier::builder()
    ///     .key(key)
    ///     .algorithms([Algorithm::RS256])
    ///     .any_of_issuer_family("https://{tenant}.issuer.example")
    ///     .audience("orders")
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn any_of_issuer_family(mut self, template: impl Into<String>) -> Self {
        self.issuers.add_family(&template.into(), Allowed::Any);
        self
    }

    /// Accepts the issuers of a template whose variable part passes a check.
    ///
    /// Like [`issuer_family`](Self::issuer_family), with a check of the application instead of a list.
    ///
    /// The check runs when a token is verified in full, not for cached tokens: call
    /// [`Verifier::forget_all`](crate::Verifier::forget_all) after its answers change. The
    /// configuration file has no key for it: use `issuer_family` or `any_of_issuer_family` there.
    ///
    /// ```
    /// # use jamguard::{Verifier, jose::{Algorithm, SigningKey}};
    /// # let key = SigningKey::generate(Algorithm::RS256)?.verifying_key()?;
    /// let tenants = std::collections::HashSet::from(["blue".to_owned()]);
    /// let verifier = Verifier::builder()
    ///     .key(key)
    ///     .algorithms([Algorithm::RS256])
    ///     .issuer_family_if("https://{tenant}.issuer.example", move |one| tenants.contains(one))
    ///     .audience("orders")
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn issuer_family_if(
        mut self,
        template: impl Into<String>,
        check: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.issuers.add_family(&template.into(), Allowed::If(Arc::new(check)));
        self
    }

    /// Requires this value in `aud`. Call again to accept several audiences.
    ///
    /// An audience is required by default, because a token for another service of the same issuer
    /// must not be accepted here ([RFC 7519] section 4.1.3). [`any_audience`](Self::any_audience)
    /// and [`client_id_instead_of_audience`](Self::client_id_instead_of_audience) lift this.
    ///
    /// [RFC 7519]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Requires one of these values in `aud`. Call again to add others.
    ///
    /// See [`audience`](Self::audience).
    pub fn audiences<S: Into<String>>(mut self, audiences: impl IntoIterator<Item = S>) -> Self {
        self.audiences.add(audiences.into_iter().map(|name| name.into().into()));
        self
    }

    /// Accepts the tokens whose `aud` names this resource ([RFC 8707]).
    ///
    /// Scheme and host are compared without case, and one slash at the end is tolerated. Values of
    /// [`audience`](Self::audience) are accepted too.
    ///
    /// [RFC 8707]: https://www.rfc-editor.org/rfc/rfc8707
    pub fn protected_resource(mut self, resource: &ProtectedResource) -> Self {
        self.audiences.resource = Some(resource.clone());
        self
    }

    /// Accepts tokens for any audience, and without `aud`.
    ///
    /// Use it for issuers that serve only this application, or whose tokens have no audience. If an
    /// issuer serves several services, each of them can present its users' tokens here.
    pub fn any_audience(mut self) -> Self {
        self.audiences.unnamed = Unnamed::Any;
        self
    }

    /// Accepts any audience until one is named.
    pub(crate) fn any_audience_until_named(mut self) -> Self {
        self.audiences.unnamed = Unnamed::AnyUntilNamed;
        self
    }

    /// Requires the token's client to be one of these. Call again to add others.
    ///
    /// The client is `client_id` (RFC 9068, Amazon Cognito), else `azp` (OpenID Connect, Keycloak,
    /// Microsoft Entra ID v2.0), else `appid` (Entra v1.0). The rule applies in addition to the
    /// audience's, about which the builder still needs a decision.
    ///
    /// ```
    /// # use jamguard::{Verifier, jose::{Algorithm, SigningKey}};
    /// # let key = SigningKey::generate(Algorithm::RS256)?.verifying_key()?;
    /// let cognito = Verifier::builder()
    ///     .key(key)                                   // or .discover(…)
    ///     .algorithms([Algorithm::RS256])
    ///     .issuer("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1b2c3")
    ///     .token_kind("token_use", ["access"])
    ///     .client_ids(["4tl4f1mb", "7mn0pq2r"])
    ///     .client_id_instead_of_audience()            // Cognito's access tokens have no aud
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn client_ids<S: Into<String>>(mut self, clients: impl IntoIterator<Item = S>) -> Self {
        self.audiences.add_clients(clients.into_iter().map(|client| client.into().into()));
        self
    }

    /// Accepts a token without `aud` if its client is one of [`client_ids`](Self::client_ids).
    ///
    /// A token with `aud` must still be for one of the [`audiences`](Self::audiences); if none is
    /// named, it is rejected. Default: a token without `aud` is rejected.
    pub fn client_id_instead_of_audience(mut self) -> Self {
        self.options.client_id_instead_of_audience = true;
        self
    }
}
