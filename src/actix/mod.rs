//! Middleware, extractors and answers for actix-web; no decision is made here.

mod extract;
mod head;
#[cfg(feature = "client")]
mod login;
mod middleware;

pub use middleware::{ActixAuth, ActixFuture, ActixService};
