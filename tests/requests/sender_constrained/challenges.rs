//! The challenges of the scheme DPoP (RFC 9449 section 7.1), byte for byte.

use super::world::World;
use crate::support::Request;
use jamguard::jose::Algorithm;
use jamguard::{Dpop, ProtectedResource};

#[tokio::test]
async fn dpop_is_offered_beside_bearer_in_one_line_and_alone_for_proofs() {
    let world = World::new();
    let algorithms = [Algorithm::ES256, Algorithm::Ed25519];
    let servers = world.dpop(|dpop| dpop.algorithms(algorithms)).await;
    let challenge = async |request: Request| {
        let answer = servers.ask(request).await;
        (answer.status, answer.header("www-authenticate").unwrap().to_owned())
    };
    for path in ["/me", "/v1/orders"] {
        assert_eq!(
            challenge(Request::get(path)).await,
            (401, r#"Bearer realm="api", DPoP algs="ES256 Ed25519""#.to_owned())
        );
    }
    assert_eq!(
        challenge(Request::get("/me").bearer(&world.bound())).await,
        (
            401,
            r#"Bearer realm="api", error="invalid_token", error_description="The token is invalid.", DPoP algs="ES256 Ed25519", error="invalid_token""#.to_owned()
        )
    );
    let wrong = world.changed(|draft| draft.claims["htm"] = "POST".into());
    assert_eq!(
        challenge(wrong).await,
        (
            401,
            r#"DPoP realm="api", error="invalid_dpop_proof", error_description="The DPoP proof is invalid.", algs="ES256 Ed25519""#.to_owned()
        )
    );
}

#[tokio::test]
async fn where_dpop_is_required_bearer_is_not_offered() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop.required().algorithms([Algorithm::ES256])).await;
    let answer = servers.ask(Request::get("/me")).await;
    let challenge = answer.header("www-authenticate");
    assert_eq!((answer.status, challenge), (401, Some(r#"DPoP realm="api", algs="ES256""#)));
}

/// MCP clients begin with `resource_metadata`, whatever the scheme.
#[tokio::test]
async fn where_dpop_is_required_its_challenge_names_the_metadata_of_the_resource() {
    let world = World::new();
    let resource = ProtectedResource::builder("https://api.example")
        .authorization_server("https://issuer.example")
        .build()
        .unwrap();
    let auth = || {
        let dpop = Dpop::builder().public_url("https://api.example").required();
        let dpop = dpop.algorithms([Algorithm::ES256]).build().unwrap();
        world.auth().dpop(dpop).protected_resource(&resource).build().unwrap()
    };
    let servers = world.serve(auth).await;
    let wrong = world.changed(|draft| draft.claims["htm"] = "POST".into());
    for request in [Request::get("/me"), Request::get("/v1/orders"), wrong] {
        let answer = servers.ask(request).await;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let metadata = "https://api.example/.well-known/oauth-protected-resource";
        let start = format!(r#"DPoP realm="api", resource_metadata="{metadata}""#);
        assert!(answer.status == 401 && challenge.starts_with(&start), "{challenge}");
    }
}
