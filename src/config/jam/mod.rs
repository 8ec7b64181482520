//! [`Jam`]: everything built from one configuration file, with reload.

mod blocking;
mod builder;
mod difference;
mod facade;
mod reload;
mod watch;

pub use builder::JamBuilder;
pub use facade::Jam;
pub use reload::Reloaded;
pub use watch::JamWatch;
