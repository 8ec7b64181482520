//! What is weaker where several processes write to one backend: each sentence of the docs, as a
//! test. The same inside one process is sound.

use crate::tower_sessions::backend::Shelf;
use jamguard::store::{NewRecord, Store, TowerSessionsStore};
use std::time::Duration;
use tokio::time::timeout;

const KEY: &str = "session";

fn process(shelf: &Shelf) -> TowerSessionsStore {
    let builder = TowerSessionsStore::builder(shelf.clone());
    builder.timeout(Duration::from_secs(20)).build().unwrap()
}

async fn value(store: &TowerSessionsStore) -> Option<Vec<u8>> {
    let found = store.get(KEY).await.unwrap();
    found.map(|record| record.value().to_vec())
}

/// Lets one process replace the record, another one act between its load and its save, and gives
/// whether the first one's replace succeeded.
async fn meanwhile(
    first: &TowerSessionsStore,
    shelf: &Shelf,
    act: impl Future<Output = ()>,
) -> bool {
    let version = first.get(KEY).await.unwrap().unwrap().version();
    shelf.hold_the_next_save();
    let first = first.clone();
    let replace =
        tokio::spawn(async move { first.replace(KEY, version, b"first".to_vec(), None).await });
    shelf.a_save_waits().await;
    act.await;
    shelf.let_the_save_go_on();
    replace.await.unwrap().unwrap().is_some()
}

#[tokio::test]
async fn two_processes_may_lose_an_update() {
    let shelf = Shelf::default();
    let (first, second) = (process(&shelf), process(&shelf));
    let version = first.insert(KEY, NewRecord::new(*b"0")).await.unwrap().unwrap();
    let replaced = meanwhile(&first, &shelf, async {
        let replaced = second.replace(KEY, version, b"second".to_vec(), None);
        assert!(replaced.await.unwrap().is_some());
        assert_eq!(value(&second).await.unwrap(), b"second");
    });
    assert!(replaced.await);
    assert_eq!(value(&second).await.unwrap(), b"first");
}

#[tokio::test]
async fn what_one_process_removes_another_may_bring_back() {
    let shelf = Shelf::default();
    let (first, second) = (process(&shelf), process(&shelf));
    first.insert(KEY, NewRecord::new(*b"0")).await.unwrap().unwrap();
    let replaced = meanwhile(&first, &shelf, async {
        assert!(second.remove(KEY).await.unwrap());
        assert_eq!(value(&second).await, None);
    });
    assert!(replaced.await);
    assert_eq!(value(&second).await.unwrap(), b"first");
}

#[tokio::test]
async fn two_processes_may_lose_a_key_of_an_owners_list_until_it_is_written_again() {
    let shelf = Shelf::default();
    let (first, second) = (process(&shelf), process(&shelf));
    let record = || NewRecord::new(*b"0").owned_by("ann");
    shelf.hold_the_next_save();
    let late = first.clone();
    let insert = tokio::spawn(async move { late.insert("late", record()).await });
    shelf.a_save_waits().await;
    let version = second.insert("lost", record()).await.unwrap().unwrap();
    shelf.let_the_save_go_on();
    insert.await.unwrap().unwrap().unwrap();
    let listed = async || {
        let owned = first.owned("ann").await.unwrap();
        owned.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, ["late"]);
    assert!(first.get("lost").await.unwrap().is_some());
    let replaced = second.replace("lost", version, vec![], None);
    replaced.await.unwrap().unwrap();
    assert_eq!(listed().await, ["late", "lost"]);
}

/// The same two races inside one process: the lock holds them apart.
#[tokio::test]
async fn clones_wait_for_each_other() {
    const SHORT: Duration = Duration::from_millis(50);
    let shelf = Shelf::default();
    let first = process(&shelf);
    let version = first.insert(KEY, NewRecord::new(*b"0")).await.unwrap().unwrap();
    let waiting = std::sync::Mutex::new(Vec::new());
    let replaced = meanwhile(&first, &shelf, async {
        let (replacing, removing) = (first.clone(), first.clone());
        let mut replace = tokio::spawn(async move {
            let replaced = replacing.replace(KEY, version, b"second".to_vec(), None);
            replaced.await.unwrap().is_some()
        });
        assert!(timeout(SHORT, &mut replace).await.is_err(), "it waits");
        let mut remove = tokio::spawn(async move { removing.remove(KEY).await.unwrap() });
        assert!(timeout(SHORT, &mut remove).await.is_err(), "it waits");
        assert!(!replace.is_finished());
        waiting.lock().unwrap().extend([replace, remove]);
    });
    assert!(replaced.await);
    let mut answers = Vec::new();
    let tasks = std::mem::take(&mut *waiting.lock().unwrap());
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers, [false, true]);
    assert_eq!(value(&first).await, None);
}
