//! A store whose logout everywhere goes through the records one after another, as Redis and
//! databases do; and one in which something happens between two operations.

use jamguard::store::{MemoryStore, Record, Store, StoreFuture};
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

/// An owner's records are looked for in so many places, one after another.
const PARTS: u8 = 16;

/// Removes what an owner has place by place, and others come in between.
pub(crate) struct Scanning(pub(crate) MemoryStore);

async fn pause() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

impl Store for Scanning {
    passes_on!(0: insert remove owned purge);

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            pause().await;
            self.0.get(key).await
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
            pause().await;
            self.0.replace(key, version, value, ttl).await
        })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let mut removed = 0;
            for part in 0..PARTS {
                pause().await;
                for (key, _) in self.0.owned(owner).await? {
                    // Its last character has spare bits, and says little.
                    if key.as_bytes()[key.len() - 2] % PARTS == part {
                        pause().await;
                        removed += u64::from(self.0.remove(&key).await?);
                    }
                }
            }
            Ok(removed)
        })
    }
}

type Act = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does something once, just before a replacement.
pub(crate) struct Interposed {
    pub(crate) sound: MemoryStore,
    pub(crate) act: Mutex<Option<Act>>,
}

impl Store for Interposed {
    passes_on!(sound: get insert remove owned remove_owned purge);

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let act = self.act.lock().unwrap().take();
            if let Some(act) = act {
                act.await;
            }
            self.sound.replace(key, version, value, ttl).await
        })
    }
}

/// Removes what an owner had when this began, and does something once before it does.
pub(crate) struct Snapshot {
    pub(crate) sound: MemoryStore,
    pub(crate) act: Mutex<Option<Act>>,
}

impl Store for Snapshot {
    passes_on!(sound: get insert replace remove owned purge);

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let there = self.sound.owned(owner).await?;
            let act = self.act.lock().unwrap().take();
            if let Some(act) = act {
                act.await;
            }
            let mut removed = 0;
            for (key, _) in there {
                removed += u64::from(self.sound.remove(&key).await?);
            }
            Ok(removed)
        })
    }
}
