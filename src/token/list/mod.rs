//! Deny and allow lists of tokens.

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
