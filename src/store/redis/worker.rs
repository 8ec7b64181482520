//! The thread that runs a store's connections.

use crate::core::{Error, ErrorKind};
use std::future::Future;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A thread with its own runtime.
///
/// An application's runtime may stall, be one of many, or end before the store. Neither the
/// connections depend on it, nor the heartbeat that decides whether cached records may be used.
pub(super) struct Worker {
    runtime: Handle,
    /// Ends the thread when dropped.
    _stop: oneshot::Sender<()>,
}

impl Worker {
    pub(super) fn start() -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Internal, "no thread can be started for the connections to Redis")
                .with_source(error)
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("jamguard-redis".into())
            .spawn(move || {
                // Returns an error when the sender is dropped: nothing is ever sent.
                let _ = runtime.block_on(stopped);
                // Does not wait: a DNS lookup may hang.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self { runtime: handle, _stop: stop })
    }

    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn(work)
    }
}
