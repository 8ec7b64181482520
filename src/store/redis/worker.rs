//! The thread that a store's connections live on.

use crate::core::error::{Error, ErrorKind};
use std::future::Future;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A thread with a runtime of its own. An application's runtime may stand still, be one of many, or
/// end before the store: neither the connections nor the heartbeat that says whether remembered
/// records may still be used depend on it.
pub(super) struct Worker {
    runtime: Handle,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Worker {
    pub(super) fn start() -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::new(
                ErrorKind::Internal,
                "no thread can be started for the connections to Redis",
            )
            .with_source(error)
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("jamguard-redis".into())
            .spawn(move || {
                // Ends with an error, because nothing is ever sent.
                let _ = runtime.block_on(stopped);
                // Not waited for: a look-up of a host's name may hang.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self {
            runtime: handle,
            _stop: stop,
        })
    }

    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn(work)
    }
}
