//! The threads that read and write the file.
//!
//! File I/O blocks, and an executor must not: dedicated threads do it, the same way inside any
//! runtime and without one. One thread writes, and puts all waiting writes into one transaction,
//! because each transaction costs disk syncs, however large it is.

use super::database::Medium;
use super::tables::Tables;
use crate::core::{Clock, Error, ErrorKind, lock, telemetry};
use crate::store::watch::{Change, Watchers};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::{thread::JoinHandle, time::Duration};
use tokio::sync::oneshot;

const READERS: usize = 2;
/// Maximum number of writes in one transaction.
const MAX_BATCH: usize = 256;
/// Maximum number of expired records that each transaction erases besides.
const SWEPT_PER_BATCH: usize = 64;
/// Maximum number of records that an idle store erases in one transaction.
const SWEPT_WHEN_IDLE: usize = 10_000;

type Read = Box<dyn FnOnce(&Medium) + Send>;

/// The state that the threads share.
pub(super) struct Shared {
    pub(super) medium: Medium,
    pub(super) watchers: Watchers,
    pub(super) clock: Arc<dyn Clock>,
    /// How often an idle store erases expired records.
    pub(super) sweep_every: Duration,
}

/// A queued write: done inside a transaction, and answered once that is on the disk.
trait Write: Send {
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;
    fn answer(self: Box<Self>, written: Result<(), Error>);
}

struct Waiting<T, F> {
    work: F,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Write for Waiting<T, F>
where
    T: Send,
    F: FnMut(&mut Tables<'_>) -> Result<T, redb::Error> + Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        self.result = Some((self.work)(tables)?);
        Ok(())
    }

    fn answer(self: Box<Self>, written: Result<(), Error>) {
        let Self { result, answer, .. } = *self;
        // The caller may be gone: the write is done all the same.
        let _ = answer.send(written.and_then(|()| result.ok_or_else(stopped)));
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Storage, "the file store's thread has stopped")
}

struct Senders {
    reads: Sender<Read>,
    writes: Sender<Box<dyn Write>>,
}

/// The running threads. Dropping them finishes queued work and closes the file.
pub(super) struct Threads {
    /// `None` only during the drop.
    senders: Option<Senders>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Self, Error> {
        let (reads, to_read) = channel();
        let (writes, to_write) = channel();
        let mut threads = Self { senders: Some(Senders { reads, writes }), handles: Vec::new() };
        let to_read = Arc::new(Mutex::new(to_read));
        for _ in 0..READERS {
            let (shared, to_read) = (shared.clone(), to_read.clone());
            threads.spawn(move || read_all(&shared, &to_read))?;
        }
        let shared = shared.clone();
        threads.spawn(move || write_all(&shared, &to_write))?;
        Ok(threads)
    }

    fn spawn(&mut self, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = std::thread::Builder::new().name("jamguard-file".to_owned());
        let handle = thread.spawn(run).map_err(|error| {
            Error::new(ErrorKind::Storage, "no thread can be started for the file store")
                .with_source(error)
        })?;
        self.handles.push(handle);
        Ok(())
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Medium) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, wait) = oneshot::channel();
        let read: Read = Box::new(move |medium| {
            let _ = answer.send(work(medium));
        });
        let senders = self.senders.as_ref().ok_or_else(stopped)?;
        senders.reads.send(read).map_err(|_| stopped())?;
        wait.await.unwrap_or_else(|_| Err(stopped()))
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tables<'_>) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, wait) = oneshot::channel();
        let write = Box::new(Waiting { work, result: None, answer });
        let senders = self.senders.as_ref().ok_or_else(stopped)?;
        senders.writes.send(write).map_err(|_| stopped())?;
        wait.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.senders = None;
        for handle in self.handles.drain(..) {
            // A watcher may drop the last clone on one of these threads, which cannot join itself.
            if handle.thread().id() != std::thread::current().id() {
                let _ = handle.join();
            }
        }
    }
}

fn read_all(shared: &Shared, reads: &Mutex<Receiver<Read>>) {
    loop {
        let next = lock(reads).recv();
        match next {
            Ok(read) => read(&shared.medium),
            Err(_) => return,
        }
    }
}

fn write_all(shared: &Shared, writes: &Receiver<Box<dyn Write>>) {
    loop {
        match writes.recv_timeout(shared.sweep_every) {
            Ok(first) => {
                let mut batch = vec![first];
                batch.extend(writes.try_iter().take(MAX_BATCH - 1));
                write_batch(shared, batch);
            }
            Err(RecvTimeoutError::Timeout) => sweep(shared),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn write_batch(shared: &Shared, mut batch: Vec<Box<dyn Write>>) {
    let mut changed = Vec::new();
    let written = shared.medium.write(shared.clock.now(), |tables| {
        let applied = batch.iter_mut().try_for_each(|write| write.apply(tables));
        changed.append(&mut tables.changed);
        applied?;
        if !changed.is_empty() {
            tables.purge(SWEPT_PER_BATCH)?;
        }
        Ok(())
    });
    // Even after a failure: part of it may have happened.
    for key in &changed {
        shared.watchers.notify(Change::Key(key));
    }
    for write in batch {
        write.answer(written.clone());
    }
}

fn sweep(shared: &Shared) {
    if shared.medium.is_read_only() {
        return;
    }
    let swept =
        shared.medium.write(shared.clock.now(), |tables| tables.purge(SWEPT_WHEN_IDLE).map(|_| ()));
    if let Err(error) = swept {
        telemetry::warn("the file store cannot erase expired records", &error);
    }
}
