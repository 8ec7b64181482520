//! [`Jam`]: what a file describes, built; and how it follows the file.

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
