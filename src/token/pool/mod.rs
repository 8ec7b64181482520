//! The verification pool: costly signature checks leave the threads that serve requests.

pub(crate) mod builder;
mod failed_time;
mod handle;
mod known_senders;
mod queue;
mod sync;

pub use builder::VerificationPoolBuilder;
pub(crate) use handle::{Check, PartPool};
pub use handle::{VerificationPool, VerificationPoolStats};
pub(crate) use known_senders::sender_id;
