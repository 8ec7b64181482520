//! Presets of workload identities: programs that call this service.

use super::argument::{Argument, Form};
use super::builder::Preset;
use crate::jose::Algorithm::{ES256, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512};

/// Where each pod finds the cluster's certificate authority and a token for its API server.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

impl Preset {
    /// Returns the preset for GitHub Actions: the workflows of a repository, or of an owner.
    ///
    #[doc = include_str!("../../docs/providers/github_actions.md")]
    pub fn github_actions(repository: impl Into<String>) -> Self {
        let argument = Argument {
            name: "repository or owner",
            form: Form::Path,
            advice: "such as acme/shop, or acme for all repositories of the owner: the path of the \
                     repository's page at github.com",
        };
        let preset = Self::of("github_actions", repository, argument);
        let argument = preset.fill("{}");
        let claim = if argument.contains('/') { "repository" } else { "repository_owner" };
        preset
            .issued_by("https://token.actions.githubusercontent.com")
            .algorithms([RS256])
            .needs_audience(
                "a name of your choice, which the workflow asks for: \
                 core.getIDToken(\"https://api.example.com\"), or &audience= in the request to \
                 ACTIONS_ID_TOKEN_REQUEST_URL",
            )
            .map_verifier(|verifier| verifier.require_text(claim, argument))
    }

    /// Returns the preset for GitLab CI/CD: the ID tokens of a project's jobs.
    ///
    #[doc = include_str!("../../docs/providers/gitlab_ci.md")]
    pub fn gitlab_ci(project: impl Into<String>) -> Self {
        let argument = Argument {
            name: "project",
            form: Form::Path,
            advice: "its path, such as acme/shop: the path of the project's page",
        };
        let preset = Self::of("gitlab_ci", project, argument);
        let project = preset.fill("{}");
        preset
            .issued_by("https://gitlab.com")
            .algorithms([RS256])
            .needs_audience(
                "a name of your choice, which the job asks for: id_tokens: TOKEN: aud: in \
                 .gitlab-ci.yml",
            )
            .map_verifier(|verifier| {
                verifier.require_text("project_path", project).require_any_text("pipeline_id")
            })
    }

    /// Returns the preset for Kubernetes: tokens of the cluster's service accounts.
    ///
    #[doc = include_str!("../../docs/providers/kubernetes.md")]
    pub fn kubernetes(issuer: impl Into<String>) -> Self {
        let argument = Argument {
            name: "issuer",
            form: Form::Url,
            advice: "such as https://kubernetes.default.svc.cluster.local: kubectl get --raw \
                     /.well-known/openid-configuration, member issuer",
        };
        Self::of("kubernetes", issuer, argument)
            .issued_by("{}")
            .keys_at("https://kubernetes.default.svc/openid/v1/jwks")
            .map_key_set(|keys| {
                keys.ca_file(format!("{SERVICE_ACCOUNT}/ca.crt"))
                    .bearer_token_file(format!("{SERVICE_ACCOUNT}/token"))
            })
            .algorithms([RS256, ES256, ES384, ES512])
            .needs_audience(
                "a name of this service that its callers' pods ask for: volumes: projected: \
                 sources: serviceAccountToken: audience",
            )
            .map_verifier(|verifier| {
                verifier.require_prefix("sub", "system:serviceaccount:").require(["kubernetes.io"])
            })
    }

    /// Returns the preset for SPIFFE: the JWT-SVIDs of a trust domain.
    ///
    #[doc = include_str!("../../docs/providers/spiffe.md")]
    pub fn spiffe(trust_domain: impl Into<String>) -> Self {
        let argument = Argument {
            name: "trust domain",
            form: Form::Name,
            advice: "such as example.org: trust_domain in the SPIRE server's configuration",
        };
        let preset = Self::of("spiffe", trust_domain, argument);
        let prefix = preset.fill("spiffe://{}/");
        preset
            .needs_keys(
                "the bundle endpoint of the trust domain with a web certificate (https_web), or \
                 /keys of SPIRE's OIDC discovery provider",
            )
            .algorithms([RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512])
            .needs_audience(
                "a name of this service that its callers ask for, usually its SPIFFE ID: the \
                 audience in FetchJWTSVID, or spire-agent api fetch jwt -audience",
            )
            .map_verifier(|verifier| verifier.require_prefix("sub", &prefix))
    }
}
