//! Remote key sets: attacks 20 to 24 of `docs/attacks.md`, and what attacks 4, 5 and 18 need of
//! them; then a set's times, discovery, sharing and builders.

mod ages;
mod alb;
mod certificates;
mod discovery;
mod families;
mod fetchers;
mod keys;
mod messages;
mod networks;
mod replaced;
mod runtimes;
mod servers;
mod urls;
