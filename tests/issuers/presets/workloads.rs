//! Tokens of workloads.

use super::Provider;
use jamguard::policy::claim;
use jamguard::{Preset, jose::Algorithm};
use serde_json::json;

const API: &str = "https://api.acme.example";

fn github_claims() -> serde_json::Value {
    json!({
        "jti": "example-id",
        "sub": "repo:acme/shop:ref:refs/heads/main",
        "aud": API,
        "ref": "refs/heads/main",
        "repository": "acme/shop",
        "repository_id": "74",
        "repository_owner": "acme",
        "repository_owner_id": "65",
        "job_workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
        "event_name": "push",
        "iss": "https://token.actions.githubusercontent.com",
    })
}

#[tokio::test]
async fn github_actions() {
    let preset = Preset::github_actions("acme/shop").audience(API);
    let github = Provider::start(preset, Algorithm::RS256, github_claims()).await;
    github.allows(&[claim("ref").eq("refs/heads/main")], &[]).await;
    // Any repository may ask for this audience.
    let evil = json!({"repository": "evil/shop", "repository_owner": "evil"});
    github.refuses_claims("another repository", evil, "'repository'").await;
    let sibling = json!({"repository": "acme/site"});
    github.refuses_claims("another repository of the owner", sibling, "'repository'").await;
    let default = json!({"aud": "https://github.com/acme"});
    github.refuses_claims("default audience", default, "'aud'").await;
    github.refuses_other_forms("ghs_16C7e42F292c6912E7710c838347Ae178B4a").await;
}

#[tokio::test]
async fn github_actions_of_an_owner() {
    let preset = Preset::github_actions("acme").audience(API);
    let github = Provider::start(preset, Algorithm::RS256, github_claims()).await;
    github.identity(json!({"repository": "acme/site"})).await;
    let evil = json!({"repository": "evil/acme", "repository_owner": "evil"});
    github.refuses_claims("another owner", evil, "'repository_owner'").await;
}

#[tokio::test]
async fn gitlab_ci() {
    let preset = Preset::gitlab_ci("acme/shop").audience(API);
    let claims = json!({
        "namespace_id": "72",
        "namespace_path": "acme",
        "project_id": "20",
        "project_path": "acme/shop",
        "user_login": "ann",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_protected": "true",
        "jti": "235b3a54",
        "iss": "https://gitlab.com",
        "sub": "project_path:acme/shop:ref_type:branch:ref:main",
        "aud": API,
    });
    let gitlab = Provider::start(preset, Algorithm::RS256, claims).await;
    gitlab.allows(&[claim("ref_protected").eq("true")], &[]).await;
    let fork = json!({"project_path": "evil/shop", "namespace_path": "evil"});
    gitlab.refuses_claims("job of a fork", fork, "'project_path'").await;
    let login = json!({"project_path": null, "pipeline_id": null, "sub": "184239"});
    gitlab.refuses_claims("ID token of a user", login, "'project_path'").await;
    let other = json!({"pipeline_id": null});
    gitlab.refuses_claims("token outside of a pipeline", other, "'pipeline_id'").await;
    gitlab.refuses_claims("default audience", json!({"aud": "https://gitlab.com"}), "'aud'").await;
    gitlab.refuses_other_forms("glcbt-64_opaque").await;
}

#[tokio::test]
async fn spiffe() {
    let ours = "spiffe://acme.example/orders";
    let preset =
        Preset::spiffe("acme.example").jwks_url("https://spire.acme.example/bundle").audience(ours);
    let claims = json!({"sub": "spiffe://acme.example/web", "aud": [ours]});
    let spiffe = Provider::start(preset, Algorithm::ES256, claims).await;
    let identity = spiffe.identity(json!({})).await;
    assert_eq!(identity.subject(), Some("spiffe://acme.example/web"));
    for sub in [
        "spiffe://evil.example/web",
        "spiffe://acme.example.evil/web",
        "spiffe://acme.example",
        "spiffe://acme.example/",
        "https://acme.example/web",
    ] {
        spiffe.refuses_claims("another trust domain", json!({"sub": sub}), "'sub'").await;
    }
    spiffe.refuses_claims("without a subject", json!({"sub": null}), "'sub'").await;
    let other = json!({"aud": ["spiffe://acme.example/billing"]});
    spiffe.refuses_claims("for another service", other, "'aud'").await;
    spiffe.refuses_claims("for any service", json!({"aud": null}), "'aud'").await;
    spiffe.refuses_claims("without an expiry", json!({"exp": null}), "'exp'").await;
    spiffe.refuses_other_forms("opaque").await;
}
