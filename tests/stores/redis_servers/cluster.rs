//! A cluster of three primaries, with a replica each where one of them is to fail.

use crate::redis_servers::watching::Notes;
use crate::support::redis::{Server, until};
use jamguard::ErrorKind;
use jamguard::store::{NewRecord, RedisStore, Store};
use std::time::{Duration, Instant};

pub(crate) struct Cluster {
    pub(crate) primaries: Vec<Server>,
    replicas: Vec<Server>,
}

const SHARES: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

impl Cluster {
    pub(crate) async fn start(replicas: usize) -> Self {
        let node = || {
            Server::with(&[
                "--save",
                "",
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1000",
                "--cluster-replica-validity-factor",
                "0",
            ])
        };
        let primaries: Vec<_> = SHARES.iter().map(|_| node()).collect();
        let replicas: Vec<_> = (0..replicas).map(|_| node()).collect();
        for (number, (node, (first, last))) in primaries.iter().zip(SHARES).enumerate() {
            let epoch = (number + 1).to_string();
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
        let port = primaries[0].port.to_string();
        for node in primaries[1..].iter().chain(&replicas) {
            node.command(&["CLUSTER", "MEET", "127.0.0.1", &port]);
        }
        let cluster = Self { primaries, replicas };
        let count = 3 + cluster.replicas.len();
        let lines = |node: &Server, has: &str| {
            let nodes = node.command(&["CLUSTER", "NODES"]);
            nodes.lines().filter(|line| line.contains(has)).count()
        };
        until("all nodes know all others", async || {
            let mut nodes = cluster.all();
            nodes.all(|node| lines(node, " connected") == count && lines(node, "handshake") == 0)
        })
        .await;
        for (replica, primary) in cluster.replicas.iter().zip(&cluster.primaries) {
            let id = primary.command(&["CLUSTER", "MYID"]);
            replica.command(&["CLUSTER", "REPLICATE", id.lines().nth(1).unwrap()]);
        }
        until("the cluster serves", async || {
            let mut nodes = cluster.all();
            nodes.all(|node| {
                lines(node, "slave") == cluster.replicas.len()
                    && node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
            }) && cluster.replicas.iter().all(|node| node.command(&["ROLE"]).contains("connected"))
        })
        .await;
        cluster
    }

    fn all(&self) -> impl Iterator<Item = &Server> {
        self.primaries.iter().chain(&self.replicas)
    }

    /// It knows one node; the others it is told of.
    pub(crate) fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.primaries[0].port)
    }
}

fn new() -> NewRecord {
    NewRecord::new(*b"v").owned_by("ann")
}

#[tokio::test]
async fn records_are_spread_and_found_again() {
    let cluster = Cluster::start(0).await;
    let store = RedisStore::connect(&cluster.url()).await.unwrap();
    for number in 0..300 {
        store.insert(&number.to_string(), new()).await.unwrap().unwrap();
    }
    let records =
        |node: &Server| node.command(&["KEYS", "jamguard:r*"]).matches("jamguard:r").count();
    let shares: Vec<_> = cluster.primaries.iter().map(records).collect();
    println!("300 records in a cluster of three: {shares:?}");
    assert_eq!(shares.iter().sum::<usize>(), 300);
    assert!(shares.iter().all(|share| *share > 20));
    assert_eq!(store.owned("ann").await.unwrap().len(), 300);
    assert_eq!(store.remove_owned("ann").await.unwrap(), 300);
    // The slots are those of the specification.
    let slot = cluster.primaries[0].command(&["CLUSTER", "KEYSLOT", "jamguard:r{3}:k"]);
    assert_eq!(slot, cluster.primaries[0].command(&["CLUSTER", "KEYSLOT", "3"]));
}

/// All primaries tell; a flush of one of them is a flush.
#[tokio::test]
async fn every_primary_tells_its_changes() {
    let cluster = Cluster::start(0).await;
    let here = RedisStore::connect(&cluster.url()).await.unwrap();
    let there = RedisStore::connect(&cluster.url()).await.unwrap();
    let notes = Notes::of(&there);
    notes.wait("Live").await;
    for number in 0..100 {
        here.insert(&number.to_string(), new()).await.unwrap().unwrap();
    }
    for number in 0..100 {
        notes.wait(&number.to_string()).await;
    }
    for node in &cluster.primaries {
        notes.forget();
        node.command(&["FLUSHALL"]);
        notes.wait("All").await;
    }
    assert!(notes.when("Lost").is_none());
}

/// A slot moves to another node while it is written to: nothing is lost, and everything is told.
#[tokio::test]
async fn a_slot_may_move_under_load() {
    let cluster = Cluster::start(0).await;
    let store = RedisStore::connect(&cluster.url()).await.unwrap();
    let mut kept = Vec::new();
    for number in 0..200 {
        let key = number.to_string();
        kept.push((store.insert(&key, new()).await.unwrap().unwrap(), key));
    }
    // The slots of all buckets that the first node has move to the second.
    let [from, to, ..] = &cluster.primaries[..] else { unreachable!() };
    let id = |node: &Server| node.command(&["CLUSTER", "MYID"]).lines().nth(1).unwrap().to_owned();
    let (from_id, to_id) = (id(from), id(to));
    let slots: Vec<String> = (0..16)
        .map(|bucket| from.command(&["CLUSTER", "KEYSLOT", &bucket.to_string()]))
        .map(|slot| slot.trim_start_matches(':').trim().to_owned())
        .filter(|slot| slot.parse::<u16>().unwrap() <= 5460)
        .collect();
    assert!(!slots.is_empty());
    let mut moved = 0;
    for slot in &slots {
        to.command(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &from_id]);
        from.command(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &to_id]);
        loop {
            let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", slot, "10"]);
            let keys: Vec<_> = keys.lines().filter(|line| line.starts_with("jamguard:")).collect();
            if keys.is_empty() {
                break;
            }
            let port = to.port.to_string();
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(&keys);
            let answer = from.command(&migrate);
            assert!(answer.starts_with("+OK"), "{answer}");
            moved += keys.len();
            // Some of its keys are here and some there.
            for (version, key) in &kept {
                assert_eq!(store.get(key).await.unwrap().unwrap().version(), *version);
            }
        }
        for node in &cluster.primaries {
            node.command(&["CLUSTER", "SETSLOT", slot, "NODE", &to_id]);
        }
    }
    println!("{moved} keys of {} slots moved to another node", slots.len());
    for (version, key) in &kept {
        assert_eq!(store.get(key).await.unwrap().unwrap().version(), *version);
    }
    assert_eq!(store.remove_owned("ann").await.unwrap(), 200);
    // Whoever watches does so at the new places.
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    let other = RedisStore::connect(&cluster.url()).await.unwrap();
    for (_, key) in &kept {
        other.insert(key, new()).await.unwrap().unwrap();
        notes.wait(key).await;
    }
}

/// A primary dies, and its replica takes over.
#[tokio::test]
async fn a_failover_is_followed() {
    let mut cluster = Cluster::start(3).await;
    let store = RedisStore::connect(&cluster.url()).await.unwrap();
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    let mut kept = Vec::new();
    for number in 0..50 {
        let key = number.to_string();
        kept.push((store.insert(&key, new()).await.unwrap().unwrap(), key));
    }
    cluster.primaries[1].command(&["WAIT", "1", "1000"]);
    notes.forget();
    let killed = Instant::now();
    cluster.primaries[1].kill();
    let lost = notes.wait("Lost").await - killed;
    let (mut served, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    until("all records are served again", async || {
        let mut all = true;
        for (version, key) in &kept {
            let begun = Instant::now();
            match store.get(key).await {
                Ok(record) => {
                    assert_eq!(record.map(|r| r.version()), Some(*version));
                    served += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                    refused += 1;
                    all = false;
                }
            }
            slowest = slowest.max(begun.elapsed());
        }
        all
    })
    .await;
    let back = killed.elapsed();
    let live = notes.wait("Live").await - killed;
    println!(
        "cluster failover (node timeout 1 s): lost is told after {lost:?}; all slots are served after \
         {back:?} ({served} reads served and {refused} refused until then, the slowest in {slowest:?}); \
         live again after {live:?}"
    );
    assert!(lost < Duration::from_millis(800) && slowest < Duration::from_millis(500));
    assert!(served > refused / 10, "the other nodes' slots were served meanwhile");
    let other = RedisStore::connect(&cluster.url()).await.unwrap();
    for (version, key) in &kept {
        other.replace(key, *version, vec![], None).await.unwrap().unwrap();
        notes.wait(key).await;
    }
}

/// One node says nothing any more: the slots of the others are served, and its own fail in time.
#[tokio::test]
async fn a_silent_node_takes_only_its_own_slots_with_it() {
    let cluster = Cluster::start(0).await;
    let store = RedisStore::connect(&cluster.url()).await.unwrap();
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    for number in 0..50 {
        store.insert(&number.to_string(), new()).await.unwrap().unwrap();
    }
    let paused = Instant::now();
    cluster.primaries[2].pause();
    assert!(notes.wait("Lost").await - paused < Duration::from_millis(800));
    let (mut served, mut refused) = (0, 0);
    for number in 0..20 {
        let begun = Instant::now();
        match store.get(&number.to_string()).await {
            Ok(record) => {
                assert!(record.is_some());
                served += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                refused += 1;
            }
        }
        assert!(begun.elapsed() < Duration::from_millis(500));
        if paused.elapsed() > Duration::from_millis(900) {
            // From then on the cluster as a whole is down.
            break;
        }
    }
    println!("one of three nodes is silent: {served} reads served, {refused} refused");
    assert!(served > 0 && refused > 0);
    notes.forget();
    cluster.primaries[2].resume();
    until("all is served again", async || {
        store.owned("ann").await.is_ok_and(|all| all.len() == 50)
    })
    .await;
    notes.wait("Live").await;
}

/// All nodes die, and come back where they were.
#[tokio::test]
async fn a_cluster_may_stop_as_a_whole() {
    let mut cluster = Cluster::start(0).await;
    let store = RedisStore::connect(&cluster.url()).await.unwrap();
    store.insert("k", new()).await.unwrap().unwrap();
    for node in &mut cluster.primaries {
        node.kill();
    }
    let begun = Instant::now();
    assert_eq!(store.get("k").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(store.owned("ann").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_millis(800));
    for node in &mut cluster.primaries {
        node.run();
    }
    until("it serves", async || store.insert("k2", new()).await.is_ok()).await;
}
