//! Presets of proxies that authenticate users and add a signed header to each request.

use super::argument::{Argument, Form};
use super::builder::Preset;
use crate::jose::Algorithm::{ES256, RS256};
use crate::jwks::AwsAlb;
use crate::policy::ClaimPaths;

impl Preset {
    /// Returns the preset for AWS Application Load Balancers: the header of users that log in at one.
    ///
    #[doc = include_str!("../../docs/providers/aws_alb.md")]
    pub fn aws_alb(load_balancers: AwsAlb) -> Self {
        Self::new("aws_alb")
            .load_balancers(load_balancers)
            .proxy_header("x-amzn-oidc-data")
            .claim_paths(ClaimPaths::default().roles(["cognito:groups", "groups", "roles"]))
            .map_verifier(|verifier| verifier.require_any_text("sub"))
    }

    /// Returns the preset for Cloudflare Access: the header of an application.
    ///
    #[doc = include_str!("../../docs/providers/cloudflare_access.md")]
    pub fn cloudflare_access(team_domain: impl Into<String>) -> Self {
        let argument = Argument {
            name: "team domain",
            form: Form::Host,
            advice: "such as acme.cloudflareaccess.com: Cloudflare One > Settings > Team name and \
                     domain",
        };
        Self::of("cloudflare_access", team_domain, argument)
            .issued_by("https://{}")
            .keys_at("https://{}/cdn-cgi/access/certs")
            .algorithms([RS256])
            .needs_audience(
                "the Application Audience (AUD) Tag: Cloudflare One > Access controls > \
                 Applications > your application > Additional settings",
            )
            .proxy_header("cf-access-jwt-assertion")
            .claim_paths(ClaimPaths::default().roles(["custom.groups"]))
            .map_verifier(|verifier| verifier.token_kind("type", ["app"]))
    }

    /// Returns the preset for Google's Identity-Aware Proxy: the header of a backend.
    ///
    #[doc = include_str!("../../docs/providers/google_iap.md")]
    pub fn google_iap() -> Self {
        Self::new("google_iap")
            .issued_by("https://cloud.google.com/iap")
            .keys_at("https://www.gstatic.com/iap/verify/public_key-jwk")
            .algorithms([ES256])
            .needs_audience(
                "/projects/NUMBER/global/backendServices/ID, or /projects/NUMBER/apps/PROJECT_ID \
                 for App Engine: Google Cloud console > Security > Identity-Aware Proxy > the \
                 resource's menu > Get JWT audience code",
            )
            .proxy_header("x-goog-iap-jwt-assertion")
            .map_verifier(|verifier| verifier.require_any_text("sub"))
    }
}
