//! A rotation that is broken off at each of its steps leaves exactly one usable id.

use crate::api::{Cart, cart, items, on_every_store};
use crate::support::failing::{Failing, Fate};
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, NewSession, SessionId, Sessions};
use std::sync::Arc;
use std::time::Duration;

/// Insert, replace the old, replace the new, replace the old again.
const STEPS: usize = 4;
/// The write that decides.
const DECIDES: usize = 1;

struct World {
    clock: ManualClock,
    store: Arc<Failing>,
    sessions: Sessions,
    /// Another process over the same store.
    other: Sessions,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(crate::api::NOW);
        let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        Self::over(Arc::new(records), clock)
    }

    fn over(records: Arc<dyn Store>, clock: ManualClock) -> Self {
        let store = Arc::new(Failing::of(records.clone()));
        let build = |builder: jamguard::SessionsBuilder| builder.clock(clock.clone()).build();
        Self {
            sessions: build(Sessions::builder(store.clone())).unwrap(),
            other: build(Sessions::builder(records)).unwrap(),
            store,
            clock,
        }
    }

    async fn create(&self) -> SessionId {
        let create = self.sessions.create(Some("ann"), &cart(&["tea"])).await;
        create.unwrap()
    }

    /// The rotation, or `None` where it never ends.
    async fn rework(&self, id: &SessionId) -> Option<Result<SessionId, ErrorKind>> {
        tokio::select! {
            answer = self.sessions.rotate_id(id) => Some(answer.map_err(|error| error.kind())),
            () = self.store.death() => None,
        }
    }

    /// How many ids have the session: the old one, and any other.
    async fn usable(&self, old: &SessionId) -> (usize, usize) {
        let old = usize::from(items(&self.other, old).await.is_some());
        let all = self.other.devices("ann").await.unwrap().len();
        (old, all - old)
    }
}

/// Each step, each way to break off, seen before and after others read what was left.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_or_a_failure_at_any_step_leaves_exactly_one_usable_id() {
    on_every_store(async |name, records| {
        let (mut cases, mut with_old, mut with_new) = (0, 0, 0);
        for fate in [
            Fate::Dies,
            Fate::DoneAndDies,
            Fate::Fails,
            Fate::DoneButFails,
        ] {
            for lasting in [false, true] {
                for step in 0..STEPS {
                    let world = World::over(records.clone(), ManualClock::at(crate::api::NOW));
                    let usable = break_off(&world, step, fate, lasting).await;
                    cases += 1;
                    with_old += usable.0;
                    with_new += usable.1;
                }
            }
        }
        println!(
            "rotation broken off, {name}: {cases} cases, {with_old} left the old id, {with_new} the \
             new one, 0 both, 0 none"
        );
    })
    .await;
}

/// One of them; how many old and new ids have the session.
async fn break_off(world: &World, step: usize, fate: Fate, lasting: bool) -> (usize, usize) {
    let old = world.create().await;
    world.store.after(step, fate, lasting);
    let answer = world.rework(&old).await;
    assert!(world.store.came(), "{fate:?} at {step} never came");
    world.store.heal();
    let usable = world.usable(&old).await;
    assert_eq!(usable.0 + usable.1, 1, "{fate:?} at {step}, lasting {lasting}");
    // The second write decides.
    let decided = match fate {
        Fate::Dies | Fate::Fails => step > DECIDES,
        Fate::DoneAndDies | Fate::DoneButFails => step >= DECIDES,
    };
    assert_eq!(usable.1 == 1, decided, "{fate:?} at {step}");
    if let Some(Ok(new)) = &answer {
        assert_eq!(items(&world.other, new).await.unwrap(), ["tea"]);
        assert_eq!(items(&world.other, &old).await, None);
    }
    // Who lives is told the new id wherever it has the session.
    match fate {
        Fate::Dies | Fate::DoneAndDies => assert!(answer.is_none()),
        Fate::Fails | Fate::DoneButFails => {
            assert_eq!(answer.unwrap().is_ok(), decided, "{fate:?} at {step}");
        }
    }
    // Whoever has it can go on: the next rotation, a save, the logout everywhere.
    if usable.0 == 1 {
        let next = world.sessions.rotate_id(&old).await.unwrap();
        assert_eq!(items(&world.other, &next).await.unwrap(), ["tea"]);
        assert_eq!(world.usable(&old).await, (0, 1));
    }
    assert_eq!(world.sessions.end_all("ann").await.unwrap(), 1);
    assert_eq!(world.usable(&old).await, (0, 0));
    usable
}

/// A new id that was answered, although what followed the deciding step failed, works for as long
/// as any: whoever meets it finishes the rotation.
#[tokio::test]
async fn whoever_meets_a_half_done_rotation_finishes_it() {
    for idle in [false, true] {
        let world = World::new();
        let old = world.create().await;
        world.store.after(2, Fate::Fails, true);
        let new = world.rework(&old).await.unwrap().unwrap();
        // The store takes no write: it is read all the same.
        *world.store.read_only.lock().unwrap() = true;
        assert_eq!(items(&world.sessions, &new).await.unwrap(), ["tea"]);
        world.store.heal();
        // Long after, but before it ends.
        world.clock.advance(Duration::from_secs(if idle { 86_399 } else { 3600 }));
        assert_eq!(items(&world.other, &old).await, None);
        assert_eq!(items(&world.other, &new).await.unwrap(), ["tea"]);
        // It is one like any other now, and goes on living when the old record is gone.
        world.clock.advance(Duration::from_secs(86_399));
        assert_eq!(items(&world.sessions, &new).await.unwrap(), ["tea"]);
        world.sessions.update(&new, &cart(&["milk"])).await.unwrap();
        assert_eq!(items(&world.other, &new).await.unwrap(), ["milk"]);
    }
}

/// Changes can be made to a session that is still pending, and it can end.
#[tokio::test]
async fn a_half_done_rotation_is_saved_to_and_ended_like_any_other() {
    for act in 0..4 {
        let world = World::new();
        let old = world.sessions.create(None, &cart(&["tea"])).await.unwrap();
        world.store.after(2, Fate::Fails, true);
        let login = world.sessions.login(&old, NewSession::of("ann"));
        let new = login.await.unwrap();
        world.store.heal();
        match act {
            0 => {
                let add = |cart: &mut Cart| cart.items.push("milk".into());
                world.other.modify(&new, add).await.unwrap();
                assert_eq!(items(&world.sessions, &new).await.unwrap(), ["tea", "milk"]);
                continue;
            }
            1 => world.other.end(&new).await.unwrap(),
            2 => assert_eq!(world.other.end_all("ann").await.unwrap(), 1),
            _ => {
                let handle = world.other.devices("ann").await.unwrap()[0].handle().to_owned();
                assert!(world.other.end_device("ann", &handle).await.unwrap());
            }
        }
        assert_eq!(items(&world.sessions, &new).await, None);
        assert_eq!(items(&world.sessions, &old).await, None);
    }
}

/// What a failed login leaves behind is nobody's session.
#[tokio::test]
async fn a_login_that_failed_is_in_no_list() {
    let world = World::new();
    let guest = world.sessions.create(None, &cart(&["tea"])).await.unwrap();
    world.store.after(1, Fate::Fails, true);
    let refused = world.sessions.login(&guest, NewSession::of("ann")).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
    world.store.heal();
    assert_eq!(world.other.count("ann").await.unwrap(), 0);
    assert_eq!(items(&world.other, &guest).await.unwrap(), ["tea"]);
    let id = world.sessions.login(&guest, NewSession::of("ann")).await.unwrap();
    assert_eq!(world.other.count("ann").await.unwrap(), 1);
    assert_eq!(items(&world.other, &id).await.unwrap(), ["tea"]);
}
