//! Guarding of MCP servers: scopes by tool, and sessions that belong to one user.

mod guard;
mod message;
mod session;
mod visit;

pub use guard::{McpGuard, McpGuardBuilder};
pub(crate) use visit::{SESSION, Visit, ascii};
