//! Missing and invalid arguments: the error says where to find them at the provider.

use jamguard::jwks::AwsAlb;
use jamguard::{ErrorKind, Preset};

#[test]
fn a_missing_argument_is_an_error_that_says_where_to_find_it() {
    let issuer = "https://acme.okta.com/oauth2/default";
    let missing = [
        (Preset::auth0("").audience("api"), "lacks its domain", "Settings > Domain"),
        (Preset::auth0("acme.eu.auth0.com"), ".audience(…)", "Applications > APIs"),
        (Preset::keycloak(" ").audience("api"), "lacks its realm URL", "Realm settings"),
        (Preset::keycloak("https://sso.example/realms/a"), ".audience(…)", "Mappers"),
        (Preset::okta("").audience("api"), "lacks its custom", "Security > API"),
        (Preset::okta(issuer), ".audience(…)", "Authorization Servers"),
        (Preset::cognito("").client_id("a"), "lacks its user pool ID", "User pools"),
        (Preset::cognito("eu-central-1_a1"), ".client_id(…)", "App clients"),
        (Preset::aws_alb(AwsAlb::new([""; 0])), "no load balancer", "EC2 console"),
        (Preset::kubernetes("").audience("a"), "lacks its issuer", "kubectl get --raw"),
        (Preset::kubernetes("https://a.example"), ".audience(…)", "serviceAccountToken"),
        (Preset::entra("").audience("a"), "lacks its tenant ID", "admin center > Overview"),
        (Preset::entra_tenants([""; 0]).audience("a"), "lacks its tenant ID", "Directory (tenant)"),
        (Preset::entra_any_tenant(), ".audience(…)", "App registrations"),
        (Preset::zitadel("").audience("1"), "lacks its instance", "URLs > Issuer"),
        (Preset::zitadel("https://a.zitadel.cloud"), ".audience(…)", "Resource Id"),
        (Preset::apple(), ".audience(…)", "Identifiers"),
        (Preset::clerk("").client_id("a"), "lacks its Frontend API URL", "API keys"),
        (Preset::clerk("clerk.acme.example"), ".client_id(…)", "azp"),
        (Preset::firebase(""), "lacks its project ID", "Project settings"),
        (Preset::google(), ".audience(…)", "Google Auth Platform"),
        (Preset::supabase(""), "lacks its project URL", "Project URL"),
        (Preset::workos(""), "lacks its client ID", "WorkOS Dashboard"),
        (Preset::cloudflare_access("").audience("a"), "lacks its team domain", "Cloudflare One"),
        (Preset::cloudflare_access("a.cloudflareaccess.com"), ".audience(…)", "AUD"),
        (Preset::google_iap(), ".audience(…)", "Get JWT audience code"),
        (Preset::github_actions("").audience("a"), "lacks its repository", "acme/shop"),
        (Preset::github_actions("acme/shop"), ".audience(…)", "getIDToken"),
        (Preset::gitlab_ci("").audience("a"), "lacks its project", "acme/shop"),
        (Preset::gitlab_ci("acme/shop"), ".audience(…)", "id_tokens"),
        (
            Preset::spiffe("").jwks_url("https://a.example").audience("a"),
            "lacks its trust domain",
            "SPIRE",
        ),
        (
            Preset::spiffe("acme.example").jwks_url("https://a.example"),
            ".audience(…)",
            "FetchJWTSVID",
        ),
        (Preset::spiffe("acme.example").audience("a"), ".jwks_url(…)", "bundle endpoint"),
    ];
    for (preset, says, place) in missing {
        let error = preset.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains(says), "'{error}' lacks '{says}'");
        assert!(error.message().contains(place), "'{error}' lacks '{place}'");
    }
}

#[test]
fn an_invalid_argument_never_enters_a_url() {
    let invalid = [
        Preset::auth0("acme.eu.auth0.com/.evil.example").audience("api"),
        Preset::auth0("acme.eu.auth0.com@evil.example").audience("api"),
        Preset::auth0("http://acme.eu.auth0.com").audience("api"),
        Preset::keycloak("sso.example/realms/shop").audience("api"),
        // The tokens of this server are for Okta alone.
        Preset::okta("https://acme.okta.com").audience("api"),
        Preset::okta("https://acme.okta.com/oauth2/").audience("api"),
        Preset::cognito("eu-central-1/../a_b").client_id("a"),
        Preset::entra("acme.onmicrosoft.com").audience("a"),
        Preset::entra("common").audience("a"),
        Preset::entra_tenants(["3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10", "common"]).audience("a"),
        Preset::firebase("acme/../evil"),
        Preset::firebase("acme?alt=json"),
        Preset::workos("client_1/../client_2"),
        Preset::github_actions("acme/*").audience("api"),
        Preset::gitlab_ci("acme/shop/").audience("api"),
        Preset::spiffe("acme.example/orders").jwks_url("https://a.example").audience("a"),
    ];
    for preset in invalid {
        let shown = format!("{preset:?}");
        let error = preset.build().map(|_| shown).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains("of the preset"), "{error}");
    }
    // Plain http is refused by the key set, except on loopback.
    let plain = Preset::keycloak("http://sso.acme.example/realms/a").audience("api").build();
    assert_eq!(plain.unwrap_err().kind(), ErrorKind::Configuration);
    let local = Preset::keycloak("http://localhost:8080/realms/a").audience("api").build();
    assert!(local.is_ok());
}

#[test]
fn a_preset_builds_without_a_fetch() {
    let api = "https://api.acme.example";
    let presets = [
        Preset::auth0("https://acme.eu.auth0.com/").audience(api),
        Preset::keycloak("https://sso.acme.example/realms/shop/").any_audience(),
        Preset::okta("https://acme.okta.com/oauth2/default").audience(api),
        Preset::cognito("eu-central-1_a1B2c3").client_id("4tl4f1mb"),
        Preset::entra("3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10").audience("api://orders"),
        Preset::entra_tenants(["3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10"]).audience("api://orders"),
        Preset::entra_any_tenant().audience("api://orders"),
        Preset::zitadel("https://acme.zitadel.cloud").audience("1"),
        Preset::apple().audience("com.acme.shop"),
        Preset::clerk("clerk.acme.example").client_id("https://app.acme.example"),
        Preset::firebase("acme-shop"),
        Preset::google().audience("1234.apps.googleusercontent.com"),
        Preset::supabase("abcdefghijklmnopqrst.supabase.co"),
        Preset::workos("client_01HZ"),
        Preset::cloudflare_access("acme.cloudflareaccess.com").audience("a"),
        Preset::google_iap().audience("/projects/1/apps/acme"),
        Preset::github_actions("acme").audience(api),
        Preset::gitlab_ci("acme/group/shop").audience(api),
        Preset::spiffe("acme.example").jwks_url("https://spire.acme.example").audience("a"),
    ];
    for preset in presets {
        preset.build().unwrap();
    }
}
