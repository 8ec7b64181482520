//! A store that fails when it is told to: before an operation is done, after it, or for good.

use jamguard::store::{NewRecord, Record, Store, StoreFuture};
use jamguard::{Error, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// An error, and nothing is done.
    Fails,
    /// It is done, and the answer is an error.
    DoneButFails,
    /// It is done, and nothing follows: the process was killed.
    DoneAndDies,
    /// Nothing is done, and nothing follows.
    Dies,
}

pub(crate) struct Failing {
    sound: Arc<dyn Store>,
    /// How many writes pass before this happens to one. `Fails` and `DoneButFails` go on as they
    /// began where `lasting`.
    plan: Mutex<Option<(usize, Fate, bool)>>,
    /// Whether every operation fails.
    pub(crate) down: Mutex<bool>,
    /// Whether writes alone do.
    pub(crate) read_only: Mutex<bool>,
    dead: watch::Sender<bool>,
}

fn failed() -> Error {
    Error::new(ErrorKind::Unavailable, "told to fail")
}

impl Failing {
    pub(crate) fn of(sound: impl Store) -> Self {
        Self {
            sound: Arc::new(sound),
            plan: Mutex::default(),
            down: Mutex::default(),
            read_only: Mutex::default(),
            dead: watch::Sender::new(false),
        }
    }

    /// Lets so many writes pass; what happens to the next.
    pub(crate) fn after(&self, writes: usize, fate: Fate, lasting: bool) {
        *self.plan.lock().unwrap() = Some((writes, fate, lasting));
    }

    pub(crate) fn heal(&self) {
        *self.plan.lock().unwrap() = None;
        *self.down.lock().unwrap() = false;
        *self.read_only.lock().unwrap() = false;
        self.dead.send_replace(false);
    }

    /// Whether the planned moment came.
    pub(crate) fn came(&self) -> bool {
        matches!(*self.plan.lock().unwrap(), Some((0, ..)) | None)
    }

    /// Ends with the process that writes here.
    pub(crate) async fn death(&self) {
        self.dead.subscribe().wait_for(|dead| *dead).await.unwrap();
    }

    fn next(&self) -> Option<Fate> {
        if *self.down.lock().unwrap() || *self.read_only.lock().unwrap() {
            return Some(Fate::Fails);
        }
        let mut plan = self.plan.lock().unwrap();
        let (left, fate, lasting) = plan.as_mut()?;
        if *left > 0 {
            *left -= 1;
            return None;
        }
        let fate = *fate;
        let once = !*lasting && matches!(fate, Fate::Fails | Fate::DoneButFails);
        if once {
            *plan = None;
        }
        Some(fate)
    }

    async fn read(&self) -> Result<(), Error> {
        if *self.down.lock().unwrap() {
            return Err(failed());
        }
        // The dead read nothing. Who lives on heals the store first.
        if *self.dead.borrow() {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn write<T>(&self, done: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match self.next() {
            None => done.await,
            Some(Fate::Fails) => Err(failed()),
            Some(Fate::DoneButFails) => {
                done.await?;
                Err(failed())
            }
            Some(Fate::DoneAndDies) => {
                done.await?;
                self.dead.send_replace(true);
                std::future::pending().await
            }
            Some(Fate::Dies) => {
                self.dead.send_replace(true);
                std::future::pending().await
            }
        }
    }
}

impl Store for Failing {
    passes_on!(sound: purge);

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            self.read().await?;
            self.sound.get(key).await
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(self.write(self.sound.insert(key, record)))
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(self.write(self.sound.replace(key, version, value, ttl)))
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(self.write(self.sound.remove(key)))
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        Box::pin(async move {
            self.read().await?;
            self.sound.owned(owner).await
        })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(self.write(self.sound.remove_owned(owner)))
    }
}
