//! One app, served by axum and by actix-web at once, and a client that sends exactly the bytes it
//! is told to send.

// Each test uses its own part of it.
#![allow(dead_code, unused_imports)]

mod client;
mod guarded;
mod servers;
mod site;
mod world;

pub(crate) use client::{Request, Response, open, receive, send};
pub(crate) use guarded::{Around, BUILT, Guarded, SECRET, table};
pub(crate) use servers::{Servers, serve_axum};
pub(crate) use site::{ERRORS, Order, Site, User};
pub(crate) use world::{ANN, APP, BOB, NOW, World, damaged};
