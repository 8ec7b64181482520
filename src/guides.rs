//! Guides. Documentation only; the examples compile.

#[doc = include_str!("../docs/mcp.md")]
pub mod mcp {}

#[doc = include_str!("../docs/sender-constrained.md")]
pub mod sender_constrained {}
