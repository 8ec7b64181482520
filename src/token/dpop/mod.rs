//! DPoP: tokens that are bound to a key of their client (RFC 9449).

pub(crate) mod builder;
mod key;
mod nonce;
mod proof;
mod target;
mod verifier;

pub use builder::DpopBuilder;
pub use key::{DpopKey, DpopProof};
pub use verifier::{Dpop, DpopRequest};
pub(crate) use {proof::invalid, target::Target, verifier::ProofOf};
