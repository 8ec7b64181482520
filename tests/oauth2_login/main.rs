//! Logins at an OAuth2 provider through both frameworks, over real HTTP: what `OAuth2Login` promises,
//! attacks.md line 31 at its handlers, and the tokens that a session keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/every_store.rs"]
mod every_store;
#[path = "../support/folder.rs"]
mod folder;
#[path = "../common/issuer.rs"]
mod issuer;
#[macro_use]
#[path = "../common/passes_on.rs"]
mod passes_on;
#[path = "../common/redis.rs"]
mod redis;
#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod endings;
mod example;
mod id_tokens;
mod logins;
mod logs;
mod parity;
mod renewals;
mod renewed_id_tokens;
mod site;
