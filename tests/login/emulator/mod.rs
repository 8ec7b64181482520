//! The emulated JAM over real HTTP: the REST operations, the ID token, the login, the emulator's own
//! abilities.

mod abilities;
mod login;
mod protocol;
mod world;
