//! Tokens of login services for users of an application.

use super::Provider;
use crate::support::issuer::NOW;
use jamguard::policy::{email_domain, permission, role};
use jamguard::{Preset, jose::Algorithm};
use serde_json::json;

#[tokio::test]
async fn apple() {
    let preset = Preset::apple().audience("com.acme.shop");
    let claims = json!({
        "iss": "https://appleid.apple.com",
        "aud": "com.acme.shop",
        "sub": "000792.d71059495fa24644b94e4a644e2e3b4a.0638",
        "nonce": "n-1",
        "nonce_supported": true,
        "email": "ann@acme.example",
        "email_verified": "true",
        "auth_time": NOW - 20,
    });
    let apple = Provider::start(preset, Algorithm::RS256, claims).await;
    apple.allows(&[email_domain("acme.example")], &[role("admin")]).await;
    apple.refuses_claims("token of another app", json!({"aud": "com.evil"}), "'aud'").await;
    // Signed with the same keys for the same audience, but not about a login.
    let notification = json!({
        "sub": null, "exp": null, "jti": "8d3b",
        "events": "{\"type\":\"consent-revoked\",\"sub\":\"000792.d7\"}",
    });
    apple.refuses_claims("notification", notification, "'exp'").await;
    let lasting = json!({"sub": null, "events": "{\"type\":\"consent-revoked\"}"});
    apple.refuses_claims("notification that expires", lasting, "'sub'").await;
    apple.refuses_other_forms("c6a1f0").await;
}

#[tokio::test]
async fn clerk() {
    let preset = Preset::clerk("https://clerk.acme.example").client_id("https://app.acme.example");
    let claims = json!({
        "azp": "https://app.acme.example",
        "iss": "https://clerk.acme.example",
        "fva": [7, -1],
        "nbf": NOW - 20,
        "sid": "sess_123",
        "sub": "user_123",
        "v": 2,
        "o": {"id": "org_1", "rol": "admin", "slg": "acme"},
        "sts": "active",
    });
    let clerk = Provider::start(preset, Algorithm::RS256, claims).await;
    clerk.allows(&[role("admin")], &[role("org:admin")]).await;
    let first = json!({
        "o": null, "v": null, "sts": null,
        "org_role": "org:admin", "org_permissions": ["org:orders:read"],
    });
    let identity = clerk.identity(first).await;
    assert!(identity.check(&role("org:admin")).is_ok());
    assert!(identity.check(&permission("org:orders:read")).is_ok());
    clerk.refuses_claims("session with open tasks", json!({"sts": "pending"}), "'sts'").await;
    clerk.refuses_claims("unreadable status", json!({"sts": true}), "'sts'").await;
    let other = json!({"azp": "https://evil.acme.example"});
    clerk.refuses_claims("session of another page", other, "'azp'").await;
    clerk.refuses_claims("without an origin", json!({"azp": null}), "'azp'").await;
    clerk.refuses_claims("token of a JWT template", json!({"sid": null}), "'sid'").await;
    let machine = json!({"sub": "mch_1", "sid": null, "azp": null});
    clerk.refuses_claims("machine token", machine, "'sid'").await;
    clerk.refuses_other_forms("oat_2xVn").await;
}

#[tokio::test]
async fn firebase() {
    let preset = Preset::firebase("acme-shop");
    let claims = json!({
        "iss": "https://securetoken.google.com/acme-shop",
        "aud": "acme-shop",
        "auth_time": NOW - 20,
        "user_id": "3W3P",
        "sub": "3W3P",
        "email": "ann@acme.example",
        "email_verified": true,
        "roles": ["editor"],
        "firebase": {"identities": {"email": ["ann@acme.example"]}, "sign_in_provider": "password"},
    });
    let firebase = Provider::start(preset, Algorithm::RS256, claims).await;
    firebase.allows(&[email_domain("acme.example"), role("editor")], &[role("admin")]).await;
    let cookie = json!({"iss": "https://session.firebase.google.com/acme-shop"});
    firebase.refuses_claims("session cookie", cookie, "session.firebase").await;
    let other = json!({"iss": "https://securetoken.google.com/evil", "aud": "evil"});
    firebase.refuses_claims("token of another project", other, "evil").await;
    firebase.refuses_claims("another audience", json!({"aud": "evil"}), "'aud'").await;
    let custom = json!({
        "iss": "firebase-adminsdk@acme-shop.iam.gserviceaccount.com",
        "sub": "firebase-adminsdk@acme-shop.iam.gserviceaccount.com",
        "aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
        "uid": "3W3P",
    });
    firebase.refuses_claims("custom token", custom, "firebase-adminsdk").await;
    firebase.refuses_claims("without a user", json!({"sub": ""}), "'sub'").await;
    firebase.refuses_claims("without a login", json!({"auth_time": null}), "'auth_time'").await;
    // The last form is what the emulator issues.
    firebase.refuses_other_forms("AMf-vBx").await;
}

#[tokio::test]
async fn google() {
    let client = "1234-abcd.apps.googleusercontent.com";
    let preset = Preset::google().audience(client);
    let claims = json!({
        "iss": "https://accounts.google.com",
        "azp": client,
        "aud": client,
        "sub": "110169484474386276334",
        "hd": "acme.example",
        "email": "ann@acme.example",
        "email_verified": true,
        "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
    });
    let google = Provider::start(preset, Algorithm::RS256, claims).await;
    google.identity(json!({"iss": "accounts.google.com"})).await;
    google.allows(&[email_domain("acme.example")], &[]).await;
    let other = json!({"aud": "99-evil.apps.googleusercontent.com"});
    google.refuses_claims("token of another client", other, "'aud'").await;
    let iap = json!({"iss": "https://cloud.google.com/iap"});
    google.refuses_claims("header of IAP", iap, "'iss'").await;
    google.refuses_other_forms("ya29.a0AfH6SMBx").await;
}

#[tokio::test]
async fn supabase() {
    let preset = Preset::supabase("https://abcdefghijklmnopqrst.supabase.co");
    let claims = json!({
        "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
        "sub": "123e4567-e89b-12d3-a456-426614174000",
        "aud": "authenticated",
        "role": "authenticated",
        "aal": "aal1",
        "session_id": "5b3d",
        "email": "ann@acme.example",
        "is_anonymous": false,
        "user_role": "editor",
        "app_metadata": {"provider": "email", "roles": ["approver"]},
        "user_metadata": {"roles": ["admin"], "email_verified": true},
        "amr": [{"method": "password", "timestamp": NOW - 20}],
    });
    let supabase = Provider::start(preset, Algorithm::ES256, claims).await;
    // Users write `user_metadata` themselves.
    supabase
        .allows(
            &[role("editor"), role("approver")],
            &[role("admin"), role("authenticated"), email_domain("acme.example")],
        )
        .await;
    for name in ["anon", "service_role"] {
        let key = json!({"iss": "supabase", "role": name, "aud": null, "sub": null});
        supabase.refuses_claims("API key", key, "'iss'").await;
        supabase.refuses_claims("another role", json!({"role": name}), "'role'").await;
    }
    supabase.refuses_claims("another audience", json!({"aud": "anon"}), "'aud'").await;
    supabase.refuses_claims("without a user", json!({"sub": null}), "'sub'").await;
    supabase.refuses_other_forms("sb_secret_N7UND0Ugj").await;
}

#[tokio::test]
async fn workos() {
    let preset = Preset::workos("client_01HZ3T0W5R");
    let claims = json!({
        "iss": "https://api.workos.com/user_management/client_01HZ3T0W5R",
        "sub": "user_01HBEQKA6K4QJAS93VPE39W1JT",
        "org_id": "org_01HRDMC6CM357W30QMHMQ96Q0S",
        "role": "member",
        "roles": ["member", "billing"],
        "permissions": ["posts:read", "posts:write"],
        "sid": "session_01HQSXZGF8FHF7A9ZZFCW4387R",
        "jti": "01HQSXZXPPFPKMDD32RKTFY6PV",
    });
    let workos = Provider::start(preset, Algorithm::RS256, claims).await;
    workos.identity(json!({"iss": "https://api.workos.com"})).await;
    workos
        .allows(&[role("member"), role("billing"), permission("posts:read")], &[role("admin")])
        .await;
    let other = json!({"iss": "https://api.workos.com/user_management/client_evil"});
    workos.refuses_claims("token of another application", other, "client_evil").await;
    workos.refuses_claims("without a session", json!({"sid": null}), "'sid'").await;
    workos.refuses_other_forms("opaque").await;
}
