//! When sessions end by themselves: to the second, by the clock that was given.

use crate::api::{Cart, NOW, World, cart, items, on_every_store};
use crate::support::failing::Failing;
use jamguard::store::{MemoryStore, NewRecord, Store};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, NewSession, Sessions, SessionsBuilder};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

const SECOND: Duration = Duration::from_secs(1);

fn short(store: Arc<dyn Store>, clock: &ManualClock) -> SessionsBuilder {
    Sessions::builder(store)
        .clock(clock.clone())
        .idle_timeout(600 * SECOND)
        .absolute_timeout(3600 * SECOND)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_timeouts_to_the_second() {
    on_every_store(async |_, store| {
        let clock = ManualClock::at(NOW);
        let sessions = short(store, &clock).build().unwrap();
        let unused = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
        let used = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
        clock.advance(599 * SECOND);
        assert!(items(&sessions, &used).await.is_some());
        let session = sessions.get::<Cart>(&used).await.unwrap().unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(NOW + seconds);
        assert_eq!(session.last_seen(), at(599));
        assert_eq!((session.created_at(), session.expires_at()), (at(0), at(1199)));
        assert_eq!(sessions.count("ann").await.unwrap(), 2);
        clock.advance(SECOND);
        // Gone from everything at once, but for `count`, which goes by the store's clock.
        assert!(items(&sessions, &unused).await.is_none());
        assert_eq!(sessions.devices("ann").await.unwrap().len(), 1);
        for refused in [
            sessions.update(&unused, &cart(&[])).await,
            sessions.rotate_id(&unused).await.map(drop),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Revoked);
        }
        sessions.end(&unused).await.unwrap();
        // Used until the absolute timeout, whatever is done to it.
        let mut id = used;
        for _ in 0..5 {
            clock.advance(500 * SECOND);
            sessions.update(&id, &cart(&["tea"])).await.unwrap();
            id = sessions.rotate_id(&id).await.unwrap();
        }
        clock.advance(499 * SECOND);
        let session = sessions.get::<Cart>(&id).await.unwrap().unwrap();
        assert_eq!(session.expires_at(), at(3600));
        clock.advance(SECOND);
        assert!(items(&sessions, &id).await.is_none());
        assert!(sessions.devices("ann").await.unwrap().is_empty());
    })
    .await;
}

/// A request that was slow saves nothing into a session whose time was over meanwhile.
#[tokio::test]
async fn a_save_gives_an_expired_session_no_more_time() {
    let clock = ManualClock::at(NOW);
    // Whose store has no clock that expires it.
    let sessions = short(Arc::new(MemoryStore::new()), &clock).build().unwrap();
    let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    let read = sessions.get::<Cart>(&id).await.unwrap().unwrap();
    clock.advance(600 * SECOND);
    let refused = sessions.save(&read, &cart(&["tea"])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Expired);
    assert!(items(&sessions, &id).await.is_none());
}

#[tokio::test]
async fn a_login_begins_both_timeouts_anew() {
    let clock = ManualClock::at(NOW);
    let sessions = short(Arc::new(MemoryStore::new()), &clock).build().unwrap();
    let mut id = sessions.create(None, &cart(&[])).await.unwrap();
    for _ in 0..6 {
        clock.advance(599 * SECOND);
        assert!(items(&sessions, &id).await.is_some());
    }
    // 3,594 s of 3,600.
    id = sessions.login(&id, NewSession::of("ann")).await.unwrap();
    for _ in 0..6 {
        clock.advance(599 * SECOND);
        assert!(items(&sessions, &id).await.is_some());
    }
    clock.advance(6 * SECOND);
    assert!(items(&sessions, &id).await.is_none());
}

/// Counts what is written.
#[tokio::test]
async fn a_use_is_written_down_once_an_interval() {
    let clock = ManualClock::at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let sessions = Sessions::builder(store.clone()).clock(clock.clone());
    let sessions = sessions.touch_every(60 * SECOND).build().unwrap();
    let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    let version = async || {
        let probe = store.insert(&clock_key(), NewRecord::new(*b"")).await;
        store.remove(&clock_key()).await.unwrap();
        probe.unwrap().unwrap()
    };
    let mut before = version().await;
    let mut writes = Vec::new();
    for _ in 0..360 {
        clock.advance(SECOND);
        assert!(items(&sessions, &id).await.is_some());
        let after = version().await;
        writes.push(after - before - 1);
        before = after;
    }
    assert_eq!(writes.iter().sum::<u64>(), 6);
    for (second, writes) in writes.iter().enumerate() {
        assert_eq!(*writes, u64::from((second + 1) % 60 == 0), "{second}");
    }
}

/// The memory store's versions count its writes.
fn clock_key() -> String {
    "a probe".to_owned()
}

/// A use that was not written down makes it end early, never late.
#[tokio::test]
async fn idle_is_never_exceeded() {
    let clock = ManualClock::at(NOW);
    let sessions = short(Arc::new(MemoryStore::new()), &clock).build().unwrap();
    let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    // Not written: a minute is the interval.
    clock.advance(59 * SECOND);
    assert!(items(&sessions, &id).await.is_some());
    clock.advance(541 * SECOND);
    assert!(items(&sessions, &id).await.is_none());
}

#[tokio::test]
async fn a_use_that_cannot_be_written_down_is_answered() {
    let clock = ManualClock::at(NOW);
    let store = Arc::new(Failing::of(MemoryStore::new()));
    let sessions = short(store.clone(), &clock).build().unwrap();
    let id = sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap();
    clock.advance(300 * SECOND);
    *store.read_only.lock().unwrap() = true;
    assert_eq!(items(&sessions, &id).await.unwrap(), ["tea"]);
    clock.advance(300 * SECOND);
    assert!(items(&sessions, &id).await.is_none());
}

/// The wall clock decides: where it is set back, a session lives on, by its whole life at most.
#[tokio::test]
async fn the_wall_clock_decides() {
    let world = World::new();
    let id = world.sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    world.clock.set_wall(NOW + 86_400);
    assert!(items(&world.sessions, &id).await.is_none());
    world.clock.set_wall(NOW + 86_399);
    assert!(items(&world.sessions, &id).await.is_some());
    world.clock.set_wall(NOW - 3600);
    assert!(items(&world.sessions, &id).await.is_some());
}

/// The store frees what expired by itself.
#[tokio::test]
async fn the_store_is_told_when_a_session_ends() {
    let world = World::new();
    for _ in 0..10 {
        world.sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    }
    world.after(86_399);
    assert_eq!(world.store.purge().await.unwrap(), 0);
    world.after(1);
    assert_eq!(world.store.purge().await.unwrap(), 10);
}

/// With other settings after a restart, sessions from before end by those.
#[tokio::test]
async fn shorter_timeouts_hold_for_sessions_from_before() {
    let clock = ManualClock::at(NOW);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let id = short(store.clone(), &clock).build().unwrap();
    let id = id.create(Some("ann"), &cart(&[])).await.unwrap();
    let shorter = short(store, &clock).idle_timeout(60 * SECOND);
    let shorter = shorter.build().unwrap();
    clock.advance(59 * SECOND);
    assert_eq!(shorter.devices("ann").await.unwrap().len(), 1);
    clock.advance(SECOND);
    assert_eq!(shorter.devices("ann").await.unwrap().len(), 0);
    // The count reads no session, so it goes by the timeouts of the last write.
    assert_eq!(shorter.count("ann").await.unwrap(), 1);
    assert!(items(&shorter, &id).await.is_none());
}
