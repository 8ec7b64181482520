//! The blocking primitives of the [queue](super::queue): a model checker replaces this module.

pub(super) use crate::core::lock::{lock, wait, wait_at_most};
pub(super) use std::sync::{Arc, Condvar, Mutex};
