//! Every kind of store that sessions may be in.

use super::folder::Folder;
use super::redis::Server;
use jamguard::store::{CachedStore, FileStore, MemoryStore, RedisStore, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Does the same on each kind of store.
pub(crate) async fn on_every_store(test: impl AsyncFn(&'static str, Arc<dyn Store>)) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    test("memory", Arc::new(MemoryStore::new())).await;
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = Folder::new(&format!("sessions-{made}"));
    test("file", Arc::new(FileStore::open(folder.store()).unwrap())).await;
    let server = Server::start();
    // A thousand at once keep a busy machine waiting for longer than it should.
    let patient = || RedisStore::builder(&server.url()).timeout(Duration::from_secs(10));
    let redis = async || patient().connect().await.unwrap();
    test("redis", Arc::new(redis().await)).await;
    server.command(&["FLUSHALL"]);
    test("near redis", Arc::new(CachedStore::new(redis().await))).await;
}
