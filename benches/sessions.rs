//! Benchmarks of sessions: row 9, and a million of them in Redis and in a file (row M).
//!
//! ```sh
//! cargo bench --bench sessions --features file,redis,testing [-- --quick]
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/folder.rs"]
#[allow(dead_code)]
mod folder;
#[path = "../tests/support/redis.rs"]
#[allow(dead_code)]
mod redis;
mod support;
#[path = "../tests/support/wait.rs"]
mod wait;

use folder::Folder;
use jamguard::store::{CachedStore, FileStore, RedisStore, SealingKeys, Store};
use jamguard::{SessionId, Sessions, SessionsBuilder};
use redis::Server;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::arrivals::Arrivals;
use support::{Bar, Effort, Others, Pairs, Random, Table, labelled, median, now};
use tokio::runtime::{Builder, Runtime};

const ENTRIES: usize = 50_000;
const HOT: usize = 1_000;
const FEW: usize = 1_000;
/// Number of sessions created concurrently.
const AT_ONCE: usize = 256;
/// Maximum time to create a million sessions; fewer are created if it runs out.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(serde::Serialize, serde::Deserialize)]
struct Cart {
    items: Vec<String>,
}

fn cart() -> Cart {
    let items = ["green tea", "a cup", "honey"];
    Cart { items: items.map(str::to_owned).into() }
}

fn main() {
    let effort = Effort::from_args();
    let others = Others::watch();
    let table = Table::begin("jamguard, sessions");
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let world = World { runtime, effort };
    world.loads(&table, "", |sessions| sessions);
    world.loads(&table, ", encrypted", |sessions| sessions.encrypt(SealingKeys::new(&[1; 32])));
    world.million_in_redis(&table);
    world.million_in_a_file(&table);
    others.report(&table);
}

struct World {
    runtime: Runtime,
    effort: Effort,
}

/// Creates sessions of different users concurrently; returns evenly spread ids and the count.
async fn fill(sessions: &Sessions, count: usize, sample: usize) -> (Vec<SessionId>, usize) {
    let (next, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let every = count.div_ceil(sample);
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (sessions, next) = (sessions.clone(), next.clone());
            tokio::spawn(async move {
                let mut kept = Vec::new();
                while begun.elapsed() < LONGEST {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let user = format!("user{number}@example.com");
                    let id = sessions.create(Some(&user), &cart()).await.unwrap();
                    if number % every == 0 {
                        kept.push(id);
                    }
                }
                kept
            })
        })
        .collect();
    let mut kept = Vec::new();
    for task in tasks {
        kept.extend(task.await.unwrap());
    }
    (kept, next.load(Ordering::Relaxed).min(count))
}

fn texts(ids: &[SessionId]) -> Vec<String> {
    ids.iter().map(|id| id.expose().to_owned()).collect()
}

/// Loads a session as a request does: from a cookie's text to typed data.
fn load(runtime: &Runtime, sessions: &Sessions, text: &str) -> usize {
    let id = SessionId::parse(text).unwrap();
    let session = runtime.block_on(sessions.get::<Cart>(&id));
    session.unwrap().unwrap().items.len()
}

impl World {
    /// Row 9: loading a session through the near cache.
    fn loads(&self, table: &Table, what: &str, set: fn(SessionsBuilder) -> SessionsBuilder) {
        let server = Server::start();
        let redis = RedisStore::builder(&server.url()).build().unwrap();
        let near = CachedStore::builder(redis.clone()).max_bytes(1 << 30).build().unwrap();
        let set = |builder: SessionsBuilder| set(builder).cache_bytes(1 << 30).build().unwrap();
        let sessions = set(Sessions::builder(near));
        let (ids, _) = self.runtime.block_on(fill(&sessions, ENTRIES, ENTRIES));
        let ids = texts(&ids);
        let at_once = |text: &str| {
            let id = SessionId::parse(text).unwrap();
            let session = now(sessions.get::<Cart>(&id)).unwrap().unwrap();
            black_box(session.items.len());
        };
        // Waits until the near cache answers without waiting.
        self.runtime.block_on(redis::until("the session is cached", async || {
            let id = SessionId::parse(&ids[0]).unwrap();
            let _ = sessions.get::<Cart>(&id).await;
            let mut asked = std::pin::pin!(sessions.get::<Cart>(&id));
            std::future::poll_fn(|context| {
                std::task::Poll::Ready(asked.as_mut().poll(context).is_ready())
            })
            .await
        }));
        for id in &ids {
            load(&self.runtime, &sessions, id);
        }

        // The reference of row 1: one keyed hash of a token and one moka look-up by it. Only the
        // token's length matters, so these are as long as those in row 1.
        let tokens: Vec<String> = (0..ENTRIES).map(|n| format!("{n:0>847}")).collect();
        let hasher = foldhash::quality::RandomState::default();
        let cache = moka::sync::Cache::builder()
            .max_capacity(2 * ENTRIES as u64)
            .build_with_hasher(hasher.clone());
        for token in &tokens {
            cache.insert(token.clone(), Arc::new(token.len()));
        }
        cache.run_pending_tasks();
        let shuffled = Random(1).order(ids.len());
        let in_turn: Vec<usize> = (0..HOT).collect();
        let (rounds, count) = (self.effort.pick(101, 31), self.effort.pick(20_000, 8_000));
        for (pattern, order) in [
            ("one session", &[0][..]),
            ("1,000 in turn", &in_turn),
            ("50,000 at random", &shuffled),
        ] {
            let mut arrivals = Arrivals::new(&tokens, order);
            let reference = || {
                arrivals.nanos_each(count, |token| {
                    black_box(hasher.hash_one(token));
                    black_box(cache.get(token)).unwrap();
                })
            };
            let mut arrivals = Arrivals::new(&ids, order);
            let near = || arrivals.nanos_each(count, at_once);
            let pairs = Pairs::measure(rounds, reference, near);
            table.row(
                "9",
                &format!("load near{what}, {pattern}, against row 1's hash + moka"),
                (labelled("hash + moka", pairs.a()), labelled("load", pairs.b())),
                (pairs.ratio(), "x"),
                // Twice the target of row 1.
                Bar::AtMost(4.0),
            );
        }
        let far = set(Sessions::builder(redis));
        let mut next = 0;
        let mut trip = || {
            let times = (0..self.effort.pick(200, 50)).map(|_| {
                next += 1;
                let begun = Instant::now();
                load(&self.runtime, &far, &ids[next % ids.len()]);
                begun.elapsed().as_nanos() as f64
            });
            median(times.collect::<Vec<_>>())
        };
        let mut arrivals = Arrivals::new(&ids, &in_turn);
        let near = || arrivals.nanos_each(count, at_once);
        let pairs = Pairs::measure(self.effort.pick(51, 15), &mut trip, near);
        table.row(
            "9",
            &format!("load near{what}, 1,000 in turn, against a Redis round trip"),
            (labelled("redis", pairs.a()), labelled("near", pairs.b())),
            (pairs.speedup(), "x"),
            Bar::AtLeast(20.0),
        );
    }

    fn million_in_redis(&self, table: &Table) {
        let (few, many) = (Server::start(), Server::start());
        let sessions = |server: &Server| {
            let store = RedisStore::builder(&server.url()).build().unwrap();
            Sessions::builder(store).build().unwrap()
        };
        let empty = many.info("used_memory");
        let bytes = || many.info("used_memory") - empty;
        self.million(table, "Redis", (sessions(&few), sessions(&many)), &bytes);
    }

    fn million_in_a_file(&self, table: &Table) {
        let (few, many) = (Folder::new("bench-few"), Folder::new("bench-many"));
        let sessions = |folder: &Folder| {
            let store = FileStore::open(folder.store()).unwrap();
            Sessions::builder(Arc::new(store) as Arc<dyn Store>).build().unwrap()
        };
        let bytes = || std::fs::metadata(many.store()).unwrap().len();
        self.million(table, "a file", (sessions(&few), sessions(&many)), &bytes);
    }

    /// Row M: creation time, size, and a look-up among many against one among few.
    fn million(
        &self,
        table: &Table,
        place: &str,
        (few, many): (Sessions, Sessions),
        bytes: &dyn Fn() -> u64,
    ) {
        let count = self.effort.pick(1_000_000, 20_000);
        let (few_ids, _) = self.runtime.block_on(fill(&few, FEW, FEW));
        let begun = Instant::now();
        let (many_ids, made) = self.runtime.block_on(fill(&many, count, ENTRIES));
        let took = begun.elapsed();
        if made < count {
            table.note(&format!("{place}: only {made} of {count} in {LONGEST:?}"));
        }
        table.row(
            "M",
            &format!("{made} sessions in {place}, created {AT_ONCE} at a time"),
            (
                format!("all in {:.1} s", took.as_secs_f64()),
                labelled("one in", took.as_nanos() as f64 / made as f64),
            ),
            (made as f64 / took.as_secs_f64(), "/s"),
            Bar::Stated,
        );
        let bytes = bytes();
        table.row(
            "M",
            &format!("{made} sessions in {place}, one per user: size"),
            (
                format!("all {} MiB", bytes >> 20),
                format!("data {} bytes", serde_json::to_string(&cart()).unwrap().len()),
            ),
            (bytes as f64 / made as f64, "bytes"),
            Bar::Stated,
        );
        let orders = [few_ids.len(), many_ids.len()].map(|length| Random(7).order(length));
        let look_up =
            |sessions: &Sessions, ids: &[SessionId], order: &[usize], next: &mut usize| {
                let times = (0..self.effort.pick(500, 100)).map(|_| {
                    *next += 1;
                    let id = &ids[order[*next % order.len()]];
                    let begun = Instant::now();
                    let session = self.runtime.block_on(sessions.get::<Cart>(id));
                    black_box(session.unwrap().unwrap().items.len());
                    begun.elapsed().as_nanos() as f64
                });
                median(times.collect::<Vec<_>>())
            };
        let (mut at_few, mut at_many) = (0, 0);
        let pairs = Pairs::measure(
            self.effort.pick(101, 15),
            || look_up(&few, &few_ids, &orders[0], &mut at_few),
            || look_up(&many, &many_ids, &orders[1], &mut at_many),
        );
        table.row(
            "M",
            &format!("{place}: a look-up among {made} against one among {FEW}"),
            (labelled(&format!("of {FEW}"), pairs.a()), labelled("of all", pairs.b())),
            (pairs.ratio(), "x"),
            Bar::Stated,
        );
    }
}
