//! The command-line examples, run as people run them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod issue_token;
#[cfg(feature = "otp")]
mod otp;
#[cfg(feature = "full")]
mod outgoing_calls;
#[cfg(feature = "redis")]
#[path = "../common/redis.rs"]
mod redis;
#[cfg(feature = "redis")]
mod revocation_cluster;
mod run;
mod verify_tokens;
