//! Remote key sets: attacks.md lines 20 to 24, and what lines 4, 5 and 18 ask of them; then what a
//! set's times, discovery, sharing and builders must do.

mod ages;
mod discovery;
mod fetchers;
mod keys;
mod messages;
mod replaced;
mod runtimes;
mod servers;
mod urls;
