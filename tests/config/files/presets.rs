//! Presets of providers, configured by a file.

use crate::files::{NOW, builder, jam, refusal};
use crate::support::issuer::{Answer, Server, changed, key, set_of};
use jamguard::config::Format;
use jamguard::jose::{Algorithm, KeySet, SigningKey};
use jamguard::policy::role;
use jamguard::testing::{ManualClock, mint};
use jamguard::{ErrorKind, Jamguard};
use serde_json::{Value, json};

const REALM: &str = "https://sso.acme.example/realms/shop";

/// A file whose presets have this key, as the variable `KEYS`.
fn with_key(key: &SigningKey, text: &str) -> Jamguard {
    let keys = KeySet::from(key.verifying_key().unwrap()).to_json();
    builder()
        .variables(move |_| Some(keys.clone()))
        .clock(ManualClock::at(NOW))
        .from_str(text, Format::Toml)
        .unwrap()
}

fn claims() -> Value {
    json!({
        "iss": REALM, "aud": "orders", "sub": "ann", "typ": "Bearer", "azp": "web",
        "exp": NOW + 60, "realm_access": {"roles": ["editor"]}, "roles": ["admin"],
    })
}

#[tokio::test]
async fn a_preset_sets_rules_and_claim_paths() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    let jam = with_key(
        &key,
        "[jam.verifiers.users]
        preset = 'keycloak'
        realm_url = 'https://sso.acme.example/realms/shop/'
        audience = ['orders', 'billing']
        client_ids = 'web'
        algorithms = 'ES256'
        jwks = '${KEYS}'
        require = 'sub'
        [jam.verifiers.staff]
        preset = 'google_iap'
        audience = '/projects/1/apps/a'
        jwks = '${KEYS}'",
    );
    let auth = jam.authenticator().unwrap();
    let identity = auth.authenticate(&mint(&key, &claims()).unwrap()).await.unwrap();
    assert!(identity.check(&role("editor")).is_ok());
    assert!(identity.check(&role("admin")).is_err());
    let sources = format!("{auth:?} {:?}", jam);
    assert!(sources.contains("x-goog-iap-jwt-assertion"), "{sources}");
    for (name, value) in [
        ("typ", json!("ID")),
        ("aud", json!("account")),
        ("azp", json!("tv")),
        ("sub", Value::Null),
        ("iss", json!("https://sso.acme.example/realms/master")),
    ] {
        let token = mint(&key, &changed(&claims(), &json!({name: value}))).unwrap();
        let error = auth.authenticate(&token).await.map(|_| name).unwrap_err();
        assert!(error.message().contains(name) || name == "iss", "{error}");
    }
    // The verifier is usable alone.
    jam.verifier("users").unwrap().verify(&mint(&key, &claims()).unwrap()).await.unwrap();
}

#[tokio::test]
async fn the_keys_of_the_section_change_what_a_preset_sets() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    let jam = with_key(
        &key,
        "[jam.verifiers.users]
        preset = 'keycloak'
        realm_url = 'https://sso.acme.example/realms/shop'
        issuer = ['https://login.acme.example', 'https://sso.acme.example/realms/shop']
        any_audience = true
        algorithms = 'ES256'
        jwks = '${KEYS}'",
    );
    let users = jam.verifier("users").unwrap();
    for issuer in [REALM, "https://login.acme.example"] {
        let claims = changed(&claims(), &json!({"iss": issuer, "aud": "account"}));
        users.verify(&mint(&key, &claims).unwrap()).await.unwrap();
    }
    let wrong = changed(&claims(), &json!({"iss": "https://other.acme.example"}));
    let error = users.verify(&mint(&key, &wrong).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidClaim);
}

#[tokio::test]
async fn claim_paths_of_a_verifier_change_those_of_its_preset() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    let verifier = "[jam.verifiers.users]
        preset = 'keycloak'
        realm_url = 'https://sso.acme.example/realms/shop'
        audience = 'orders'
        algorithms = 'ES256'
        jwks = '${KEYS}'";
    let identity = async |file: &str| {
        let auth = with_key(&key, file).authenticator().unwrap().clone();
        auth.authenticate(&mint(&key, &claims()).unwrap()).await.unwrap()
    };
    let changed = identity(&format!("{verifier}\nclaim_paths = {{ roles = ['roles'] }}")).await;
    assert!(changed.check(&role("admin")).is_ok());
    assert!(changed.check(&role("editor")).is_err());

    // The authenticator's paths are not those of presets: giving them alone is an error.
    let authenticator = "[jam.authenticator]\nclaim_paths = { roles = ['roles'] }";
    let verifier_alone = verifier.replace("jwks = '${KEYS}'", "");
    let said = refusal(&format!("{verifier_alone}\n{authenticator}"));
    assert!(said.contains("jam.authenticator.claim_paths: it does not apply"), "{said}");
    assert!(said.contains("the verifier 'users'"), "{said}");
    let kept = identity(&format!("{verifier}\nclaim_paths = {{}}\n{authenticator}")).await;
    assert!(kept.check(&role("editor")).is_ok());
    assert!(kept.check(&role("admin")).is_err());

    let without = "[jam.verifiers.users]\njwks = '{}'\nclaim_paths = { roles = ['roles'] }";
    let said = refusal(without);
    assert!(said.contains("there is no 'preset' whose paths"), "{said}");
}

#[tokio::test]
async fn a_protected_resource_is_the_audience_of_a_preset() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    let resource = "[jam.protected_resource]
        resource = 'https://api.acme.example/mcp'
        authorization_servers = 'https://sso.acme.example/realms/shop'\n";
    let verifier = "[jam.verifiers.users]
        preset = 'keycloak'
        realm_url = 'https://sso.acme.example/realms/shop'
        protected_resource = true\n";
    let keys = "algorithms = 'ES256'\njwks = '${KEYS}'";
    let jam = with_key(&key, &format!("{resource}{verifier}{keys}"));
    let verify = async |audience: &str| {
        let claims = changed(&claims(), &json!({"aud": audience}));
        jam.verifier("users").unwrap().verify(&mint(&key, &claims).unwrap()).await
    };
    verify("https://api.acme.example/mcp").await.unwrap();
    let error = verify("orders").await.unwrap_err();
    assert!(error.message().contains("'aud'"), "{error}");

    assert!(refusal(verifier).contains("add the section 'protected_resource'"));
    let both = refusal(&format!("{resource}{verifier}any_audience = true"));
    assert!(both.contains("'protected_resource' is given too"), "{both}");
}

#[tokio::test]
async fn an_issuer_replaces_the_tenants_of_entra() {
    let key = SigningKey::generate(Algorithm::RS256).unwrap().with_key_id("k1");
    let issuer = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let file = format!(
        "[jam.verifiers.users]
        preset = 'entra'
        tenant_ids = 'any'
        issuer = '{}'
        audience = 'orders'
        jwks = '${{KEYS}}'",
        issuer("blue")
    );
    let jam = with_key(&key, &file);
    for (tenant, is_accepted) in [("blue", true), ("green", false)] {
        let claims = json!({
            "iss": issuer(tenant), "tid": tenant, "aud": "orders", "azp": "web", "exp": NOW + 60,
        });
        let verified = jam.verifier("users").unwrap().verify(&mint(&key, &claims).unwrap()).await;
        assert_eq!(verified.is_ok(), is_accepted, "{tenant}: {:?}", verified.err());
    }
}

#[tokio::test]
async fn the_keys_of_a_preset_are_fetched_as_the_section_says() {
    let (server, key) = (Server::start().await, key("k1"));
    let document = json!({"issuer": REALM, "jwks_uri": format!("{REALM}/keys")});
    let path = "/internal/.well-known/openid-configuration";
    server.set(path, Answer::ok(document.to_string()));
    server.set("/internal/keys", Answer::ok(set_of(&[&key])));
    let jam = jam(&format!(
        "[jam.verifiers.users]
        preset = 'keycloak'
        realm_url = '{REALM}'
        audience = 'orders'
        discover_at = '{}'
        key_set = {{ timeout = '2s' }}",
        server.url("/internal")
    ))
    .unwrap();
    let token = mint(&key, &claims()).unwrap();
    jam.verifier("users").unwrap().verify(&token).await.unwrap();
    assert_eq!(server.seen()[0], format!("GET {path} HTTP/1.1"));
}

#[test]
fn every_preset_builds_from_a_file() {
    let api = "audience = 'https://api.acme.example'";
    for text in [
        "preset = 'apple'\naudience = 'com.acme.shop'".to_owned(),
        "preset = 'kubernetes'\ncluster_issuer = 'https://a.example'\naudience = 'a'\n\
         jwks_url = 'https://a.example/keys'"
            .to_owned(),
        "preset = 'aws_alb'\naws_alb = 'arn:aws:elasticloadbalancing:eu-central-1:1:\
         loadbalancer/app/shop/50dc'"
            .to_owned(),
        format!("preset = 'auth0'\ndomain = 'acme.eu.auth0.com'\n{api}"),
        "preset = 'clerk'\nfrontend_api = 'clerk.acme.example'\nclient_ids = 'https://a.example'"
            .into(),
        format!("preset = 'cloudflare_access'\nteam_domain = 'a.cloudflareaccess.com'\n{api}"),
        "preset = 'cognito'\nuser_pool_id = 'eu-central-1_a1'\nclient_ids = ['a', 'b']".into(),
        format!("preset = 'entra'\ntenant_ids = 'any'\n{api}"),
        format!("preset = 'entra'\ntenant_ids = '3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10'\n{api}"),
        "preset = 'firebase'\nproject_id = 'acme-shop'".into(),
        "preset = 'firebase'\nproject_id = 'demo-shop'\ndanger_firebase_emulator = true".into(),
        format!("preset = 'github_actions'\nrepository = 'acme/shop'\n{api}"),
        format!("preset = 'gitlab_ci'\nproject = 'acme/shop'\n{api}"),
        format!(
            "preset = 'gitlab_ci'\nproject = 'acme/shop'\n{api}\nissuer = 'https://git.example'"
        ),
        format!("preset = 'google'\n{api}"),
        format!("preset = 'google_iap'\n{api}"),
        format!("preset = 'keycloak'\nrealm_url = '{REALM}'\n{api}"),
        format!("preset = 'keycloak'\nrealm_url = '{REALM}'\n{api}\ndiscover = '{REALM}'"),
        format!("preset = 'okta'\nauthorization_server = 'https://a.okta.com/oauth2/b'\n{api}"),
        format!(
            "preset = 'spiffe'\ntrust_domain = 'a.example'\njwks_url = 'https://a.example'\n{api}"
        ),
        "preset = 'supabase'\nproject_url = 'https://a.supabase.co'".into(),
        "preset = 'workos'\nclient_id = 'client_01'".into(),
        format!("preset = 'zitadel'\ninstance = 'https://a.zitadel.cloud'\n{api}"),
    ] {
        let built = jam(&format!("[jam.verifiers.users]\n{text}"));
        built.unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn a_file_with_every_argument_builds() {
    jam(include_str!("presets.toml")).unwrap();
}

#[test]
fn a_missing_or_foreign_argument_is_an_error_at_its_place() {
    for (text, says) in [
        (
            "preset = 'auth0'\naudience = 'a'",
            "jam.verifiers.users: the preset `auth0` lacks its domain",
        ),
        ("preset = 'auth0'\ndomain = 'acme.eu.auth0.com'", "Applications > APIs"),
        ("preset = 'entra'\naudience = 'a'", "lacks its tenant ID"),
        ("preset = 'aws_alb'", "EC2 console"),
        ("preset = 'kubernetes'\naudience = 'a'", "kubectl get --raw"),
        (
            "preset = 'kubernetes'\naudience = 'a'\ncluster_issuer = 'https://a.example'",
            ".io/serviceaccount/ca.crt",
        ),
        ("preset = 'spiffe'\ntrust_domain = 'a.example'\naudience = 'a'", "bundle endpoint"),
        (
            "preset = 'google'\naudience = 'a'\ndomain = 'b'",
            ":4: jam.verifiers.users.domain: this preset does not have this argument, but none",
        ),
        (
            "preset = 'keycloak'\naudience = 'a'\ndomain = 'b'",
            "does not have this argument, but 'realm_url'",
        ),
        ("preset = 'firebase'\nproject_id = 'acme'\ndanger_firebase_emulator = true", "demo-"),
        ("preset = 'google'\naudience = 'a'\ndanger_firebase_emulator = true", "for firebase"),
        ("discover = 'https://a.example'\ndomain = 'b'", "there is no 'preset'"),
        ("preset = 'aut0'", "did you mean 'auth0'?"),
        ("preset = 'google'\naudience = 'a'\nany_audience = true", "keep one of the two"),
        (
            "preset = 'google'\naudience = 'a'\njwks_url = 'https://a.example'\njwks = '{}'",
            "is given too",
        ),
    ] {
        let said = refusal(&format!("[jam.verifiers.users]\n{text}"));
        assert!(said.contains(says), "'{said}' lacks '{says}'");
    }
}
