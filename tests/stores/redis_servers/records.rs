//! What is kept, and how.

use crate::support::redis::{Server, until};
use jamguard::ErrorKind;
use jamguard::store::{NewRecord, RedisStore, Store};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

async fn store(server: &Server) -> RedisStore {
    RedisStore::connect(&server.url()).await.unwrap()
}

fn lasting(owner: &str) -> NewRecord {
    NewRecord::new(*b"v").owned_by(owner)
}

#[tokio::test]
async fn a_version_is_never_given_again_not_even_after_a_flush() {
    let server = Server::start();
    let store = store(&server).await;
    let mut last = 0;
    for round in 0..20 {
        let version = store.insert("k", lasting("ann")).await.unwrap().unwrap();
        assert!(version > last, "round {round}");
        last = store.replace("k", version, vec![], None).await.unwrap().unwrap();
        assert!(last > version);
        if round % 2 == 0 {
            assert!(store.remove("k").await.unwrap());
        } else {
            server.command(&["FLUSHALL"]);
        }
        assert_eq!(store.replace("k", last, vec![], None).await.unwrap(), None);
    }
    store.insert("k", lasting("ann")).await.unwrap().unwrap();
    store.remove("k").await.unwrap();
    // The clock of the server is not needed for that: a counter ahead of it counts on.
    let bucket = server.command(&["KEYS", "jamguard:v{*}"]);
    let counter = bucket.lines().nth(2).unwrap().to_owned();
    server.command(&["SET", &counter, "9000000000000000"]);
    let version = store.insert("k", lasting("ann")).await.unwrap().unwrap();
    assert_eq!(version, 9_000_000_000_000_001);
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_again() {
    let server = Server::start();
    let store = store(&server).await;
    for round in 0..3_u8 {
        let key = round.to_string();
        let version = store.insert(&key, lasting("ann")).await.unwrap().unwrap();
        server.command(&["SCRIPT", "FLUSH"]);
        assert!(store.replace(&key, version, vec![round], None).await.unwrap().is_some());
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(store.get(&key).await.unwrap().unwrap().value(), [round]);
    }
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.remove_owned("ann").await.unwrap(), 3);
}

/// The lists by which owners are found go with their records, and never before them.
#[tokio::test]
async fn an_owners_list_lives_as_long_as_its_last_record() {
    let server = Server::start();
    let store = store(&server).await;
    let short = |owner: &str| lasting(owner).expires_after(Duration::from_secs(3));
    let mut all = tokio::task::JoinSet::new();
    for number in 0..200 {
        for (key, owner) in [(format!("s{number}"), "short"), (format!("m{number}"), "mixed")] {
            let (store, record) = (store.clone(), short(owner));
            all.spawn(async move { store.insert(&key, record).await });
        }
    }
    while let Some(inserted) = all.join_next().await {
        inserted.unwrap().unwrap().unwrap();
    }
    // One that was to live shortly, and now lives for ever.
    let version = store.insert("longer", short("mixed")).await.unwrap().unwrap();
    store.replace("longer", version, vec![], None).await.unwrap().unwrap();
    let lists = || {
        let listed = server.command(&["KEYS", "jamguard:o{*}:*"]);
        let lists = listed.lines().filter(|line| line.starts_with("jamguard:o"));
        lists.map(str::to_owned).collect::<Vec<_>>()
    };
    let members = |list: &str| server.command(&["ZCARD", list])[1..].trim().parse::<u32>().unwrap();
    assert_eq!(lists().len(), 32);
    until("only the list of the lasting record is left", async || lists().len() == 1).await;
    assert!(members(&lists()[0]) > 1);
    let found = store.owned("mixed").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "longer");
    // Reading it pruned the keys that are gone.
    assert_eq!(lists().iter().map(|list| members(list)).collect::<Vec<_>>(), [1]);
    assert_eq!(store.remove_owned("mixed").await.unwrap(), 1);
    assert!(lists().is_empty());
    // One per bucket. Redis removes expired records a little later.
    until("the counters alone are left", async || {
        let counters = server.command(&["KEYS", "jamguard:v{*}"]).matches("jamguard:v").count();
        server.command(&["DBSIZE"]).trim() == format!(":{counters}")
    })
    .await;
}

#[tokio::test]
async fn a_write_prunes_its_owners_list() {
    let server = Server::start();
    let store = store(&server).await;
    store.insert("for ever", lasting("ann")).await.unwrap().unwrap();
    for number in 0..500 {
        let record = lasting("ann").expires_after(Duration::from_millis(1));
        store.insert(&number.to_string(), record).await.unwrap().unwrap();
    }
    let listed = server.command(&["KEYS", "jamguard:o{*}:*"]);
    let lists = || listed.lines().filter(|line| line.starts_with("jamguard:o"));
    until("all but one are due to be pruned", async || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let lasting = |list| server.command(&["ZCOUNT", list, &format!("({now}"), "+inf"]);
        lists().map(|list| lasting(list)[1..].trim().parse::<u32>().unwrap()).sum::<u32>() == 1
    })
    .await;
    for number in 0..100 {
        store.insert(&format!("n{number}"), lasting("ann")).await.unwrap().unwrap();
    }
    let lists = server.command(&["KEYS", "jamguard:o{*}:*"]);
    let lists = lists.lines().filter(|line| line.starts_with("jamguard:o"));
    let length = |list: &str| server.command(&["ZCARD", list])[1..].trim().parse::<u32>().unwrap();
    let lengths: Vec<_> = lists.map(length).collect();
    assert_eq!(lengths.len(), 16);
    assert_eq!(lengths.iter().sum::<u32>(), 101);
    assert_eq!(store.owned("ann").await.unwrap().len(), 101);
}

/// A key that changed hands is found under its new owner only.
#[tokio::test]
async fn a_key_with_a_new_owner_is_no_longer_the_old_ones() {
    let server = Server::start();
    let store = store(&server).await;
    let record = lasting("ann").expires_after(Duration::from_millis(30));
    store.insert("k", record).await.unwrap().unwrap();
    until("it expired", async || store.get("k").await.unwrap().is_none()).await;
    store.insert("k", lasting("bob")).await.unwrap().unwrap();
    assert!(store.owned("ann").await.unwrap().is_empty());
    // The same, for whom removes without having looked.
    let record = lasting("ann").expires_after(Duration::from_millis(30));
    store.insert("l", record).await.unwrap().unwrap();
    until("it expired", async || store.get("l").await.unwrap().is_none()).await;
    store.insert("l", lasting("bob")).await.unwrap().unwrap();
    assert_eq!(store.remove_owned("ann").await.unwrap(), 0);
    assert_eq!(store.owned("bob").await.unwrap().len(), 2);
}

#[tokio::test]
async fn ten_thousand_records_of_one_owner_are_removed_without_blocking_redis() {
    let server = Server::start();
    let store = store(&server).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..10_000 {
        let store = store.clone();
        all.spawn(async move { store.insert(&format!("k{number}"), lasting("ann")).await });
    }
    while let Some(inserted) = all.join_next().await {
        inserted.unwrap().unwrap().unwrap();
    }
    store.insert("other", lasting("bob")).await.unwrap().unwrap();
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    server.command(&["CONFIG", "SET", "slowlog-max-len", "1000"]);
    let begun = Instant::now();
    assert_eq!(store.owned("ann").await.unwrap().len(), 10_000);
    let read = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(store.remove_owned("ann").await.unwrap(), 10_000);
    let removed = begun.elapsed();
    // An entry: its number, when, how long in microseconds, the command.
    let log = server.command(&["SLOWLOG", "GET", "1000"]);
    let lines: Vec<_> = log.lines().collect();
    let times =
        lines.windows(2).filter(|pair| pair[1].starts_with('*') && pair[0].starts_with(':'));
    let slowest: u64 = times.map(|pair| pair[0][1..].parse().unwrap()).max().unwrap();
    println!(
        "10,000 records of an owner: read in {read:?}, removed in {removed:?}; \
         the longest command took Redis {slowest} us"
    );
    assert!(slowest < 50_000);
    assert!(store.owned("ann").await.unwrap().is_empty());
    assert_eq!(store.owned("bob").await.unwrap().len(), 1);
}

#[tokio::test]
async fn prefixes_share_nothing() {
    let server = Server::start();
    let one = RedisStore::builder(&server.url()).prefix("app:").build().unwrap();
    let two = RedisStore::builder(&server.url()).prefix("app:r").build().unwrap();
    assert!(one.insert("k", lasting("ann")).await.unwrap().is_some());
    assert!(two.insert("k", lasting("ann")).await.unwrap().is_some());
    assert_eq!(one.remove_owned("ann").await.unwrap(), 1);
    assert!(two.get("k").await.unwrap().is_some());
    let keys = server.command(&["KEYS", "*"]);
    let named = keys.lines().filter(|line| line.starts_with("app:"));
    assert_eq!(named.count() * 2 + 1, keys.lines().count(), "all begin with a prefix: {keys}");
}

#[tokio::test]
async fn what_something_else_wrote_is_a_damaged_record() {
    let server = Server::start();
    let store = store(&server).await;
    store.insert("k", lasting("ann")).await.unwrap().unwrap();
    let keys = server.command(&["KEYS", "jamguard:r{*}:k"]);
    let record = keys.lines().nth(2).unwrap().to_owned();
    server.command(&["SET", &record, "short"]);
    assert_eq!(store.get("k").await.unwrap_err().kind(), ErrorKind::Storage);
    server.command(&["DEL", &record]);
    server.command(&["RPUSH", &record, "a list"]);
    assert_eq!(store.get("k").await.unwrap_err().kind(), ErrorKind::Storage);
    assert_eq!(store.remove("k").await.unwrap_err().kind(), ErrorKind::Storage);
}

/// Full memory refuses writes, and goes on answering.
#[tokio::test]
async fn a_full_redis_is_a_storage_error_and_forgets_nothing() {
    let server = Server::start();
    let store = store(&server).await;
    store.insert("k", lasting("ann")).await.unwrap().unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let full = store.insert("more", lasting("ann")).await.unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Storage, "{full}");
    assert!(store.get("k").await.unwrap().is_some());
    assert_eq!(store.owned("ann").await.unwrap().len(), 1);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(store.insert("more", lasting("ann")).await.unwrap().is_some());
}

/// One caller's runtime ends, or its future is dropped: the others do not notice.
#[test]
fn the_store_does_not_depend_on_the_runtime_that_asks() {
    let server = Server::start();
    let store = RedisStore::builder(&server.url()).build().unwrap();
    for round in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let key = round.to_string();
            assert!(store.insert(&key, lasting("ann")).await.unwrap().is_some());
            // Begun, and no longer waited for.
            let dropped = format!("dropped {round}");
            let begun = store.insert(&dropped, lasting("ann"));
            let _ = tokio::time::timeout(Duration::ZERO, begun).await;
        });
    }
    // No runtime of tokio's at all.
    let waiting = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waiting);
    let mut found = store.owned("ann");
    let begun = Instant::now();
    loop {
        match found.as_mut().poll(&mut context) {
            std::task::Poll::Ready(found) => {
                assert_eq!(found.unwrap().len(), 6);
                break;
            }
            std::task::Poll::Pending => assert!(begun.elapsed() < Duration::from_secs(5)),
        }
    }
}

/// Its thread and its connections go with the last handle.
#[tokio::test]
async fn a_dropped_store_leaves_nothing_behind() {
    let server = Server::start();
    let one = store(&server).await;
    let clone = one.clone();
    drop(one);
    assert!(clone.get("k").await.unwrap().is_none());
    assert!(server.command(&["CLIENT", "LIST"]).matches("id=").count() > 1);
    drop(clone);
    crate::support::redis::until("only the asking connection is left", async || {
        server.command(&["CLIENT", "LIST"]).matches("id=").count() == 1
    })
    .await;
}
