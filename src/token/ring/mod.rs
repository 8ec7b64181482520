//! Signing keys that change while tokens of the old ones are still around: one ring, in memory or
//! in a store that several processes share.

mod builder;
mod handle;
mod key;
mod keys;
mod sealed;
mod source;

pub use builder::KeyRingBuilder;
pub use handle::KeyRing;
pub use key::{KeyInfo, KeyState, RingKey};
