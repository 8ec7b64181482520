//! [`Jamguard`]: everything built from one configuration file, with reload.

mod blocking;
mod builder;
mod difference;
mod facade;
#[cfg(any(feature = "client", feature = "oauth2", feature = "otp"))]
mod features;
mod reload;
mod watch;

pub use builder::JamguardBuilder;
pub use facade::Jamguard;
pub use reload::Reloaded;
pub use watch::ConfigWatch;
