//! Lists by which tokens are taken back, or let in at all, before they expire.

mod builder;
pub(crate) mod changes;
mod check;
mod limits;
mod lists;
mod token_list;

pub use builder::TokenListBuilder;
pub use token_list::TokenList;

pub(crate) use builder::check_name;
#[cfg(feature = "config")]
pub(crate) use limits::Limits;
pub(crate) use lists::Lists;
pub(crate) use token_list::Kind;
