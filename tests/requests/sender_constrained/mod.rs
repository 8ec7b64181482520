//! Sender-constrained tokens: DPoP (RFC 9449) and client certificates (RFC 8705).

mod certificates;
mod challenges;
mod nonces;
#[cfg(feature = "redis")]
mod processes;
mod proofs;
mod replays;
mod sources;
mod world;
