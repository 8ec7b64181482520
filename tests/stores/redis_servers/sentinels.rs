//! A primary, its replica, and three sentinels.

use crate::redis_servers::watching::Notes;
use crate::support::redis::{Server, until};
use jamguard::ErrorKind;
use jamguard::store::{NewRecord, RedisStore, Store};
use std::time::{Duration, Instant};

pub(crate) struct World {
    primary: Server,
    replica: Server,
    sentinels: Vec<Server>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let primary = Server::start();
        let port = primary.port.to_string();
        let replica = Server::with(&["--save", "", "--replicaof", "127.0.0.1", &port]);
        for server in [&primary, &replica] {
            let login = ["ACL", "SETUSER", "sentinel", "on", ">password", "~*", "&*", "+@all"];
            server.command(&login);
            server.command(&["ACL", "SETUSER", "default", "-ping"]);
        }
        let sentinel = |_| Server::sentinel(primary.port, 2, SENTINEL_LOGIN);
        let sentinels: Vec<_> = (0..3).map(sentinel).collect();
        until("the sentinels know each other and the replica", async || {
            sentinels.iter().all(|sentinel| {
                let known = sentinel.command(&["SENTINEL", "MASTER", "mymaster"]);
                let figure = |name: &str| {
                    let mut lines = known.lines().skip_while(|line| *line != name);
                    lines.nth(2).map(str::to_owned)
                };
                figure("num-other-sentinels").as_deref() == Some("2")
                    && figure("num-slaves").as_deref() == Some("1")
            }) && replica.command(&["ROLE"]).contains("connected")
        })
        .await;
        Self { primary, replica, sentinels }
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> =
            self.sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port)).collect();
        format!("redis-sentinel://{}/?service=mymaster", hosts.join(","))
    }
}

/// What the sentinels log in as, so that they alone can be locked out.
const SENTINEL_LOGIN: &str = "sentinel auth-user mymaster sentinel\n\
                              sentinel auth-pass mymaster password\n";

fn new() -> NewRecord {
    NewRecord::new(*b"v").owned_by("ann")
}

/// A sentinel names another primary from now on.
fn name(primary: &Server, sentinel: &Server) {
    let port = primary.port.to_string();
    sentinel.command(&["SENTINEL", "REMOVE", "mymaster"]);
    sentinel.command(&["SENTINEL", "MONITOR", "mymaster", "127.0.0.1", &port, "2"]);
}

/// Many reads one after another: the sentinels are asked several times meanwhile.
async fn all_reads_fail(store: &RedisStore) {
    let mut failed = 0;
    until("250 reads fail", async || {
        let error = store.get("revoked").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        failed += 1;
        failed == 250
    })
    .await;
}

#[tokio::test]
async fn a_failover_is_followed() {
    let mut world = World::start().await;
    let store = RedisStore::connect(&world.url()).await.unwrap();
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    let version = store.insert("k", new()).await.unwrap().unwrap();
    until("it is replicated", async || world.replica.command(&["DBSIZE"]).trim() == ":4").await;
    notes.forget();
    let killed = Instant::now();
    world.primary.kill();
    let lost = notes.wait("Lost").await - killed;
    // A sentinel that is gone makes no difference.
    world.sentinels[0].kill();
    let mut slowest = Duration::ZERO;
    until("writes go to the new primary", async || {
        let begun = Instant::now();
        let answer = store.insert("new", new()).await;
        slowest = slowest.max(begun.elapsed());
        if let Err(error) = &answer {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
        answer.is_ok()
    })
    .await;
    let written = killed.elapsed();
    assert!(world.replica.command(&["ROLE"]).contains("master"));
    let live = notes.wait("Live").await - killed;
    println!(
        "sentinel failover (500 ms until down): lost is told after {lost:?}, writes succeed after \
         {written:?}, live again after {live:?}; no operation took longer than {slowest:?}"
    );
    assert!(lost < Duration::from_millis(800) && slowest < Duration::from_millis(500));
    // What it was told of before is still there, under its version, and changes are told.
    assert_eq!(store.get("k").await.unwrap().unwrap().version(), version);
    let other = RedisStore::connect(&world.url()).await.unwrap();
    other.replace("k", version, vec![], None).await.unwrap().unwrap();
    notes.wait("k").await;
}

/// The old primary goes on answering, as one does that is cut off from the sentinels only. What it
/// tells is of no use any more, as soon as one sentinel names another.
#[tokio::test]
async fn a_primary_that_was_replaced_is_left_though_it_answers() {
    let world = World::start().await;
    let store = RedisStore::connect(&world.url()).await.unwrap();
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    notes.forget();
    let other = Server::start();
    let named = Instant::now();
    name(&other, &world.sentinels[2]);
    let lost = notes.wait("Lost").await - named;
    println!("sentinels name another primary: lost is told after {lost:?}");
    assert!(lost < Duration::from_secs(1));
    let mut reads = 0;
    until("the sentinels were asked several times", async || {
        let _ = store.get("told").await;
        assert!(notes.when("Live").is_none(), "the sentinels do not agree");
        reads += 1;
        reads == 250
    })
    .await;
    name(&other, &world.sentinels[0]);
    name(&other, &world.sentinels[1]);
    notes.wait("Live").await;
    let direct = RedisStore::connect(&other.url()).await.unwrap();
    direct.insert("told", new()).await.unwrap().unwrap();
    notes.wait("told").await;
    // Nor is it read any more: what it says would be remembered and never corrected.
    assert!(store.get("told").await.unwrap().is_some());
}

/// The old primary is cut off from the sentinels alone, so that it goes on answering: they replace
/// it, and a store that nothing watches goes with them.
#[tokio::test]
async fn a_failover_is_followed_by_a_store_that_nothing_watches() {
    let world = World::start().await;
    let store = RedisStore::connect(&world.url()).await.unwrap();
    store.insert("k", new()).await.unwrap().unwrap();
    world.primary.command(&["ACL", "DELUSER", "sentinel"]);
    let port = world.replica.port.to_string();
    until("the sentinels name the replica", async || {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"];
        let mut sentinels = world.sentinels.iter();
        sentinels.all(|sentinel| sentinel.command(&ask).lines().any(|line| line == port))
            && world.replica.command(&["ROLE"]).contains("master")
    })
    .await;
    assert!(world.primary.command(&["ROLE"]).contains("master"));
    let direct = RedisStore::connect(&world.replica.url()).await.unwrap();
    direct.insert("revoked", new()).await.unwrap().unwrap();
    let after = until("the new primary is read", async || {
        matches!(store.get("revoked").await, Ok(Some(_)))
    })
    .await;
    println!("a store that nothing watches follows the sentinels after {after:?}");
    assert!(after < Duration::from_millis(800), "{after:?}");
    store.insert("new", new()).await.unwrap().unwrap();
    assert!(direct.get("new").await.unwrap().is_some());
}

/// One sentinel is cut off from the others together with the old primary, and goes on naming it.
#[tokio::test]
async fn a_primary_that_most_sentinels_replaced_answers_nothing() {
    let world = World::start().await;
    let store = RedisStore::connect(&world.url()).await.unwrap();
    assert!(store.get("revoked").await.unwrap().is_none());
    let other = Server::start();
    let direct = RedisStore::connect(&other.url()).await.unwrap();
    direct.insert("revoked", new()).await.unwrap().unwrap();
    name(&other, &world.sentinels[0]);
    name(&other, &world.sentinels[1]);
    let named = Instant::now();
    let mut past = Duration::ZERO;
    let mut rate = tokio::time::interval(Duration::from_millis(1));
    while named.elapsed() < Duration::from_secs(2) {
        if matches!(store.get("revoked").await, Ok(None)) {
            past = named.elapsed();
        }
        rate.tick().await;
    }
    println!("most sentinels name another primary: the old one is read for {past:?}");
    assert!(past < Duration::from_millis(800), "{past:?}");
    // It is served from where most of them say.
    assert!(store.get("revoked").await.unwrap().is_some());
    // No primary is known to most of them: neither is asked.
    let third = Server::start();
    name(&third, &world.sentinels[1]);
    until("no server is asked", async || {
        let error = store.get("revoked").await.err();
        error.is_some_and(|error| error.kind() == ErrorKind::Unavailable)
    })
    .await;
    all_reads_fail(&store).await;
}

#[tokio::test]
async fn an_unknown_service_is_an_outage() {
    let world = World::start().await;
    let url = world.url().replace("mymaster", "other");
    let error = RedisStore::connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
