//! Presets of authorization servers: access tokens for an API.

use super::argument::{Argument, Form};
use super::builder::Preset;
use crate::jose::Algorithm::{ES256, ES384, ES512, EdDSA, PS256, RS256};
use crate::policy::ClaimPaths;

impl Preset {
    /// Returns the preset for Auth0: access tokens for an API of a tenant.
    ///
    #[doc = include_str!("../../docs/providers/auth0.md")]
    pub fn auth0(domain: impl Into<String>) -> Self {
        let argument = Argument {
            name: "domain",
            form: Form::Host,
            advice: "the tenant's domain, such as acme.eu.auth0.com, or its custom domain: Auth0 \
                     Dashboard > Applications > your application > Settings > Domain",
        };
        Self::of("auth0", domain, argument)
            .issued_by("https://{}/")
            .algorithms([RS256, PS256])
            .needs_audience(
                "the Identifier of this API: Auth0 Dashboard > Applications > APIs > your API > \
                 Settings",
            )
    }

    /// Returns the preset for Keycloak: access tokens of a realm.
    ///
    #[doc = include_str!("../../docs/providers/keycloak.md")]
    pub fn keycloak(realm_url: impl Into<String>) -> Self {
        let argument = Argument {
            name: "realm URL",
            form: Form::Url,
            advice: "the issuer, such as https://sso.example.com/realms/shop: Admin Console > Realm \
                     settings > Endpoints > OpenID Endpoint Configuration, member issuer",
        };
        Self::of("keycloak", realm_url, argument)
            .issued_by("{}")
            .algorithms([RS256, ES256, ES384, ES512, PS256, EdDSA])
            .needs_audience(
                "the client ID of this API, which a mapper of the type Audience adds to the \
                 tokens: Admin Console > Client scopes > your scope > Mappers",
            )
            .claim_paths(ClaimPaths::keycloak())
            .map_verifier(|verifier| verifier.token_kind("typ", ["Bearer"]))
    }

    /// Returns the preset for Okta: access tokens of a custom authorization server.
    ///
    #[doc = include_str!("../../docs/providers/okta.md")]
    pub fn okta(issuer: impl Into<String>) -> Self {
        let argument = Argument {
            name: "custom authorization server",
            form: Form::OktaIssuer,
            advice: "its Issuer URI, such as https://acme.okta.com/oauth2/default: Admin Console > \
                     Security > API > Authorization Servers; the tokens of the org authorization \
                     server, https://acme.okta.com, are for Okta alone",
        };
        Self::of("okta", issuer, argument)
            .issued_by("{}")
            .algorithms([RS256])
            .needs_audience(
                "the Audience of the authorization server, such as api://default: Admin Console > \
                 Security > API > Authorization Servers",
            )
            .client_claim("cid")
            .claim_paths(ClaimPaths::default().scopes(["scp"]).roles(["groups"]))
            .map_verifier(|verifier| verifier.require_any_text("cid"))
    }

    /// Returns the preset for ZITADEL: access tokens in the form of JWTs.
    ///
    #[doc = include_str!("../../docs/providers/zitadel.md")]
    pub fn zitadel(issuer: impl Into<String>) -> Self {
        let argument = Argument {
            name: "instance",
            form: Form::Url,
            advice: "the URL of the instance, such as https://acme.zitadel.cloud: Console > your \
                     application > URLs > Issuer",
        };
        Self::of("zitadel", issuer, argument)
            .issued_by("{}")
            .algorithms([RS256, ES256, ES384, ES512, EdDSA])
            .needs_audience(
                "the Resource Id of this API's project: Console > Projects > your project; clients \
                 ask for it with the scope urn:zitadel:iam:org:project:id:RESOURCE_ID:aud",
            )
            .claim_paths(ClaimPaths::zitadel())
            .map_verifier(|verifier| verifier.require_any_text("jti"))
    }
}
