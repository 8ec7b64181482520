//! Access tokens that an issuer binds to the key of a client (DPoP, RFC 9449).

use super::issuer::Announced;
use super::probe::{algorithm_of, service, service_token};
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use jamguard::{Authenticator, Dpop, DpopKey, Verifier};
use tower::ServiceExt;

const URL: &str = "https://orders.example/orders";

/// Gets a bound token of a service and uses it at an API: with a proof, with the same proof again, and
/// as a bearer token.
pub(super) async fn probe(announced: &Announced) -> String {
    let client = service(announced).dpop_key(DpopKey::generate().unwrap()).build().unwrap();
    let tokens = match service_token(announced, &client).await {
        Ok(tokens) => tokens,
        Err(error) => return format!("no token, {}", error.kind()),
    };
    if !tokens.token_type().eq_ignore_ascii_case("DPoP") {
        return format!("announced, but the token is of type `{}`", tokens.token_type());
    }
    let orders = Verifier::builder()
        .discover(&announced.issuer)
        .algorithms(algorithm_of(tokens.access_token().expose()))
        .any_audience()
        .build()
        .unwrap();
    let auth = Authenticator::builder()
        .verifier(orders)
        .dpop(Dpop::builder().public_url("https://orders.example").build().unwrap())
        .build()
        .unwrap();
    let api = axum::Router::new()
        .route("/orders", get(|| async {}).route_layer(auth.require_login()))
        .layer(auth.layer());
    let status = async |scheme: &str, proof: Option<&str>| {
        let authorization = format!("{scheme} {}", tokens.access_token().expose());
        let mut request = Request::get("/orders").header("authorization", authorization);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        let request = request.body(Body::empty()).unwrap();
        api.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    let proof = client.dpop_proof("GET", URL, tokens.access_token()).unwrap();
    let with_proof = status("DPoP", Some(&proof)).await;
    let refused = [status("DPoP", Some(&proof)).await, status("Bearer", None).await];
    assert_eq!(refused, [401, 401], "{}: a replay, a bearer token", announced.issuer);
    match with_proof {
        200 => "service".to_owned(),
        status => format!("refused with {status}"),
    }
}
