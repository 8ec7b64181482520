//! A second factor for users: secrets, codes and recovery codes in a store.

pub(crate) mod builder;
mod handle;
mod record;

pub use builder::SecondFactorBuilder;
pub use handle::SecondFactor;
