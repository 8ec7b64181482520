//! Nonces of the server (RFC 9449 sections 8 and 9).

use super::world::{World, each, with};
use crate::support::{Request, Response, send};
use jamguard::store::SealingKeys;
use jamguard::{Dpop, DpopBuilder};
use std::time::Duration;

fn keys(byte: u8) -> SealingKeys {
    SealingKeys::new(&[byte; 32])
}

fn with_nonces(dpop: DpopBuilder) -> DpopBuilder {
    dpop.nonces(keys(1)).window(Duration::from_secs(600))
}

/// The nonce with another character in its middle.
fn damaged(nonce: &str) -> String {
    let (start, end) = nonce.split_at(nonce.len() / 2);
    let other = if end.starts_with('A') { "B" } else { "A" };
    format!("{start}{other}{}", &end[1..])
}

fn request(world: &World, nonce: Option<&str>) -> Request {
    world.changed(|draft| {
        if let Some(nonce) = nonce {
            draft.claims["nonce"] = nonce.into();
        }
    })
}

fn asks_for_nonce(answer: &Response) -> String {
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP realm=\"api\", error=\"use_dpop_nonce\""), "{challenge}");
    assert!(!challenge.contains("Bearer"), "{challenge}");
    answer.header("dpop-nonce").unwrap().to_owned()
}

#[tokio::test]
async fn attack_42_a_proof_without_a_current_nonce_of_this_server() {
    let world = World::new();
    let servers = world.dpop(with_nonces).await;
    let [axum, actix] = each(&servers, &request(&world, None)).await;
    let nonces = [asks_for_nonce(&axum), asks_for_nonce(&actix)];
    // Nodes with the same keys accept each other's.
    for (nonce, address) in [(&nonces[1], servers.axum), (&nonces[0], servers.actix)] {
        let answer = send(address, &request(&world, Some(nonce))).await;
        assert_eq!((answer.status, answer.header("dpop-nonce")), (200, None));
    }
    // Invented ones, one of other keys, and sealed text of another kind.
    let other = Dpop::builder().public_url("https://api.example").nonces(keys(2)).build().unwrap();
    let other = world.serve(|| world.auth().dpop(other.clone()).build().unwrap()).await;
    let [foreign, _] = each(&other, &request(&world, None)).await;
    let foreign = asks_for_nonce(&foreign);
    let changed = damaged(&nonces[0]);
    for nonce in ["", "nonce", &foreign, &changed, &"A".repeat(87), &"A".repeat(500)] {
        for answer in each(&servers, &request(&world, Some(nonce))).await {
            asks_for_nonce(&answer);
        }
    }
}

#[tokio::test]
async fn a_nonce_ends_and_the_next_one_comes_before_that() {
    let world = World::new();
    let servers = world.dpop(with_nonces).await;
    let [first, _] = each(&servers, &request(&world, None)).await;
    let first = asks_for_nonce(&first);
    world.clock.advance(Duration::from_secs(150));
    for answer in each(&servers, &request(&world, Some(&first))).await {
        assert_eq!((answer.status, answer.header("dpop-nonce")), (200, None));
    }
    world.clock.advance(Duration::from_secs(1));
    let mut next = None;
    for answer in each(&servers, &request(&world, Some(&first))).await {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        next = answer.header("dpop-nonce").map(str::to_owned);
    }
    world.clock.advance(Duration::from_secs(150));
    for answer in each(&servers, &request(&world, Some(&first))).await {
        asks_for_nonce(&answer);
    }
    for answer in each(&servers, &request(&world, next.as_deref())).await {
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn other_answers_have_no_nonce() {
    let world = World::new();
    let servers = world.dpop(with_nonces).await;
    let token = world.bound();
    let proof = world.sign(&world.draft("POST", "/me", &token));
    for answer in each(&servers, &with(Request::get("/me"), &token, &proof)).await {
        assert_eq!((answer.status, answer.header("dpop-nonce")), (401, None));
    }
    assert_eq!(servers.ask(Request::get("/open")).await.header("dpop-nonce"), None);
}
