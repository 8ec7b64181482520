//! The browser's part of a JAM login: the magic link's redirect, and logging out.

mod arriving;
mod handlers;
mod leaving;
mod parts;

pub use handlers::{JamLogin, JamLoginBuilder};
pub use parts::{Login, Redirect};
