//! Deny and allow lists of tokens.

pub(crate) mod builder;
pub(crate) mod changes;
mod check;
mod limits;
mod lists;
mod token_list;

pub use builder::TokenListBuilder;
pub use token_list::TokenList;

pub(crate) use lists::Lists;
pub(crate) use token_list::Kind;
