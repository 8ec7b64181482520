//! Boxed futures.

use std::{future::Future, pin::Pin};

/// A boxed future that can be sent to another thread.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
