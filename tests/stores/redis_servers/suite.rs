//! The acceptance suite, over every way to run Redis.

use crate::redis_servers::cluster::Cluster;
use crate::redis_servers::sentinels::World;
use crate::support::redis::Server;
use jamguard::store::RedisStore;
use jamguard::testing::store_suite;

/// Handles with connections of their own, as in several processes.
async fn keeps_every_promise(url: &str) {
    let open = async || RedisStore::connect(url).await.unwrap();
    store_suite(open, tokio::time::sleep).await;
    // Not empty any more, and under another prefix.
    let open = async || RedisStore::builder(url).prefix("other:").connect().await.unwrap();
    store_suite(open, tokio::time::sleep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_keeps_every_promise() {
    keeps_every_promise(&Server::start().url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_every_promise() {
    keeps_every_promise(&Cluster::start(0).await.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_behind_sentinels_keeps_every_promise() {
    keeps_every_promise(&World::start().await.url()).await;
}
