//! Key rings: rotating signing keys, in memory or shared between processes through a store.

pub(crate) mod builder;
mod freshness;
mod handle;
mod key;
mod keys;
mod sealed;
mod source;

pub use builder::KeyRingBuilder;
pub use handle::KeyRing;
pub use key::{KeyInfo, KeyState, RingKey};
