//! [`FileStore`] and its builder.

use super::database::Medium;
use super::tables::{self, Tables};
use super::worker::{Shared, Threads};
use crate::core::{Clock, Error, SystemClock, debug_fields};
use crate::store::watch::{Watcher, Watchers};
use crate::store::{NewRecord, Record, Store, StoreFuture, check_key};
use redb::ReadTransaction;
use std::path::{Path, PathBuf};
use std::{fmt, sync::Arc, time::Duration};

const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Records that one transaction of a purge erases.
const PURGED_AT_ONCE: usize = 10_000;

/// A store in a file, for one process. Clones share it.
///
/// An acknowledged write is on the disk, and survives a crash of the process and of the machine;
/// concurrent writes share the syncs that this takes. Reads continue while the disk is full, and on
/// a file that this process may only read. Dedicated threads read and write, so no runtime is
/// needed and none is blocked.
///
/// The file is created readable by its owner alone. Owners of records are stored as hashes, keys
/// and values as they are. Lifetimes follow the wall clock, also while no process runs.
///
/// Dropping the last clone closes the file, and waits for that.
///
/// # Example
/// ```
/// use jamguard::store::{FileStore, NewRecord, Store};
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let store = FileStore::open("/var/lib/orders/auth.redb")?;
/// store.insert("key", NewRecord::new(b"value".to_vec())).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FileStore(Arc<Inner>);

struct Inner {
    threads: Threads,
    shared: Arc<Shared>,
    path: PathBuf,
}

impl FileStore {
    /// Opens the store in this file, or creates it.
    ///
    /// Reads the whole file to check it, and blocks meanwhile: call it before serving.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`](crate::ErrorKind::Storage) if the file is damaged or not a store,
    /// cannot be created or read, or is open already, here or in another process.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().open(path)
    }

    /// Returns a builder for a store.
    pub fn builder() -> FileStoreBuilder {
        FileStoreBuilder { clock: Arc::new(SystemClock), sweep_every: SWEEP_EVERY }
    }
}

impl FileStore {
    async fn read<T: Send + 'static>(
        &self,
        text: &str,
        look: impl Fn(&ReadTransaction, &str, Duration) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (text, clock) = (text.to_owned(), self.0.shared.clock.clone());
        let read = move |file: &Medium| file.read(|tx| look(tx, &text, clock.now()));
        self.0.threads.read(read).await
    }

    async fn write<T: Send + 'static>(
        &self,
        text: &str,
        mut change: impl FnMut(&mut Tables<'_>, &str) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let text = text.to_owned();
        self.0.threads.write(move |tables| change(tables, &text)).await
    }
}

impl Store for FileStore {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            check_key(key)?;
            self.read(key, tables::get).await
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            check_key(key)?;
            self.write(key, move |tables, key| tables.insert(key, &record)).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            check_key(key)?;
            self.write(key, move |tables, key| tables.replace(key, version, &value, ttl)).await
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            check_key(key)?;
            self.write(key, |tables, key| tables.remove(key)).await
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        Box::pin(self.read(owner, tables::owned))
    }

    fn count_owned<'a>(&'a self, owner: &'a str, prefix: &'a [u8]) -> StoreFuture<'a, u64> {
        let prefix = prefix.to_owned();
        let count = move |tx: &ReadTransaction, owner: &str, now| {
            tables::count_owned(tx, owner, &prefix, now)
        };
        Box::pin(self.read(owner, count))
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(self.write(owner, |tables, owner| tables.remove_owned(owner)))
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut purged = 0;
            loop {
                let write = self.0.threads.write(|tables| tables.purge(PURGED_AT_ONCE));
                let some = write.await?;
                purged += some;
                if some < PURGED_AT_ONCE as u64 {
                    return Ok(purged);
                }
            }
        })
    }

    fn watch(&self, watcher: Watcher) -> bool {
        self.0.shared.watchers.add_live(watcher);
        true
    }
}

debug_fields!(FileStore, self, path = self.0.path);

/// A builder for [`FileStore`].
///
/// # Example
/// ```
/// # fn example() -> Result<(), jamguard::Error> {
/// use jamguard::{SystemClock, store::FileStore};
/// let store = FileStore::builder().clock(SystemClock).open("/var/lib/orders/auth.redb")?;
/// # Ok(()) }
/// ```
#[must_use]
pub struct FileStoreBuilder {
    clock: Arc<dyn Clock>,
    sweep_every: Duration,
}

impl FileStoreBuilder {
    /// Sets the clock whose wall time lifetimes follow. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens the store in this file, or creates it: see [`FileStore::open`].
    ///
    /// # Errors
    /// The errors of [`FileStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<FileStore, Error> {
        let path = path.as_ref().to_owned();
        let shared = Arc::new(Shared {
            medium: Medium::open(&path)?,
            watchers: Watchers::default(),
            clock: self.clock,
            sweep_every: self.sweep_every,
        });
        Ok(FileStore(Arc::new(Inner { threads: Threads::start(&shared)?, shared, path })))
    }
}

impl fmt::Debug for FileStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileStoreBuilder")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Expired records leave the file even without writes or purges.
    #[test]
    fn an_idle_store_erases_expired_records() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let name = format!("jamguard-idle-{}.redb", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut builder = FileStore::builder();
        builder.sweep_every = Duration::from_millis(20);
        let store = builder.open(&path).unwrap();
        let left = runtime.unwrap().block_on(async {
            let record = NewRecord::new(*b"").expires_after(Duration::from_millis(1));
            store.insert("key", record).await.unwrap().unwrap();
            std::thread::sleep(Duration::from_secs(1));
            // 1 if the record were still in the file.
            store.purge().await.unwrap()
        });
        drop(store);
        std::fs::remove_file(path).unwrap();
        assert_eq!(left, 0);
    }
}
