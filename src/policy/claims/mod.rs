//! Claims indexed for policies: parsed once, then looked up without allocation.

mod build;
mod claim;
mod index;

pub(super) use claim::{Claim, same};
pub use index::ClaimIndex;
pub(super) use index::PathLookups;
