//! Guards through real servers of both frameworks; every answer is compared between the two.
// Both examples share a file.
#![allow(clippy::duplicate_mod)]

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

use crate::support::{ANN, World};
use jamguard::Authenticator;
use jamguard::emulator::IdToken;
use serde_json::{Value, json};
use std::time::Duration;

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
