//! For programs without a runtime.

use super::facade::{Inner, Jam};
use crate::core::error::{Error, ErrorKind};
use std::future::Future;
use tokio::runtime::{Builder, Handle, Runtime};

impl Jam {
    /// Runs something that waits to its end, for command-line tools and other programs without an
    /// async runtime: a verification, a login, whatever the types of this crate do.
    ///
    /// It runs on this thread, in a runtime that is made at the first call and ends with the last
    /// clone of this `Jam`. What goes on in the background, such as a refresh of keys ahead of their
    /// end, goes on while something runs.
    ///
    /// # Errors
    /// That of `work`; [`ErrorKind::Internal`](crate::ErrorKind::Internal) inside of an async
    /// runtime, which would stand still meanwhile: `.await` it there. A thread of tokio's
    /// `spawn_blocking` belongs to a runtime too; there
    /// `tokio::runtime::Handle::current().block_on(work)` waits, in that runtime.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if Handle::try_current().is_ok() {
            return Err(Error::new(
                ErrorKind::Internal,
                "block_on inside of an async runtime: .await it, or call \
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
            Error::new(ErrorKind::Internal, "no runtime can be started").with_source(error)
        })?;
        Ok(self.0.runtime.get_or_init(|| runtime))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Also where the last clone is dropped in another runtime.
            runtime.shutdown_background();
        }
    }
}
