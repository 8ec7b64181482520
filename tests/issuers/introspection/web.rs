//! Opaque tokens of requests: the same bytes from axum and actix-web.

use super::{ENDPOINT, TOKEN, World, answer_with};
use crate::support::issuer::{Answer, NOW, key};
use crate::support::{Request, Servers, Site, send};
use jamguard::{Authenticator, CredentialSource, Dpop, DpopKey};
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

async fn site(world: &World) -> Servers {
    let auth = Authenticator::builder()
        .verifier(world.verifier.clone())
        .sources([
            CredentialSource::bearer(),
            CredentialSource::cookie("token"),
            CredentialSource::header("x-token"),
        ])
        .build()
        .unwrap();
    Servers::start(Site::new(auth)).await
}

#[tokio::test]
async fn an_opaque_token_identifies_the_sender() {
    let world = World::new().await;
    world.answers(&answer_with("email", "ann@example.com"));
    let servers = site(&world).await;
    for request in [
        Request::get("/me").bearer(TOKEN),
        Request::get("/me").bearer("abc/def+~=="),
        Request::get("/me").header("x-token", TOKEN),
        Request::get("/me").cookie("token", TOKEN),
        Request::get("/guarded-scope/me").bearer(TOKEN),
    ] {
        let answer = servers.ask(request).await;
        assert_eq!((answer.status, answer.text()), (200, "ann@example.com"));
    }
}

/// What the answer binds a token to must be proven, as with a JWT.
#[tokio::test]
async fn a_token_that_the_server_binds_to_a_key_needs_a_proof() {
    let world = World::new().await;
    let client = key("client");
    let mut bound = answer_with("cnf", json!({"jkt": client.thumbprint().unwrap()}));
    bound["email"] = "ann@example.com".into();
    bound["token_type"] = "DPoP".into();
    world.answers(&bound);
    let dpop = Dpop::builder().public_url("https://api.example").build().unwrap();
    let auth = Authenticator::builder().verifier(world.verifier.clone());
    let auth = auth.dpop(dpop).clock(world.clock.clone()).build().unwrap();
    let servers = Servers::start(Site::new(auth)).await;
    let client = DpopKey::new(client).unwrap();
    for address in [servers.axum, servers.actix] {
        let proof = client
            .proof("GET", "https://api.example/me")
            .access_token(&TOKEN.into())
            .issued_at(UNIX_EPOCH + Duration::from_secs(NOW));
        let with = |scheme: &str, token: &str| {
            Request::get("/me").header("authorization", format!("{scheme} {token}"))
        };
        let proven = with("DPoP", TOKEN).header("dpop", proof.sign().unwrap());
        let accepted = send(address, &proven).await;
        assert_eq!((accepted.status, accepted.text()), (200, "ann@example.com"));
        assert_eq!(send(address, &with("Bearer", TOKEN)).await.status, 401);
        assert_eq!(send(address, &with("DPoP", TOKEN)).await.status, 401);
    }
    // The same without the name of the key: nothing proves it.
    world.answers(&answer_with("token_type", "DPoP"));
    let bearer = servers.ask(Request::get("/me").bearer("another")).await;
    assert_eq!(bearer.status, 401);
}

#[tokio::test]
async fn each_outcome_has_its_answer() {
    let world = World::new().await;
    let servers = site(&world).await;
    let ask = async |token: &str| servers.ask(Request::get("/public").bearer(token)).await;

    world.server.set(ENDPOINT, Answer::ok(r#"{"active":false}"#));
    let inactive = ask("inactive").await;
    assert_eq!(inactive.status, 401);
    assert!(inactive.header("www-authenticate").unwrap().contains("invalid_token"));
    let syntax = ask("a&b").await;
    assert_eq!(syntax.status, 401);

    for bad in [Answer::ok("<html>"), Answer::status(302), Answer::status(500)] {
        world.server.set(ENDPOINT, bad);
        let outage = ask("outage").await;
        assert_eq!((outage.status, outage.header("www-authenticate")), (503, None));
        assert!(outage.header("retry-after").is_some());
        assert!(!outage.text().contains("introspect"), "{}", outage.text());
    }
}

/// Also where login is optional: what cannot be checked is not anonymous.
#[tokio::test]
async fn neither_an_outage_nor_a_fault_makes_a_request_anonymous() {
    let world = World::new().await;
    let servers = site(&world).await;
    for (bad, status) in [(Answer::status(500), 503), (Answer::status(401), 500)] {
        world.server.set(ENDPOINT, bad);
        for request in
            [Request::get("/hello").cookie("token", TOKEN), Request::get("/hello").bearer(TOKEN)]
        {
            let answer = servers.ask(request).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
}
