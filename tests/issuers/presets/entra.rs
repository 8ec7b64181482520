//! Access tokens of Microsoft Entra ID.

use super::Provider;
use crate::support::issuer::{Answer, NOW, Server, changed, jwk, key};
use jamguard::policy::{role, scope};
use jamguard::testing::{ManualClock, mint, mint_with_header};
use jamguard::{Authenticator, ErrorKind, Preset, jose::Algorithm};
use serde_json::{Value, json};

const TENANT: &str = "3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10";
const OTHER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";

fn v2(tenant: &str) -> Value {
    json!({
        "aud": API,
        "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        "azp": "30fe31a8-9f0b-4dbe-8ae2-f9f3c7b0e5c1",
        "azpacr": "0",
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        "scp": "Orders.Read openid",
        "roles": ["editor"],
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": tenant,
        "ver": "2.0",
    })
}

/// What a v1.0 token has instead.
fn v1(tenant: &str) -> Value {
    json!({
        "aud": format!("api://{API}"),
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "azp": null, "azpacr": null,
        "appid": "30fe31a8-9f0b-4dbe-8ae2-f9f3c7b0e5c1",
        "appidacr": "0",
        "tid": tenant,
        "ver": "1.0",
    })
}

fn with_audiences(preset: Preset) -> Preset {
    preset.audience(API).audience(format!("api://{API}"))
}

#[tokio::test]
async fn one_tenant() {
    let preset = with_audiences(Preset::entra(TENANT.to_uppercase()));
    let entra = Provider::start(preset, Algorithm::RS256, v2(TENANT)).await;
    entra.allows(&[scope("Orders.Read"), role("editor")], &[role("Orders.Read")]).await;
    let identity = entra.identity(v1(TENANT)).await;
    assert!(identity.check(&scope("Orders.Read")).is_ok());

    // An app without a user has no scopes.
    let app = json!({"scp": null, "idtyp": "app", "roles": ["Orders.Read.All"]});
    let identity = entra.identity(app).await;
    assert!(identity.check(&role("Orders.Read.All")).is_ok());
    assert!(identity.check(&scope("Orders.Read")).is_err());
    // The key is named twice in a v1.0 token.
    let header = json!({"alg": "RS256", "typ": "JWT", "x5t": "k1", "kid": "k1"});
    let claims = changed(&entra.claims, &v1(TENANT)).to_string();
    let token = mint_with_header(&entra.key, &header, claims.as_bytes()).unwrap();
    entra.auth.authenticate(&token).await.unwrap();

    let graph = json!({"aud": "00000003-0000-0000-c000-000000000000"});
    entra.refuses_claims("token for Graph", graph, "'aud'").await;
    let id_token = json!({"azp": null, "azpacr": null, "scp": null, "nonce": "n-1"});
    entra.refuses_claims("ID token", id_token, "'azp' or 'appid'").await;
    let mut id_token = v1(TENANT);
    id_token["appid"] = Value::Null;
    entra.refuses_claims("v1.0 ID token", id_token, "'azp' or 'appid'").await;
    for other in [v2(OTHER), v1(OTHER)] {
        entra.refuses_claims("another tenant", other, "'tid'").await;
    }
    entra.refuses_claims("tid of another tenant", json!({"tid": OTHER}), "'tid'").await;
    entra.refuses_claims("without tid", json!({"tid": null}), "'tid'").await;
    let common = json!({"iss": "https://login.microsoftonline.com/common/v2.0", "tid": "common"});
    entra.refuses_claims("issuer common", common, "'tid'").await;
    entra.refuses_other_forms("EwBgA8l6BAAURSN").await;

    // As for Graph: what is signed is not what is sent.
    let nonce = json!({"alg": "RS256", "typ": "JWT", "kid": "k1", "nonce": "sent"});
    let claims = entra.claims.to_string();
    let signed = mint_with_header(&entra.key, &nonce, claims.as_bytes()).unwrap();
    let sent = entra.token(json!({}));
    let mixed = format!(
        "{}.{}",
        &signed[..signed.rfind('.').unwrap()],
        &sent[sent.rfind('.').unwrap() + 1..]
    );
    entra.refuses("token with a nonce", &mixed, ErrorKind::BadSignature, "signature").await;
}

#[tokio::test]
async fn several_tenants_and_any() {
    let third = "11111111-2222-3333-4444-555555555555";
    let preset = with_audiences(Preset::entra_tenants([TENANT, OTHER]));
    let entra = Provider::start(preset, Algorithm::RS256, v2(TENANT)).await;
    for accepted in [v2(TENANT), v2(OTHER), v1(OTHER)] {
        let identity = entra.identity(accepted).await;
        assert!(identity.check(&role("editor")).is_ok(), "the paths of the preset");
    }
    entra.refuses_claims("a third tenant", v2(third), "'tid'").await;
    entra.refuses_claims("a third tenant", v1(third), "'tid'").await;

    let preset = with_audiences(Preset::entra_any_tenant());
    let entra = Provider::start(preset, Algorithm::RS256, v2(TENANT)).await;
    entra.identity(v2(third)).await;
    entra.identity(v1(third)).await;
    entra.refuses_claims("tid of another tenant", json!({"tid": OTHER}), "'tid'").await;
    let id_token = json!({"azp": null});
    entra.refuses_claims("ID token", id_token, "'azp' or 'appid'").await;
    let elsewhere = json!({"iss": format!("https://login.microsoftonline.us/{TENANT}/v2.0")});
    entra.refuses_claims("another cloud", elsewhere, "microsoftonline.us").await;
}

#[tokio::test]
async fn a_key_of_another_tenant_is_refused() {
    let (server, ours, theirs) = (Server::start().await, key("ours"), key("theirs"));
    let mut keys = [jwk(&ours), jwk(&theirs)];
    keys[0]["issuer"] = "https://login.microsoftonline.com/{tenantid}/v2.0".into();
    keys[1]["issuer"] = format!("https://login.microsoftonline.com/{OTHER}/v2.0").into();
    server.set("/keys", Answer::ok(json!({"keys": keys}).to_string()));
    let preset = with_audiences(Preset::entra_any_tenant().algorithms([Algorithm::ES256]));
    let auth = Authenticator::builder()
        .preset(preset.jwks_url(server.url("/keys")))
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let token = |tenant: &str, key, form: &Value| {
        let claims = changed(&changed(&v2(tenant), form), &json!({"exp": NOW + 60}));
        mint(key, &claims).unwrap()
    };
    let unchanged = json!({});
    for (tenant, key, form, is_accepted) in [
        (TENANT, &ours, &unchanged, true),
        (TENANT, &ours, &v1(TENANT), true),
        (OTHER, &theirs, &unchanged, true),
        (TENANT, &theirs, &unchanged, false),
        (TENANT, &theirs, &v1(TENANT), false),
    ] {
        let answer = auth.authenticate(&token(tenant, key, form)).await;
        assert_eq!(answer.is_ok(), is_accepted, "{tenant}: {:?}", answer.err());
    }
}
