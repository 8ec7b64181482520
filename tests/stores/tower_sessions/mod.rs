//! Stores of tower-sessions as stores of ours: all promises inside one process, and by name those
//! that several processes must do without.

mod backend;
mod outages;
mod processes;
mod sqlite;
mod suite;
