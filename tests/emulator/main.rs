//! The emulated JAM over real HTTP: the REST table, the ID token, the login, the emulator's own
//! abilities.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod abilities;
mod login;
mod protocol;
mod world;
