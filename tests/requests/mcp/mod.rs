//! The guard of MCP servers.

#[cfg(feature = "oauth2")]
mod flow;
mod guard;
