//! The command-line examples, run as people run them.

mod issue_token;
#[cfg(feature = "otp")]
mod otp;
#[cfg(feature = "full")]
mod outgoing_calls;
#[cfg(feature = "redis")]
mod revocation_cluster;
mod verify_tokens;
