//! Presets of providers in the section of a verifier.

use super::claim_paths::ClaimPathSettings;
use super::location::Spot;
use super::scalars::AnyOf;
use super::verifier_settings::{AddRules, FromPreset, PresetParts, VerifierSettings};
use crate::authenticator::accepted::AcceptedTokens;
use crate::config::document::Problem;
use crate::jwks::AwsAlb;
use crate::preset::Preset;

settings! {
    #[derive(Default)]
    #[serde(default)]
    pub(in crate::config) struct Keys {
        /// Provider whose rules for tokens are used. The section's other keys change or add rules.
        preset: Option<PresetName>,
        /// Argument of `okta`: the Issuer URI of the custom authorization server.
        authorization_server: Option<String>,
        /// Argument of `workos`: the application's client ID.
        client_id: Option<String>,
        /// Argument of `kubernetes`: the issuer of the cluster's tokens.
        cluster_issuer: Option<String>,
        /// Argument of `auth0`: the tenant's domain.
        domain: Option<String>,
        /// Argument of `clerk`: the Frontend API URL.
        frontend_api: Option<String>,
        /// Argument of `zitadel`: the URL of the instance.
        instance: Option<String>,
        /// Argument of `gitlab_ci`: the project's path.
        project: Option<String>,
        /// Argument of `firebase`: the project ID.
        project_id: Option<String>,
        /// Argument of `supabase`: the project URL.
        project_url: Option<String>,
        /// Argument of `keycloak`: the URL of the realm.
        realm_url: Option<String>,
        /// Argument of `github_actions`: the repository, or its owner.
        repository: Option<String>,
        /// Argument of `cloudflare_access`: the team domain.
        team_domain: Option<String>,
        /// Argument of `entra`: the tenant IDs, or `any`.
        tenant_ids: AnyOf,
        /// Argument of `spiffe`: the trust domain.
        trust_domain: Option<String>,
        /// Argument of `cognito`: the user pool ID.
        user_pool_id: Option<String>,
        /// Where policies find scopes, roles and similar values in the claims: what is given
        /// replaces what the preset says.
        claim_paths: Option<ClaimPathSettings>,
        /// Accepts the unsigned tokens of Firebase's emulator, and no others. Development only.
        danger_firebase_emulator: bool,
    }

    /// A provider.
    #[derive(Copy)]
    enum PresetName {
        Apple,
        Auth0,
        AwsAlb,
        Clerk,
        CloudflareAccess,
        Cognito,
        Entra,
        Firebase,
        GithubActions,
        GitlabCi,
        Google,
        GoogleIap,
        Keycloak,
        Kubernetes,
        Okta,
        Spiffe,
        Supabase,
        Workos,
        Zitadel,
    }
}

/// The keys with arguments of presets.
const ARGUMENTS: [&str; 16] = [
    "authorization_server",
    "client_id",
    "cluster_issuer",
    "danger_firebase_emulator",
    "domain",
    "frontend_api",
    "instance",
    "project",
    "project_id",
    "project_url",
    "realm_url",
    "repository",
    "team_domain",
    "tenant_ids",
    "trust_domain",
    "user_pool_id",
];

impl Keys {
    /// Returns the preset, with the key of its argument.
    fn named(&self, name: PresetName) -> (Preset, Option<&'static str>) {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        match name {
            PresetName::Apple => (Preset::apple(), None),
            PresetName::Auth0 => (Preset::auth0(text(&self.domain)), Some("domain")),
            // The key `aws_alb` of the section has the load balancers.
            PresetName::AwsAlb => (Preset::aws_alb(AwsAlb::new([""; 0])), None),
            PresetName::Clerk => (Preset::clerk(text(&self.frontend_api)), Some("frontend_api")),
            PresetName::CloudflareAccess => {
                (Preset::cloudflare_access(text(&self.team_domain)), Some("team_domain"))
            }
            PresetName::Cognito => {
                (Preset::cognito(text(&self.user_pool_id)), Some("user_pool_id"))
            }
            PresetName::Entra => {
                let preset = match &self.tenant_ids.0[..] {
                    [any] if any == "any" => Preset::entra_any_tenant(),
                    [tenant] => Preset::entra(tenant),
                    tenants => Preset::entra_tenants(tenants),
                };
                (preset, Some("tenant_ids"))
            }
            PresetName::Firebase => (Preset::firebase(text(&self.project_id)), Some("project_id")),
            PresetName::GithubActions => {
                (Preset::github_actions(text(&self.repository)), Some("repository"))
            }
            PresetName::GitlabCi => (Preset::gitlab_ci(text(&self.project)), Some("project")),
            PresetName::Google => (Preset::google(), None),
            PresetName::GoogleIap => (Preset::google_iap(), None),
            PresetName::Keycloak => (Preset::keycloak(text(&self.realm_url)), Some("realm_url")),
            PresetName::Kubernetes => {
                (Preset::kubernetes(text(&self.cluster_issuer)), Some("cluster_issuer"))
            }
            PresetName::Okta => {
                let server = text(&self.authorization_server);
                (Preset::okta(server), Some("authorization_server"))
            }
            PresetName::Spiffe => (Preset::spiffe(text(&self.trust_domain)), Some("trust_domain")),
            PresetName::Supabase => {
                (Preset::supabase(text(&self.project_url)), Some("project_url"))
            }
            PresetName::Workos => (Preset::workos(text(&self.client_id)), Some("client_id")),
            PresetName::Zitadel => (Preset::zitadel(text(&self.instance)), Some("instance")),
        }
    }
}

impl FromPreset for Keys {
    fn accepted(
        &self,
        settings: &VerifierSettings,
        rules: AddRules<'_>,
        parts: &PresetParts<'_>,
        spot: &Spot<'_>,
    ) -> Result<Option<AcceptedTokens>, Problem> {
        let Some(name) = self.preset else {
            if let Some(key) = ARGUMENTS.iter().find(|key| spot.has(key)) {
                let message = "there is no 'preset' that it is an argument of";
                return Err(spot.key(key).wrong(message));
            }
            return match spot.has("claim_paths") {
                true => Err(spot.key("claim_paths").wrong(
                    "there is no 'preset' whose paths it changes: move it to the section \
                     'authenticator'",
                )),
                false => Ok(None),
            };
        };
        let (mut preset, argument) = self.named(name);
        let own = |key: &str| Some(key) == argument || key == "danger_firebase_emulator";
        if let Some(key) = ARGUMENTS.iter().find(|key| spot.has(key) && !own(key)) {
            let known = argument.map_or("none".to_owned(), |known| format!("'{known}'"));
            let message = format!("this preset does not have this argument, but {known}");
            return Err(spot.key(key).wrong(message));
        }
        if settings.has_keys(spot)? {
            preset = preset.without_keys();
        }
        if spot.has("discover") {
            preset = preset.without_issuers();
        }
        if let Some((first, others)) = settings.issuer.0.split_first() {
            preset = others.iter().fold(preset.issuer(first), Preset::and_issuer);
        }
        preset = parts.published.change_key_set(preset, spot)?;
        preset = preset.try_map_verifier(rules)?;
        if self.danger_firebase_emulator {
            preset = preset.danger_firebase_emulator();
        }
        if !settings.algorithms.0.is_empty() {
            preset = preset.algorithms(settings.algorithms.0.iter().copied());
        }
        if settings.any_audience {
            preset = preset.any_audience();
        }
        preset = settings.audience.0.iter().fold(preset, Preset::audience);
        preset = settings.client_ids.0.iter().fold(preset, Preset::client_id);
        if let Some(resource) = parts.resource {
            preset = preset.protected_resource(resource);
        }
        if let Some(paths) = &self.claim_paths {
            preset = preset.map_claim_paths(|preset| paths.change(preset));
        }
        spot.built(preset.accepted()).map(Some)
    }

    fn has_paths_of_preset(&self) -> bool {
        self.preset.is_some() && self.claim_paths.is_none()
    }
}
