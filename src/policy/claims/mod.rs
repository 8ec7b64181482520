//! Claims indexed for policies: parsed once, then looked up without allocation.

mod build;
mod claim;
mod index;
mod value;

pub(super) use claim::Claim;
pub use index::ClaimIndex;
pub(super) use index::PathLookups;
pub(super) use value::same;
