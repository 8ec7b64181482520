//! The checks of RFC 9449 section 4.3, in its order: each refuses a proof that is right but for it.

use super::world::{NOW, PUBLIC, World, accepted, refused, with};
use crate::support::Request;
use jamguard::DpopKey;
use jamguard::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

const INVALID: &str = "invalid_dpop_proof";

/// `GET /me` with the proof's claim replaced; null removes it.
fn with_claim(world: &World, name: &str, value: Value) -> Request {
    world.changed(|draft| {
        let claims = draft.claims.as_object_mut().unwrap();
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.to_owned(), value),
        };
    })
}

#[tokio::test]
async fn a_correct_proof_is_accepted_with_every_method_also_in_nested_routers() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let token = world.bound();
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        for path in ["/me", "/v1/orders"] {
            accepted(&servers, world.request(method, path, &token)).await;
        }
    }
}

#[tokio::test]
async fn attack_33_a_missing_or_second_proof() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let token = world.bound();
    let proof = |()| world.sign(&world.draft("GET", "/me", &token));
    let bare = Request::get("/me").header("authorization", format!("DPoP {token}"));
    refused(&servers, bare, INVALID).await;
    let twice = with(Request::get("/me"), &token, &proof(())).header("dpop", proof(()));
    refused(&servers, twice, INVALID).await;
    let same = proof(());
    let same = with(Request::get("/me"), &token, &same).header("dpop", &same);
    refused(&servers, same, INVALID).await;
    let joined = with(Request::get("/me"), &token, &format!("{}, {}", proof(()), proof(())));
    refused(&servers, joined, INVALID).await;
}

#[tokio::test]
async fn attack_34_a_proof_that_is_not_a_jwt() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let token = world.bound();
    let proof = world.sign(&world.draft("GET", "/me", &token));
    let (head, signature) = proof.rsplit_once('.').unwrap();
    let cases = [
        "".to_owned(),
        "nonsense".to_owned(),
        head.to_owned(),
        format!("{head}."),
        format!("{proof}."),
        format!("{proof}="),
        format!("{head}.{signature}!"),
        "e30.e30.e30".to_owned(),
        "x".repeat(9 * 1024),
    ];
    for case in cases {
        refused(&servers, with(Request::get("/me"), &token, &case), INVALID).await;
    }
    // A payload that is not an object of single members.
    for payload in ["[]", "\"text\"", r#"{"jti":"a","jti":"b"}"#] {
        let header = world.draft("GET", "/me", &token).header;
        let minted =
            jamguard::testing::mint_with_header(&world.client, &header, payload.as_bytes());
        refused(&servers, with(Request::get("/me"), &token, &minted.unwrap()), INVALID).await;
    }
}

#[tokio::test]
async fn attack_35_a_proof_without_a_required_claim() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        for value in [Value::Null, json!([]), json!(true)] {
            refused(&servers, with_claim(&world, name, value), INVALID).await;
        }
    }
    for id in [String::new(), "x".repeat(257)] {
        refused(&servers, with_claim(&world, "jti", id.into()), INVALID).await;
    }
    accepted(&servers, with_claim(&world, "jti", "x".repeat(256).into())).await;
}

#[tokio::test]
async fn attack_36_a_jwt_of_another_type() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    for typ in [json!("JWT"), json!("at+jwt"), json!("dpop"), json!(""), json!(1), Value::Null] {
        let request = world.changed(|draft| draft.header["typ"] = typ);
        refused(&servers, request, INVALID).await;
    }
    accepted(&servers, world.changed(|draft| draft.header["typ"] = "DPoP+JWT".into())).await;
}

#[tokio::test]
async fn attack_37_an_algorithm_that_is_symmetric_none_or_not_of_the_list() {
    let mut world = World::new();
    let servers = world.dpop(|dpop| dpop.algorithms([Algorithm::ES256])).await;
    for alg in ["none", "HS256", "ES384", "RS256", "nonsense"] {
        refused(&servers, world.changed(|draft| draft.header["alg"] = alg.into()), INVALID).await;
    }
    accepted(&servers, world.request("GET", "/me", &world.bound())).await;
    // A correct proof with an algorithm that is not of the list.
    world.client = SigningKey::generate(Algorithm::ES384).unwrap();
    refused(&servers, world.request("GET", "/me", &world.bound()), INVALID).await;
    let servers = world.dpop(|dpop| dpop).await;
    accepted(&servers, world.request("GET", "/me", &world.bound())).await;
}

#[tokio::test]
async fn attack_38_a_signature_of_another_key() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let token = world.bound();
    let stranger = World::new();
    // The client's public key in the header, the stranger's signature.
    let forged = stranger.sign(&world.draft("GET", "/me", &token));
    refused(&servers, with(Request::get("/me"), &token, &forged), INVALID).await;
    // The signature of another payload.
    let (first, second) = (world.draft("GET", "/me", &token), world.draft("GET", "/me", &token));
    let (first, second) = (world.sign(&first), world.sign(&second));
    let (head, _) = first.rsplit_once('.').unwrap();
    let (_, signature) = second.rsplit_once('.').unwrap();
    let swapped = format!("{head}.{signature}");
    refused(&servers, with(Request::get("/me"), &token, &swapped), INVALID).await;
}

#[tokio::test]
async fn attack_39_a_jwk_that_is_private_symmetric_or_missing() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let request = world.changed(|draft| draft.header["jwk"][name] = "AQAB".into());
        refused(&servers, request, INVALID).await;
    }
    let jwks = [
        Value::Null,
        json!({}),
        json!([]),
        json!("text"),
        json!({ "kty": "oct", "k": "AQAB" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB" }),
    ];
    for jwk in jwks {
        refused(&servers, world.changed(|draft| draft.header["jwk"] = jwk), INVALID).await;
    }
}

#[tokio::test]
async fn attack_40_a_proof_for_another_method() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    for method in ["POST", "get", "GET ", "HEAD", ""] {
        refused(&servers, with_claim(&world, "htm", method.into()), INVALID).await;
    }
}

#[tokio::test]
async fn attack_41_a_proof_for_another_url() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    for url in [
        "https://other.example/me",
        "http://api.example/me",
        "https://api.example:8443/me",
        "https://api.example/",
        "https://api.example/me/",
        "https://api.example/ME",
        "https://api.example/me%2F",
        "https://api.example/v1/me",
        "https://user@api.example/me",
        "https://api.example.evil/me",
        "//api.example/me",
        "/me",
        "",
    ] {
        refused(&servers, with_claim(&world, "htu", url.into()), INVALID).await;
    }
    // Spellings of the same URL (RFC 3986 section 6.2), and parts that do not count.
    for url in [
        "https://api.example/me?query=1#part",
        "HTTPS://API.example:443/me",
        "https://api.example/a/../m%65",
    ] {
        accepted(&servers, with_claim(&world, "htu", url.into())).await;
    }
    let token = world.bound();
    let proof = world.sign(&world.draft("GET", "/me", &token));
    accepted(&servers, with(Request::get("/me?page=2"), &token, &proof)).await;
}

#[tokio::test]
async fn in_a_nested_router_the_whole_path_counts() {
    let world = World::new();
    let servers = world.nested().await;
    let token = world.bound();
    accepted(&servers, world.request("GET", "/v1/orders", &token)).await;
    let proof = world.sign(&world.draft("GET", "/orders", &token));
    refused(&servers, with(Request::get("/v1/orders"), &token, &proof), INVALID).await;
}

#[tokio::test]
async fn attack_43_a_proof_from_outside_the_window() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    for time in [NOW - 61, NOW + 61, 0] {
        refused(&servers, with_claim(&world, "iat", time.into()), INVALID).await;
    }
    for time in [NOW - 60, NOW, NOW + 60] {
        accepted(&servers, with_claim(&world, "iat", time.into())).await;
    }
}

#[tokio::test]
async fn attack_44_a_proof_for_another_token() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let (token, other) = (world.bound(), world.bound());
    assert_ne!(token, other, "ECDSA signatures are random");
    let proof = world.sign(&world.draft("GET", "/me", &other));
    refused(&servers, with(Request::get("/me"), &token, &proof), INVALID).await;
}

#[tokio::test]
async fn attack_45_a_stolen_token_with_the_thiefs_own_proof() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let thief = World::new();
    let token = world.bound();
    let proof = thief.sign(&thief.draft("GET", "/me", &token));
    refused(&servers, with(Request::get("/me"), &token, &proof), "invalid_token").await;
    // The cached token is not accepted either.
    accepted(&servers, world.request("GET", "/me", &token)).await;
    let proof = thief.sign(&thief.draft("GET", "/me", &token));
    refused(&servers, with(Request::get("/me"), &token, &proof), "invalid_token").await;
}

#[tokio::test]
async fn the_public_url_may_have_a_path_or_come_from_a_proxy() {
    let world = World::new();
    let token = world.bound();
    let below = |dpop: jamguard::DpopBuilder| dpop.public_url("https://other.example/shop/");
    let servers = world.dpop(below).await;
    let request = |url: &str| {
        let mut draft = world.draft("GET", "/me", &token);
        draft.claims["htu"] = url.into();
        with(Request::get("/me"), &token, &world.sign(&draft))
    };
    accepted(&servers, request("https://other.example/shop/me")).await;
    accepted(&servers, request(&format!("{PUBLIC}/me"))).await;
    refused(&servers, request("https://other.example/me"), INVALID).await;

    let proxied = || {
        let dpop = jamguard::Dpop::builder().danger_trust_forwarded_headers().build().unwrap();
        world.auth().dpop(dpop).build().unwrap()
    };
    let servers = world.serve(proxied).await;
    let from = |request: Request, scheme: &str, host: &str| {
        request.header("x-forwarded-proto", scheme).header("x-forwarded-host", host)
    };
    let url = format!("{PUBLIC}/me");
    accepted(&servers, from(request(&url), "https", "api.example")).await;
    refused(&servers, from(request(&url), "http", "api.example"), INVALID).await;
    refused(&servers, from(request(&url), "https", "other.example"), INVALID).await;
    // Without these headers the URL is unknown, and a list may begin with the client's own value.
    let cases = [
        request(&url),
        request(&url).header("x-forwarded-proto", "https"),
        from(request(&url), "https", "api.example, other.example"),
        from(request(&url), "https", "api.example/me?"),
        from(from(request(&url), "https", "api.example"), "https", "api.example"),
    ];
    for case in cases {
        assert_eq!(servers.ask(case).await.status, 500);
    }
}

#[tokio::test]
async fn a_request_outside_of_the_frameworks_is_verified_too() {
    let world = World::new();
    let dpop = jamguard::Dpop::builder().public_url(PUBLIC).build().unwrap();
    let auth = world.auth().dpop(dpop).build().unwrap();
    let token = world.bound();
    let url = format!("{PUBLIC}/socket");
    let proof = world.sign(&world.draft("GET", "/socket", &token));
    let request = jamguard::DpopRequest::new("GET", &url, &proof);
    let identity = auth.authenticate_dpop(&token, request).await.unwrap();
    assert_eq!(identity.credential(), jamguard::CredentialKind::Dpop);
    let again = auth.authenticate_dpop(&token, request).await.unwrap_err();
    assert_eq!(again.kind(), jamguard::ErrorKind::InvalidProof);
    let bare = auth.authenticate(&token).await.unwrap_err();
    assert_eq!(bare.kind(), jamguard::ErrorKind::InvalidClaim);
    let without = world.auth().build().unwrap();
    let error = without.authenticate_dpop(&token, request).await.unwrap_err();
    assert_eq!(error.kind(), jamguard::ErrorKind::Configuration);
}

#[test]
fn settings_that_cannot_work_are_errors_at_build() {
    use jamguard::{Dpop, ErrorKind};
    use std::time::Duration;
    let dpop = || Dpop::builder().public_url(PUBLIC);
    for (builder, word) in [
        (Dpop::builder(), "public_url"),
        (dpop().danger_trust_forwarded_headers(), "keep one"),
        (Dpop::builder().public_url("api.example"), "public URL"),
        (Dpop::builder().public_url("https://api.example/?a=b"), "query"),
        (dpop().algorithms([Algorithm::ES256, Algorithm::HS256]), "HS256"),
        (dpop().window(Duration::ZERO), "window"),
        (dpop().window(Duration::from_secs(601)), "window"),
        (dpop().nonce_lifetime(Duration::from_secs(86_401)), "nonces"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(word), "{error}");
    }
    let secret = SigningKey::generate(Algorithm::HS256).unwrap();
    assert_eq!(DpopKey::new(secret).unwrap_err().kind(), ErrorKind::InvalidKey);
    let key = DpopKey::generate().unwrap();
    assert_eq!(key.proof("GET", "/me").sign().unwrap_err().kind(), ErrorKind::Configuration);
}
