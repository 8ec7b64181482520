//! Guards through real servers of both frameworks; every answer is compared between the two.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Both examples share a file.
#![allow(clippy::duplicate_mod)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod bodies;
mod enrichment;
mod example;
mod forgetting;
mod generated;
mod nested;
mod paths;
mod sessions;
mod web_sockets;

use jamguard::Authenticator;
use jamguard::emulator::IdToken;
use serde_json::{Value, json};
use std::time::Duration;
use support::{ANN, World};

/// An authenticator by the world's clock.
fn auth(world: &World) -> Authenticator {
    world.auth().clock(world.clock.clone()).build().unwrap()
}

/// Ann's token with more claims.
fn token(world: &World, claims: Value) -> String {
    let mut token = IdToken::new(ANN).lifetime(Duration::from_secs(86_400));
    for (name, value) in claims.as_object().unwrap() {
        token = token.claim(name, value.clone());
    }
    world.issue(token)
}

fn admin(world: &World) -> String {
    token(world, json!({"roles": ["admin"]}))
}
