//! A proof is accepted once by several processes that share a Redis.

use super::world::{PUBLIC, World, router};
use crate::support::redis::Server;
use crate::support::{send, serve_axum, test_name};
use jamguard::Dpop;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::RedisStore;
use std::io::{BufRead, BufReader, Lines, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const REDIS: &str = "JAMGUARD_TEST_REDIS";
const ISSUER: &str = "JAMGUARD_TEST_ISSUER";

/// An API in a process of its own: this test binary, started again.
struct Node {
    process: Child,
    address: SocketAddr,
    /// Open while the test harness writes to it.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Node {
    fn start(redis: &Server, world: &World) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg(test_name(module_path!(), "node"))
            .args(["--exact", "--nocapture", "--test-threads=1"])
            .env(REDIS, redis.url())
            .env(ISSUER, world.issuer.expose_private_pem().unwrap().expose())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        // Before the address there are lines of the test harness.
        let address = output.by_ref().map_while(Result::ok).find_map(|line| line.parse().ok());
        Self { process, address: address.expect("the node tells its address"), _output: output }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It serves until its input ends.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Not a test of its own: a process that the test below starts serves here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node() {
    let (Ok(redis), Ok(issuer)) = (std::env::var(REDIS), std::env::var(ISSUER)) else { return };
    let world = World::of(SigningKey::from_pem(Algorithm::ES256, &issuer).unwrap());
    let store = RedisStore::builder(&redis).timeout(Duration::from_secs(30)).build().unwrap();
    let dpop = Dpop::builder().public_url(PUBLIC).store(store).build().unwrap();
    let (address, task) = serve_axum(router(&world.auth().dpop(dpop).build().unwrap())).await;
    // The test harness has begun this line.
    println!("\n{address}");
    let input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    input.await.unwrap().unwrap();
    task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_parallel_replays_at_two_processes_one_is_accepted() {
    let redis = Server::start();
    let world = World::new();
    let nodes = [Node::start(&redis, &world), Node::start(&redis, &world)];
    let request = world.request("GET", "/me", &world.bound());
    let mut sent = tokio::task::JoinSet::new();
    for at in 0..1_000 {
        let (request, address) = (request.clone(), nodes[at % 2].address);
        sent.spawn(async move { send(address, &request).await.status });
    }
    let answers = sent.join_all().await;
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(200), count(401)), (1, 999));
    // Both processes accept other proofs.
    for node in &nodes {
        let answer = send(node.address, &world.request("GET", "/me", &world.bound())).await;
        assert_eq!(answer.status, 200);
    }
}
