//! Route tables: policies by method and path pattern, validated when the table is built.

mod builder;
mod folded;
mod listing;
#[cfg(feature = "config")]
mod live;
mod methods;
#[cfg(any(feature = "tower", feature = "actix"))]
mod nested;
mod path_variants;
mod pattern;
mod route_table;
mod rule;

#[cfg(feature = "config")]
pub(crate) use live::LiveTable;

pub use builder::RouteTableBuilder;
pub use route_table::{Access, RouteTable, Unmatched};
pub use rule::RouteRule;
