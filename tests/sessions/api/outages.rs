//! What happens to sessions when their store goes away: faults 13, 14 and 16 of `docs/faults.md`.

use crate::api::{Cart, cart, items, sessions};
use crate::support::load::Load;
use crate::support::proxy::Proxy;
use crate::support::redis::{Server, trackers, until};
use jamguard::store::{CachedStore, RedisStore, Store};
use jamguard::{Error, ErrorKind, NewSession, SessionId, Sessions};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The store's own 250 ms, and what a busy machine adds.
const WITHIN: Duration = Duration::from_millis(600);

fn redis(url: &str) -> RedisStore {
    RedisStore::builder(url).build().unwrap()
}

/// Every operation once: what it answered, and how long it took.
async fn everything(sessions: &Sessions, id: &SessionId) -> Vec<(Result<(), Error>, Duration)> {
    let mut answers = Vec::new();
    for operation in 0..9 {
        let begun = Instant::now();
        let answer = match operation {
            0 => sessions.get::<Cart>(id).await.map(drop),
            1 => sessions.create(Some("ann"), &cart(&[])).await.map(drop),
            2 => sessions.update(id, &cart(&[])).await,
            3 => sessions.modify(id, |_: &mut Cart| {}).await,
            4 => sessions.rotate_id(id).await.map(drop),
            5 => sessions.login(id, NewSession::of("ann")).await.map(drop),
            6 => sessions.end(id).await,
            7 => sessions.end_all("ann").await.map(drop),
            _ => sessions.devices("ann").await.map(drop),
        };
        answers.push((answer, begun.elapsed()));
    }
    answers
}

/// Fault 13.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_down_is_unavailable_in_time_and_loses_nothing() {
    for near in [false, true] {
        let mut server = Server::durable();
        let cached = CachedStore::new(redis(&server.url()));
        let store: Arc<dyn Store> = match near {
            true => Arc::new(cached.clone()),
            false => Arc::new(redis(&server.url())),
        };
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        let mut slowest = [Duration::ZERO; 2];
        for (silent, slowest) in slowest.iter_mut().enumerate() {
            until("it is remembered", async || {
                cached.get("probe").await.is_ok() && cached.peek("probe").is_some()
            })
            .await;
            match silent {
                0 => server.kill(),
                _ => server.pause(),
            }
            // What is remembered may be answered for as long as it is surely true.
            let kept =
                until("nothing is remembered", async || cached.peek("probe").is_none()).await;
            assert!(kept < Duration::from_millis(800), "{kept:?}");
            for (answer, took) in everything(&sessions, &id).await {
                assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable);
                *slowest = took.max(*slowest);
            }
            match silent {
                0 => server.run(),
                _ => server.resume(),
            }
            until("it is there again", async || {
                matches!(sessions.get::<Cart>(&id).await, Ok(Some(_)))
            })
            .await;
        }
        println!(
            "fault 13, {}: every operation unavailable, the slowest in {:?} with Redis down, in \
             {:?} with Redis silent; the session is there afterwards",
            if near { "near redis" } else { "redis" },
            slowest[0],
            slowest[1]
        );
        assert!(slowest.iter().all(|took| *took < WITHIN), "{slowest:?}");
        assert_eq!(items(&sessions, &id).await.unwrap(), ["tea"]);
        assert_eq!(sessions.count("ann").await.unwrap(), 1);
    }
}

/// What a writer was told: its session's id and what it put there last.
struct Told {
    id: SessionId,
    items: u64,
    /// Whether a write failed since: then it may have been done.
    unsure: bool,
}

/// Adds to the writer's last session, or begins another one.
async fn write(sessions: &Sessions, key: &str, told: &mut Vec<Told>) -> Result<(), Error> {
    match told.last_mut() {
        Some(last) if last.items < 3 && !last.unsure => {
            let add = |cart: &mut Cart| cart.items.push("tea".into());
            let answer = sessions.modify(&last.id, add).await;
            match &answer {
                Ok(()) => last.items += 1,
                Err(_) => last.unsure = true,
            }
            answer
        }
        _ => {
            let id = sessions.create(Some(key), &cart(&[])).await?;
            told.push(Told { id, items: 0, unsure: false });
            Ok(())
        }
    }
}

/// Fault 14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_restarted_under_load_loses_no_acknowledged_session() {
    let mut server = Server::durable();
    let sessions = sessions(Arc::new(CachedStore::new(redis(&server.url()))));
    let load = Arc::new(Load::default());
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let (sessions, load) = (sessions.clone(), load.clone());
        writers.spawn(async move {
            let mut told = Vec::<Told>::new();
            let key = format!("user {writer}");
            let mut rate = load.rate();
            while !load.is_stopped() {
                rate.tick().await;
                let answer = write(&sessions, &key, &mut told).await;
                load.count(&answer);
            }
            (key, told)
        });
    }
    let mut back = Vec::new();
    for _ in 0..3 {
        load.more_acknowledged(500).await;
        server.kill();
        load.more_refused(4_000).await;
        server.run();
        let again =
            until("sessions can be read again", async || sessions.devices("nobody").await.is_ok());
        back.push(again.await);
    }
    load.more_acknowledged(500).await;
    load.stop();
    let (mut acknowledged, mut writes, mut lost) = (0, 0, 0);
    while let Some(writer) = writers.join_next().await {
        let (key, told) = writer.unwrap();
        acknowledged += told.len();
        assert!(sessions.count(&key).await.unwrap() >= told.len() as u64);
        for told in told {
            writes += 1 + told.items;
            let found = items(&sessions, &told.id).await.map(|items| items.len() as u64);
            let more = told.items + u64::from(told.unsure);
            lost += usize::from(!found.is_some_and(|found| found == told.items || found == more));
        }
    }
    println!(
        "fault 14: 3 x kill -9 and restart under load: {acknowledged} sessions and {writes} writes \
         acknowledged, {} refused, {lost} lost; used again after {back:?}",
        load.refused()
    );
    assert_eq!(lost, 0);
    assert!(acknowledged > 30 && load.refused() > 0);
    assert!(back.iter().all(|after| *after < Duration::from_secs(1)));
}

/// Fault 16: only the connections that changes are told over are lost, and just then a session ends
/// in another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_elsewhere_is_never_remembered_for_long() {
    let server = Server::start();
    let proxy = Proxy::start(server.port).await;
    let near = CachedStore::new(redis(&format!("redis://127.0.0.1:{}", proxy.port)));
    let here = sessions(Arc::new(near.clone()));
    let elsewhere = sessions(Arc::new(redis(&server.url())));
    let mut worst = [Duration::ZERO; 2];
    for round in 0..20 {
        let silent = round % 2;
        let id = elsewhere.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        until("it is remembered", async || {
            let _ = near.get("probe").await;
            items(&here, &id).await.is_some() && near.peek("probe").is_some()
        })
        .await;
        match silent {
            0 => {
                for tracker in trackers(&server) {
                    server.command(&["CLIENT", "KILL", "ID", &tracker]);
                }
            }
            _ => proxy.silence_trackers(true),
        }
        elsewhere.end(&id).await.unwrap();
        let ended = Instant::now();
        until("it has ended here", async || matches!(here.get::<Cart>(&id).await, Ok(None))).await;
        worst[silent] = worst[silent].max(ended.elapsed());
        proxy.silence_trackers(false);
    }
    println!(
        "fault 16: a session that ended elsewhere was accepted for {:?} at most where the \
         invalidation connection was killed, for {:?} where it fell silent, N = 10 each",
        worst[0], worst[1]
    );
    assert!(worst.iter().all(|worst| *worst < Duration::from_secs(1)));
}
