//! A backend that fails, hangs, or holds something else.

use crate::support::wait::until;
use crate::tower_sessions::backend::Shelf;
use jamguard::ErrorKind;
use jamguard::store::{NewRecord, Store, TowerSessionsStore};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_backend_that_fails_or_hangs_is_unavailable_in_time() {
    let shelf = Shelf::default();
    let store = TowerSessionsStore::new(shelf.clone());
    let version = store.insert("k", NewRecord::new(*b"v").owned_by("ann")).await.unwrap().unwrap();
    for hangs in [false, true] {
        shelf.fail(!hangs);
        shelf.hang(hangs);
        let begun = Instant::now();
        let mut errors = vec![
            store.get("k").await.unwrap_err(),
            store.insert("l", NewRecord::new(*b"v")).await.unwrap_err(),
            store.replace("k", version, vec![], None).await.unwrap_err(),
            store.owned("ann").await.unwrap_err(),
            store.remove_owned("ann").await.unwrap_err(),
        ];
        if !hangs {
            errors.push(store.remove("k").await.unwrap_err());
        }
        assert!(begun.elapsed() < Duration::from_millis(250 * 5 + 200), "{:?}", begun.elapsed());
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
    }
    // It answers again: writes that were late are done, and hold nobody up.
    shelf.hang(false);
    let found = async || store.get("k").await.unwrap().unwrap();
    until("a late write is done", async || found().await.version() != version).await;
    let version = found().await.version();
    assert!(store.replace("k", version, vec![1], None).await.unwrap().is_some());
}

#[tokio::test]
async fn writes_to_a_backend_that_hangs_are_bounded() {
    let shelf = Shelf::default();
    let store = TowerSessionsStore::new(shelf.clone());
    shelf.hang(true);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..5000)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = number.to_string();
                let inserted = store.insert(&key, NewRecord::new(*b"v")).await;
                inserted.unwrap_err().message().to_owned()
            })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        refused += usize::from(task.await.unwrap().contains("too many writes"));
    }
    println!(
        "5,000 writes while it hangs: {refused} refused at once, all in {:?}",
        begun.elapsed()
    );
    assert_eq!(refused, 5000 - 1024);
    shelf.hang(false);
    let inserts = async || store.insert("again", NewRecord::new(*b"v")).await.is_ok();
    until("writes are taken again", inserts).await;
}

/// A request whose client went away: its write is done whole, and nothing waits for it.
#[tokio::test]
async fn a_write_that_nobody_waits_for_is_done_whole() {
    let shelf = Shelf::default();
    let store = TowerSessionsStore::new(shelf.clone());
    shelf.writes().close();
    let leaving = store.clone();
    let insert =
        tokio::spawn(
            async move { leaving.insert("k", NewRecord::new(*b"v").owned_by("ann")).await },
        );
    // It leaves in the middle of the second write.
    shelf.writes().until_waiting(1).await;
    shelf.writes().let_one_pass();
    shelf.writes().until_waiting(1).await;
    insert.abort();
    assert!(insert.await.is_err_and(|error| error.is_cancelled()));
    shelf.writes().open();
    until("the write is done", async || store.get("k").await.unwrap().is_some()).await;
    assert_eq!(store.owned("ann").await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_another_program_wrote_is_a_clear_error() {
    let shelf = Shelf::default();
    let store = TowerSessionsStore::new(shelf.clone());
    store.insert("k", NewRecord::new(*b"v").owned_by("ann")).await.unwrap().unwrap();
    shelf.change(|data| *data = serde_json::json!({"user": "ann"}));
    for error in [
        store.get("k").await.unwrap_err(),
        store.owned("ann").await.unwrap_err(),
        store.remove("k").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.message().contains("a table of its own"), "{error}");
    }
}
