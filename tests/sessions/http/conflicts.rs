//! Two requests that change one session at the same time.

use crate::http::Client;
use crate::http::site::World;
use crate::support::{Response, receive};
use std::collections::BTreeSet;

/// What the slow request is answered if another one writes while it waits.
async fn overtaken(client: &mut Client, path: &str) -> Response {
    client.post("/set", "0 tea").await;
    let (mut slow, gate) = client.held(path, "slow").await;
    assert_eq!(client.post("/put", "milk").await.text(), "tea milk");
    gate.open();
    receive(&mut slow, true).await
}

#[tokio::test]
async fn modifications_are_done_again_on_what_the_other_saved() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        let answer = overtaken(&mut client, "/slow").await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(client.items().await, "tea milk slow", "{name}");
    }
}

#[tokio::test]
async fn a_merge_decides_where_there_is_one() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        let answer = overtaken(&mut client, "/merged").await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(client.items().await, "tea milk slow", "{name}");
    }
}

#[tokio::test]
async fn changes_by_hand_are_answered_409_and_not_saved() {
    let world = World::new().await;
    let mut answers = BTreeSet::new();
    for (name, mut client) in world.clients() {
        for path in ["/by-hand", "/set"] {
            let answer = overtaken(&mut client, path).await;
            assert_eq!(answer.status, 409, "{name} {path}");
            assert_eq!(answer.json()["type"], "conflict", "{name} {path}");
            assert_eq!(answer.header("www-authenticate"), None, "{name} {path}");
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
            assert_eq!(client.items().await, "tea milk", "{name} {path}");
            answers.insert(answer.comparable());
        }
        // Without another one between they are saved.
        client.post("/by-hand", "0 slow").await;
        assert_eq!(client.items().await, "tea milk slow", "{name}");
    }
    assert_eq!(answers.len(), 1, "byte by byte: {answers:#?}");
}

/// A use that is written down meanwhile is in nobody's way.
#[tokio::test]
async fn a_touch_is_no_conflict() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/set", "0 tea").await;
        let (mut slow, gate) = client.held("/by-hand", "slow").await;
        world.after(60);
        world.store.asked();
        client.get("/public").await;
        assert_eq!(world.store.asked(), (1, 1), "{name}");
        gate.open();
        assert_eq!(receive(&mut slow, true).await.status, 200, "{name}");
        assert_eq!(client.items().await, "tea slow", "{name}");
    }
}

/// Between reading and saving the session got another id: what was done under the old one is told
/// so, and neither removes the new cookie nor brings the old one back.
#[tokio::test]
async fn a_save_under_an_id_that_changed_is_a_conflict() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        for path in ["/slow", "/by-hand"] {
            client.post("/set", "0 tea").await;
            let (mut slow, gate) = client.held(path, "slow").await;
            let old = client.clone();
            client.post("/login", "ann").await;
            gate.open();
            let answer = receive(&mut slow, true).await;
            assert_eq!(answer.status, 409, "{name} {path}");
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
            assert_eq!(client.items().await, "tea", "{name} {path}");
            assert_eq!(old.clone().items().await, "", "{name} {path}");
        }
        client.post("/logout", "").await;
    }
}
