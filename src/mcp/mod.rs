//! Guarding of MCP servers: scopes by tool, and sessions that belong to one user.

mod guard;
mod message;
mod session;

pub use guard::{McpGuard, McpGuardBuilder};
