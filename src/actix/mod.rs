//! Middleware, extractors and answers for actix-web; no decision is made here.

mod endpoint;
mod extract;
mod fault;
mod head;
mod middleware;

pub use extract::RequireFuture;
pub use fault::ExtractFuture;
pub use middleware::{ActixAuth, ActixFuture, ActixService};
