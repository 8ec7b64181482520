//! Tokens of Kubernetes service accounts.

use super::Provider;
use crate::support::folder::Folder;
use crate::support::issuer::{Answer, NOW, Server, changed, key, set_of};
use jamguard::jose::Algorithm;
use jamguard::jwks::RemoteKeySet;
use jamguard::testing::{ManualClock, mint};
use jamguard::{ErrorKind, Preset};
use serde_json::{Value, json};
use std::fs;

const CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";

fn claims() -> Value {
    json!({
        "aud": ["orders"],
        "iss": CLUSTER,
        "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
        "kubernetes.io": {
            "namespace": "shop",
            "node": {"name": "worker-1", "uid": "58456cb0-dd00-45ed-b797-5578fdceaced"},
            "pod": {"name": "web-5f6d", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
            "serviceaccount": {"name": "web", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
            "warnafter": NOW + 3597,
        },
        "nbf": NOW - 10,
        "sub": "system:serviceaccount:shop:web",
    })
}

#[tokio::test]
async fn service_accounts() {
    let preset = Preset::kubernetes(CLUSTER).audience("orders");
    let cluster = Provider::start(preset, Algorithm::RS256, claims()).await;
    let identity = cluster.identity(json!({})).await;
    assert_eq!(identity.subject(), Some("system:serviceaccount:shop:web"));
    // Of `kubectl create token`, which binds it to no pod.
    let unbound = json!({"kubernetes.io": {
        "namespace": "shop",
        "serviceaccount": {"name": "web", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
    }});
    cluster.identity(unbound).await;
    let api_server = json!({"aud": [CLUSTER, "k3s"]});
    cluster.refuses_claims("token for the API server", api_server, "'aud'").await;
    let legacy = json!({
        "iss": "kubernetes/serviceaccount", "aud": null, "exp": null, "kubernetes.io": null,
        "kubernetes.io/serviceaccount/namespace": "shop",
    });
    cluster.refuses_claims("token of a Secret", legacy, "'iss'").await;
    let other = json!({"iss": "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D"});
    cluster.refuses_claims("another cluster", other, "'iss'").await;
    for sub in [json!("system:node:worker-1"), json!("system:serviceaccount:"), Value::Null] {
        cluster.refuses_claims("no service account", json!({"sub": sub}), "'sub'").await;
    }
    let without = json!({"kubernetes.io": null});
    cluster.refuses_claims("without its claim", without, "'kubernetes.io'").await;
    cluster.refuses_other_forms("opaque").await;
}

/// The API server shows its keys to known service accounts only, whose tokens are rotated.
#[tokio::test]
async fn the_pods_own_token_is_read_for_each_fetch() {
    let (server, signer, folder) = (Server::start().await, key("k1"), Folder::new("pod"));
    let file = folder.path().join("token");
    fs::write(&file, "first-token\n").unwrap();
    server.set("/openid/v1/jwks", Answer::ok(set_of(&[&signer])));
    let clock = ManualClock::at(NOW);
    let path = file.clone();
    let verifier = Preset::kubernetes(CLUSTER)
        .audience("orders")
        .jwks_url(server.url("/openid/v1/jwks"))
        .map_key_set(move |keys| keys.bearer_token_file(path))
        .map_verifier(|verifier| verifier.clock(clock.clone()))
        .build()
        .unwrap();
    let claims = changed(&claims(), &json!({"exp": NOW + 86_400}));
    let token = mint(&signer, &claims).unwrap();
    verifier.verify(&token).await.unwrap();
    fs::write(&file, "second-token").unwrap();
    let (unknown, later) = (key("k2"), changed(&claims, &json!({"jti": "2"})));
    let error = verifier.verify(&mint(&unknown, &later).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownKey);
    let sent: Vec<String> = server.requests().iter().map(|text| text.to_lowercase()).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent[0].contains("authorization: bearer first-token\r\n"), "{sent:?}");
    assert!(sent[1].contains("authorization: bearer second-token\r\n"), "{sent:?}");
    // Known keys serve while the file is away; without keys it is an outage.
    fs::remove_file(&file).unwrap();
    verifier.verify(&token).await.unwrap();
    let path = file.clone();
    let keys = RemoteKeySet::builder(server.url("/openid/v1/jwks")).bearer_token_file(path);
    let error = keys.build().unwrap().load().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("token"), "{error}");
}

#[test]
fn the_pods_token_goes_to_the_api_server_alone() {
    // Another place of the keys gets neither the pod's token nor its certificate authority.
    let elsewhere = Preset::kubernetes(CLUSTER).audience("orders").jwks_url("https://a.example");
    elsewhere.build().unwrap();
    // Not where metadata leads.
    let discovered = RemoteKeySet::discover("https://a.example").bearer_token_file("token");
    let error = discovered.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("name the URL"), "{error}");
    // Outside of a cluster, the error names the file that is absent.
    let error = Preset::kubernetes(CLUSTER).audience("orders").build().unwrap_err();
    assert!(error.message().contains("kubernetes.io/serviceaccount/ca.crt"), "{error}");
}
