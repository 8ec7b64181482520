//! The file store: every promise of a store, and what a file adds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jamguard::store::{FileStore, NewRecord, Store};
use jamguard::testing::{ManualClock, store_suite};
use std::path::PathBuf;
use std::time::Duration;

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jamguard-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("store.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_store_keeps_every_promise() {
    let folder = Folder::new("promises");
    let store = FileStore::open(folder.file()).unwrap();
    store_suite(async || store.clone(), tokio::time::sleep).await;
    drop(store);
    let clock = ManualClock::at(1_700_000_000);
    let builder = FileStore::builder().clock(clock.clone());
    let store = builder.open(folder.file()).unwrap();
    let started = std::time::Instant::now();
    store_suite(async || store.clone(), async |time| clock.advance(time)).await;
    println!("{:?}", started.elapsed());
}
