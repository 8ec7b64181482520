//! The locks and atomics of protocols that the model checks (`models`) run with those of loom.

pub(crate) use super::lock::lock;
pub(crate) use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};
