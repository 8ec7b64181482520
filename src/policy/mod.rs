//! Authorization policies over the claims of an identity, and route tables that apply them.
//!
//! A [`Policy`] is built in code from conditions and `&`, `|`, `!`, or parsed from text; both give
//! the same value. It is evaluated for a [`Subject`]. A denial is the error that the client
//! receives: 403 `insufficient_scope`, or 401 `insufficient_user_authentication` if a new login
//! would help.
//!
//! ```
//! use jamguard::policy::{RouteTable, Unmatched, any_of, authenticated, email_domain, role};
//!
//! let admin = any_of([role("admin"), email_domain("example.com")]);
//! let table = RouteTable::builder(Unmatched::Deny)
//!     .public("GET", "/")
//!     .guard("GET POST", "/orders", authenticated())
//!     .guard("*", "/admin/{*rest}", admin)
//!     .build()?;
//! assert_eq!(table.to_string(), "\
//! GET       /               public
//! GET POST  /orders         authenticated
//! *         /admin/{*rest}  role:admin | email_domain:example.com
//! *         anything else   closed
//! ");
//! # Ok::<(), jamguard::Error>(())
//! ```

mod claim_paths;
mod claims;
mod condition;
mod constructors;
mod custom;
mod evaluate;
mod explain;
mod expression;
mod lexer;
mod parse;
mod path;
mod print;
mod scalar;
mod subject;
mod table;

pub use claim_paths::ClaimPaths;
pub use claims::ClaimIndex;
pub use constructors::{
    ClaimCondition, all_of, any_of, authenticated, claim, custom, custom_async, email_domain,
    fresh, issued_by, never, permission, resource, role, scope, second_factor, subject,
};
pub use explain::Explanation;
pub use expression::Policy;
pub use parse::PolicyParser;
pub use path::ClaimPath;
pub use scalar::Scalar;
pub use subject::Subject;
#[cfg(feature = "config")]
pub(crate) use table::LiveTable;
pub use table::{Access, RouteRule, RouteTable, RouteTableBuilder, Unmatched};
