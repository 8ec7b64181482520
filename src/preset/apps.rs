//! Presets of login services: the users of an application.

use super::argument::{Argument, Form};
use super::builder::Preset;
use crate::jose::Algorithm::{ES256, RS256};
use crate::policy::ClaimPaths;

impl Preset {
    /// Returns the preset for Sign in with Apple: identity tokens of an app.
    ///
    #[doc = include_str!("../../docs/providers/apple.md")]
    pub fn apple() -> Self {
        Self::new("apple")
            .issued_by("https://appleid.apple.com")
            .keys_at("https://appleid.apple.com/auth/keys")
            .algorithms([RS256])
            .needs_audience(
                "the bundle ID of the app or the Services ID of the website: Apple Developer > \
                 Certificates, Identifiers & Profiles > Identifiers",
            )
            .map_verifier(|verifier| verifier.require_any_text("sub"))
    }

    /// Returns the preset for Clerk: session tokens of an instance.
    ///
    #[doc = include_str!("../../docs/providers/clerk.md")]
    pub fn clerk(frontend_api: impl Into<String>) -> Self {
        let argument = Argument {
            name: "Frontend API URL",
            form: Form::Host,
            advice: "such as https://clerk.example.com, or https://calm-owl-12.clerk.accounts.dev \
                     in development: Clerk Dashboard > Configure > API keys",
        };
        let paths = ClaimPaths::default();
        Self::of("clerk", frontend_api, argument)
            .issued_by("https://{}")
            .keys_at("https://{}/.well-known/jwks.json")
            .algorithms([RS256])
            .client_claim("azp")
            .needs_client(
                "the origin of each web page that calls this API, such as \
                 https://app.example.com: Clerk writes it into the claim azp",
            )
            .claim_paths(paths.roles(["o.rol", "org_role"]).permissions(["org_permissions"]))
            .map_verifier(|verifier| {
                verifier.require_any_text("sid").require_text_if_present("sts", "active")
            })
    }

    /// Returns the preset for Firebase Authentication: ID tokens of a project.
    ///
    #[doc = include_str!("../../docs/providers/firebase.md")]
    pub fn firebase(project_id: impl Into<String>) -> Self {
        let argument = Argument {
            name: "project ID",
            form: Form::Name,
            advice: "Firebase console > Project settings > General > Project ID",
        };
        let preset = Self::of("firebase", project_id, argument);
        let project_id = preset.fill("{}");
        preset
            .issued_by("https://securetoken.google.com/{}")
            .keys_at(
                "https://www.googleapis.com/service_accounts/v1/jwk/\
                 securetoken@system.gserviceaccount.com",
            )
            .algorithms([RS256])
            .audience(project_id)
            .map_verifier(|verifier| verifier.require_any_text("sub").require(["auth_time"]))
    }

    /// Returns the preset for Google: ID tokens of an OAuth client.
    ///
    #[doc = include_str!("../../docs/providers/google.md")]
    pub fn google() -> Self {
        Self::new("google")
            .issued_by("https://accounts.google.com")
            .algorithms([RS256])
            .needs_audience(
                "the client ID, such as 1234-abcd.apps.googleusercontent.com: Google Cloud console \
                 > Google Auth Platform > Clients",
            )
            .map_verifier(|verifier| verifier.require_any_text("sub"))
    }

    /// Returns the preset for Supabase Auth: access tokens of a project's users.
    ///
    #[doc = include_str!("../../docs/providers/supabase.md")]
    pub fn supabase(project: impl Into<String>) -> Self {
        let argument = Argument {
            name: "project URL",
            form: Form::Host,
            advice: "such as https://abcdefghijklmnopqrst.supabase.co: Supabase Dashboard > Project \
                     Settings > Data API > Project URL",
        };
        Self::of("supabase", project, argument)
            .issued_by("https://{}/auth/v1")
            .keys_at("https://{}/auth/v1/.well-known/jwks.json")
            .algorithms([ES256, RS256])
            .audience("authenticated")
            .claim_paths(ClaimPaths::default().roles(["user_role", "app_metadata.roles"]))
            .map_verifier(|verifier| {
                verifier.require_any_text("sub").require_text("role", "authenticated")
            })
    }

    /// Returns the preset for WorkOS AuthKit: access tokens of an application.
    ///
    #[doc = include_str!("../../docs/providers/workos.md")]
    pub fn workos(client_id: impl Into<String>) -> Self {
        let argument = Argument {
            name: "client ID",
            form: Form::Name,
            advice: "such as client_01HZ…: WorkOS Dashboard > Applications > your application",
        };
        Self::of("workos", client_id, argument)
            .issued_by("https://api.workos.com/user_management/{}")
            .issued_by("https://api.workos.com")
            .keys_at("https://api.workos.com/sso/jwks/{}")
            .algorithms([RS256])
            .claim_paths(ClaimPaths::default().roles(["roles", "role"]))
            .map_verifier(|verifier| verifier.require_any_text("sub").require_any_text("sid"))
    }
}
