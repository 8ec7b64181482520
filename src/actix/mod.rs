//! Middleware, extractors and answers for actix-web; no decision is made here.

mod endpoint;
mod extract;
mod head;
mod middleware;

pub use extract::RequireFuture;
pub use middleware::{ActixAuth, ActixFuture, ActixService};
