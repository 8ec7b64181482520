//! The number of a user's sessions, which no store reads them for.

use super::{NOW, cart, on_every_store, sessions};
use jamguard::store::{MemoryStore, Record, SealingKeys, Store, StoreFuture};
use jamguard::testing::ManualClock;
use jamguard::{NewSession, Sessions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts the reads of records.
struct Reads {
    sound: MemoryStore,
    reads: AtomicU64,
}

impl Store for Reads {
    passes_on!(sound: insert replace remove count_owned remove_owned purge);

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.sound.get(key)
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.sound.owned(owner)
    }
}

/// Each session once, whatever id it has and had.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_that_of_the_devices() {
    on_every_store(async |name, store: Arc<dyn Store>| {
        let key = SealingKeys::new(&[7; 32]);
        let sealed = Sessions::builder(store.clone()).name("sealed").encrypt(key);
        for sessions in [sessions(store), sealed.build().unwrap()] {
            let count = async |user| {
                let count = sessions.count(user).await.unwrap();
                assert_eq!(count, sessions.devices(user).await.unwrap().len() as u64, "{name}");
                count
            };
            assert_eq!(count("ann").await, 0);
            let mut ids = Vec::new();
            for _ in 0..3 {
                ids.push(sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap());
            }
            sessions.create(Some("bob"), &()).await.unwrap();
            let guest = sessions.create(None, &()).await.unwrap();
            assert_eq!((count("ann").await, count("bob").await), (3, 1));
            for _ in 0..3 {
                ids[0] = sessions.rotate_id(&ids[0]).await.unwrap();
            }
            sessions.update(&ids[1], &cart(&["milk"])).await.unwrap();
            assert_eq!(count("ann").await, 3);
            sessions.login(&guest, NewSession::of("ann")).await.unwrap();
            assert_eq!(count("ann").await, 4);
            sessions.end(&ids[0]).await.unwrap();
            assert_eq!(count("ann").await, 3);
            sessions.end_all("ann").await.unwrap();
            assert_eq!((count("ann").await, count("bob").await), (0, 1));
        }
    })
    .await;
}

#[tokio::test]
async fn a_count_reads_no_session() {
    for keys in [None, Some(SealingKeys::new(&[7; 32]))] {
        let clock = ManualClock::at(NOW);
        let sound = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let store = Arc::new(Reads { sound, reads: AtomicU64::new(0) });
        let sessions = Sessions::builder(store.clone()).clock(clock.clone());
        let sessions = match keys {
            Some(keys) => sessions.encrypt(keys).build().unwrap(),
            None => sessions.build().unwrap(),
        };
        for _ in 0..10 {
            let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
            sessions.rotate_id(&id).await.unwrap();
        }
        store.reads.store(0, Ordering::Relaxed);
        assert_eq!(sessions.count("ann").await.unwrap(), 10);
        clock.advance(Duration::from_secs(366 * 86_400));
        assert_eq!(sessions.count("ann").await.unwrap(), 0);
        assert_eq!(store.reads.load(Ordering::Relaxed), 0);
    }
}
