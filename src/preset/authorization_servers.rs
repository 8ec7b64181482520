//! Presets of authorization servers: access tokens for an API.

use super::argument::{Argument, Form};
use super::builder::Preset;
use crate::jose::Algorithm::{ES256, ES384, ES512, EdDSA, PS256, RS256};
use crate::policy::ClaimPaths;
use crate::token::builder::VerifierBuilder;

/// The issuers of Entra's v2.0 and v1.0 tokens.
const FAMILIES: [&str; 2] =
    ["https://login.microsoftonline.com/{tid}/v2.0", "https://sts.windows.net/{tid}/"];
/// The issuer whose key set has the keys of all tenants.
const ALL_TENANTS: &str = "https://login.microsoftonline.com/common/v2.0";
const TENANT: Argument = Argument {
    name: "tenant ID",
    form: Form::Uuid,
    advice: "the Directory (tenant) ID, a UUID, because tokens do not have the name: Microsoft \
             Entra admin center > Overview; for several tenants entra_tenants([…])",
};

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

    /// Returns the preset for Amazon Cognito: access tokens of a user pool.
    ///
    #[doc = include_str!("../../docs/providers/cognito.md")]
    pub fn cognito(user_pool_id: impl Into<String>) -> Self {
        let argument = Argument {
            name: "user pool ID",
            form: Form::UserPool,
            advice: "such as eu-central-1_a1B2c3D4e: Amazon Cognito console > User pools > your \
                     user pool > Overview",
        };
        let preset = Self::of("cognito", user_pool_id, argument);
        let region = preset.fill("{}").split('_').next().unwrap_or_default().to_owned();
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{{}}");
        preset
            .issued_by(&issuer)
            .keys_at(&format!("{issuer}/.well-known/jwks.json"))
            .algorithms([RS256])
            .needs_client_instead_of_audience(
                "the client ID of each app that calls this API: Amazon Cognito console > User \
                 pools > your user pool > App clients",
            )
            .claim_paths(ClaimPaths::cognito())
            .map_verifier(|verifier| verifier.token_kind("token_use", ["access"]))
    }

    /// Returns the preset for Microsoft Entra ID: access tokens of one tenant, v1.0 and v2.0.
    ///
    #[doc = include_str!("../../docs/providers/entra.md")]
    pub fn entra(tenant_id: impl Into<String>) -> Self {
        let preset = Self::of("entra", tenant_id, TENANT);
        let tenant = preset.fill("{}");
        preset.authority("https://login.microsoftonline.com/{}/v2.0").of_tenants([tenant])
    }

    /// Returns the preset for Microsoft Entra ID: access tokens of several tenants.
    ///
    /// See [`entra`](Self::entra).
    pub fn entra_tenants<S: Into<String>>(tenant_ids: impl IntoIterator<Item = S>) -> Self {
        let mut tenants = Vec::new();
        let mut preset = Self::new("entra");
        for tenant in tenant_ids {
            preset = preset.or_fault(Self::of("entra", tenant, TENANT));
            tenants.push(preset.fill("{}"));
        }
        if tenants.is_empty() {
            preset = Self::of("entra", "", TENANT);
        }
        preset.authority(ALL_TENANTS).of_tenants(tenants)
    }

    /// Returns the preset for Microsoft Entra ID: access tokens of any tenant.
    ///
    /// Anyone can create a tenant, and give its users any name: decide in the application by `tid`
    /// and `oid`, never by the address or the name. See [`entra`](Self::entra).
    pub fn entra_any_tenant() -> Self {
        let families = FAMILIES.into_iter();
        let preset = Self::new("entra").authority(ALL_TENANTS).access_tokens_of_entra();
        preset
            .map_verifier(|verifier| families.fold(verifier, VerifierBuilder::any_of_issuer_family))
    }

    fn of_tenants(self, tenants: impl IntoIterator<Item = String>) -> Self {
        let tenants: Vec<String> = tenants.into_iter().collect();
        self.access_tokens_of_entra().map_verifier(|verifier| {
            let families = FAMILIES.into_iter();
            families.fold(verifier, |verifier, family| {
                verifier.issuer_family(family, tenants.iter().cloned())
            })
        })
    }

    fn access_tokens_of_entra(self) -> Self {
        self.algorithms([RS256])
            .needs_audience(
                "the Application (client) ID of this API for v2.0 tokens, its Application ID URI \
                 (api://…) for v1.0: Microsoft Entra admin center > App registrations > your API > \
                 Overview",
            )
            .claim_paths(ClaimPaths::default().scopes(["scp"]).roles(["roles"]))
            // ID tokens have neither.
            .map_verifier(|verifier| verifier.require_one_of(["azp", "appid"]))
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
            .map_verifier(|verifier| verifier.token_kind("typ", ["Bearer", "DPoP"]))
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
