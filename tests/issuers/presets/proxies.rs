//! Headers that proxies add.

use super::Provider;
use jamguard::policy::{email_domain, role};
use jamguard::{Preset, jose::Algorithm};
use serde_json::json;

const AUD: &str = "32eafc7626e737969670ae1ba96f7f1b8b7f7c5d6d0b3a4b8a0c9d0e1f2a3b4c";

#[tokio::test]
async fn cloudflare_access() {
    let preset = Preset::cloudflare_access("acme.cloudflareaccess.com").audience(AUD);
    let claims = json!({
        "aud": [AUD],
        "email": "ann@acme.example",
        "iss": "https://acme.cloudflareaccess.com",
        "type": "app",
        "identity_nonce": "6ei69kawdKzMIAPF",
        "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
        "country": "US",
        "custom": {"groups": ["editors"]},
    });
    let access = Provider::start(preset, Algorithm::RS256, claims).await;
    access.allows(&[role("editors")], &[role("admin")]).await;
    let service = json!({"sub": "", "email": null, "common_name": "e367.access"});
    access.identity(service).await;
    access.refuses_claims("token of the team domain", json!({"type": "org"}), "'type'").await;
    access.refuses_claims("without a kind", json!({"type": null}), "'type'").await;
    access.refuses_claims("another application", json!({"aud": ["4714c1"]}), "'aud'").await;
    let other = json!({"iss": "https://evil.cloudflareaccess.com"});
    access.refuses_claims("another team", other, "evil").await;
    access.refuses_other_forms("opaque").await;
}

#[tokio::test]
async fn google_iap() {
    let backend = "/projects/1234567890/global/backendServices/9876543210";
    let preset = Preset::google_iap().audience(backend);
    let claims = json!({
        "iss": "https://cloud.google.com/iap",
        "aud": backend,
        "sub": "accounts.google.com:1234567890",
        "email": "ann@acme.example",
        "hd": "acme.example",
    });
    let iap = Provider::start(preset, Algorithm::ES256, claims).await;
    // IAP has no claim that says that the address is verified, and external identities exist.
    iap.allows(&[], &[email_domain("acme.example")]).await;
    let other = json!({"aud": "/projects/1234567890/global/backendServices/1"});
    iap.refuses_claims("another backend", other, "'aud'").await;
    let google = json!({"iss": "https://accounts.google.com"});
    iap.refuses_claims("ID token of Google", google, "'iss'").await;
    iap.refuses_claims("without a user", json!({"sub": null}), "'sub'").await;
    iap.refuses_other_forms("accounts.google.com:ann@acme.example").await;
}
