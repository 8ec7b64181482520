//! Blocking calls for programs without an async runtime.

use super::facade::{Inner, Jamguard};
use crate::core::{Error, ErrorKind};
use std::future::Future;
use tokio::runtime::{Builder, Handle, Runtime};

impl Jamguard {
    /// Runs a future to completion, for programs without an async runtime.
    ///
    /// It runs on the current thread, in a runtime that the first call starts and that ends with
    /// the last clone of this `Jamguard`. Background work, such as a refresh of keys before they expire,
    /// makes progress only during these calls.
    ///
    /// # Errors
    /// The error of `work`, or [`ErrorKind::Internal`](crate::ErrorKind::Internal) inside an async
    /// runtime, which the call would block: use `.await` there. Threads of tokio's `spawn_blocking`
    /// belong to a runtime too: use `tokio::runtime::Handle::current().block_on(work)` there.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if Handle::try_current().is_ok() {
            return Err(Error::new(
                ErrorKind::Internal,
                "block_on inside an async runtime: use .await, or call \
                 tokio::runtime::Handle::current().block_on(…) on a thread of spawn_blocking",
            ));
        }
        self.runtime()?.block_on(work)
    }

    fn runtime(&self) -> Result<&Runtime, Error> {
        if let Some(runtime) = self.0.runtime.get() {
            return Ok(runtime);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Error::new(ErrorKind::Internal, "the runtime cannot be started").with_source(error)
        })?;
        Ok(self.0.runtime.get_or_init(|| runtime))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A blocking shutdown panics if the last clone is dropped inside another runtime.
            runtime.shutdown_background();
        }
    }
}
