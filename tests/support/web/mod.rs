//! One app, served by axum and by actix-web at once, over an emulated JAM.

mod guarded;
mod servers;
mod site;
mod world;

pub(crate) use guarded::{Around, BUILT, Guarded, SECRET, table};
pub(crate) use servers::{Servers, serve_axum};
pub(crate) use site::{ERRORS, Order, Site, User};
pub(crate) use world::{ANN, APP, BOB, NOW, World, damaged};
