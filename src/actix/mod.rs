//! Middleware, extractors and handlers for actix-web. Decisions are made in `authenticator`.

mod answer;
mod endpoint;
mod extract;
mod fault;
mod head;
mod mcp;
mod middleware;

pub use extract::RequireFuture;
pub use fault::ExtractFuture;
pub use mcp::McpService;
pub use middleware::{ActixAuth, ActixFuture, ActixService};
