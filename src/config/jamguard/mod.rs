//! [`Jamguard`]: everything built from one configuration file, with reload.

mod blocking;
mod builder;
mod difference;
pub(in crate::config) mod facade;
mod reload;
mod watch;

pub use builder::JamguardBuilder;
pub use facade::Jamguard;
pub use reload::Reloaded;
pub use watch::ConfigWatch;
