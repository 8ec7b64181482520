//! Attack 27 of `docs/attacks.md`: what happens at the same moment.

use crate::api::{Cart, cart, items, on_every_store, on_every_store_and_a_slow_one, sessions};
use jamguard::{ErrorKind, NewSession, SessionId, Sessions};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// A logout among 1,000 saves that are all under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_among_a_thousand_saves_is_the_end() {
    const SAVES: usize = 1000;
    on_every_store(async |name, store| {
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
        let barrier = Arc::new(Barrier::new(SAVES + 1));
        let mut saves = JoinSet::new();
        for number in 0..SAVES {
            let (sessions, id, barrier) = (sessions.clone(), id.clone(), barrier.clone());
            saves.spawn(async move {
                let read = sessions.get::<Cart>(&id).await.unwrap().unwrap();
                barrier.wait().await;
                let data = cart(&[&number.to_string()]);
                match number % 3 {
                    0 => sessions.update(&id, &data).await,
                    _ => sessions.save(&read, &data).await.map(drop),
                }
                .map_err(|error| error.kind())
            });
        }
        barrier.wait().await;
        sessions.end(&id).await.unwrap();
        assert!(items(&sessions, &id).await.is_none(), "{name}");
        let (mut saved, mut refused) = (0, 0);
        while let Some(save) = saves.join_next().await {
            match save.unwrap() {
                Ok(()) => saved += 1,
                Err(ErrorKind::Conflict | ErrorKind::Revoked) => refused += 1,
                Err(kind) => panic!("{kind}"),
            }
        }
        let back = usize::from(items(&sessions, &id).await.is_some());
        println!(
            "attack 27, {name}: a logout among {SAVES} saves: {saved} saved before it, {refused} \
             refused, {back} sessions came back"
        );
        assert_eq!(back, 0);
        assert_eq!(sessions.count("ann").await.unwrap(), 0);
    })
    .await;
}

/// 1,000 sessions, each of them saved, read, given a new id and logged out at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_logouts_that_race_none_is_undone() {
    const RACES: usize = 1000;
    let overtaken = AtomicUsize::new(0);
    on_every_store(async |name, store| {
        let sessions = sessions(store);
        let mut races = JoinSet::new();
        let (mut back, mut saves, mut renamed) = (0, 0, 0);
        for number in 0..RACES {
            let sessions = sessions.clone();
            races.spawn(async move { race(&sessions, number).await });
            // The file store syncs writes that come at the same time at once.
            while races.len() >= 100 {
                let (came_back, saved, reworked) = races.join_next().await.unwrap().unwrap();
                back += came_back;
                saves += saved;
                renamed += reworked;
            }
        }
        while let Some(raced) = races.join_next().await {
            let (came_back, saved, reworked) = raced.unwrap();
            back += came_back;
            saves += saved;
            renamed += reworked;
        }
        println!(
            "attack 27, {name}: {RACES} logouts against saves and rotations: {saves} saves and \
             {renamed} rotations came before, {back} sessions came back"
        );
        assert_eq!(back, 0);
        overtaken.fetch_add(saves.min(renamed), Ordering::Relaxed);
    })
    .await;
    assert!(overtaken.into_inner() > 0, "nothing came before a logout");
}

/// How many sessions came back, how many saves and rotations succeeded.
async fn race(sessions: &Sessions, number: usize) -> (usize, usize, usize) {
    let key = format!("user {number}");
    let id = sessions.create(Some(&key), &cart(&[])).await.unwrap();
    let read = sessions.get::<Cart>(&id).await.unwrap().unwrap();
    let saves = [(); 2].map(|()| {
        let (sessions, id) = (sessions.clone(), id.clone());
        tokio::spawn(async move {
            let add = |cart: &mut Cart| cart.items.push("tea".into());
            sessions.modify(&id, add).await.is_ok()
        })
    });
    let rework = {
        let (sessions, id) = (sessions.clone(), id.clone());
        tokio::spawn(async move { sessions.rotate_id(&id).await.ok() })
    };
    let logout = {
        let (sessions, id) = (sessions.clone(), id.clone());
        // Some wait for the others to be on their way.
        for _ in 0..number % 7 {
            tokio::task::yield_now().await;
        }
        tokio::spawn(async move {
            // A dead id may not log out; one that was alive when this began does, whatever happens.
            let alive = sessions.get::<Cart>(&id).await.unwrap().is_some();
            sessions.end(&id).await.unwrap();
            alive
        })
    };
    logout.await.unwrap();
    let mut saved = usize::from(sessions.save(&read, &cart(&["milk"])).await.is_ok());
    assert_eq!(saved, 0);
    let new = rework.await.unwrap();
    for save in saves {
        saved += usize::from(save.await.unwrap());
    }
    let mut back = usize::from(items(sessions, &id).await.is_some());
    let reworked = usize::from(new.is_some());
    if let Some(new) = new {
        // It may have come out before the logout began: then that met a dead id, as if the user had
        // clicked it in an old tab.
        sessions.end(&new).await.unwrap();
        back += usize::from(items(sessions, &new).await.is_some());
    }
    (back + sessions.count(&key).await.unwrap() as usize, saved, reworked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_parallel_writers_every_write_is_kept() {
    const WRITERS: usize = 100;
    on_every_store(async |name, store| {
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
        let barrier = Arc::new(Barrier::new(WRITERS));
        let mut writers = JoinSet::new();
        for number in 0..WRITERS {
            let (sessions, id, barrier) = (sessions.clone(), id.clone(), barrier.clone());
            writers.spawn(async move {
                barrier.wait().await;
                let add = |cart: &mut Cart| {
                    cart.items.push(number.to_string());
                    cart.items.len()
                };
                sessions.modify(&id, add).await.unwrap()
            });
        }
        let begun = std::time::Instant::now();
        let places: BTreeSet<usize> = writers.join_all().await.into_iter().collect();
        let took = begun.elapsed();
        let kept: BTreeSet<String> = items(&sessions, &id).await.unwrap().into_iter().collect();
        let lost = WRITERS - kept.len();
        println!(
            "attack 27, {name}: {WRITERS} parallel writers of one session, {lost} writes lost, \
             {:.0} ms",
            took.as_secs_f64() * 1e3
        );
        assert_eq!((lost, places.len()), (0, WRITERS));
    })
    .await;
}

/// Of many rotations of one id at the same time one wins, and the others are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_parallel_rotations_one_wins() {
    on_every_store(async |name, store| {
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        let mut rotations = JoinSet::new();
        for _ in 0..100 {
            let (sessions, id) = (sessions.clone(), id.clone());
            rotations.spawn(async move { sessions.rotate_id(&id).await });
        }
        let mut won = Vec::new();
        for answer in rotations.join_all().await {
            match answer {
                Ok(id) => won.push(id),
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Revoked),
                    "{name}: {error}"
                ),
            }
        }
        assert_eq!(won.len(), 1, "{name}");
        assert_eq!(items(&sessions, &won[0]).await.unwrap(), ["tea"]);
        assert!(items(&sessions, &id).await.is_none());
        assert_eq!(sessions.count("ann").await.unwrap(), 1);
    })
    .await;
}

/// Of one id to the next, as fast as it goes, until it ends or that is enough. The last id, and how
/// many there were.
async fn rotate_until_ended(
    sessions: Sessions,
    mut id: SessionId,
    enough: Arc<AtomicBool>,
) -> (SessionId, usize) {
    let mut rotations = 0;
    while !enough.load(Ordering::Relaxed) {
        match sessions.rotate_id(&id).await {
            Ok(next) => {
                id = next;
                rotations += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Revoked, "{error}");
                break;
            }
        }
    }
    (id, rotations)
}

/// Sessions that get a new id again and again, all the time while their user logs out everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logout_everywhere_ends_sessions_that_are_just_rotated() {
    const SESSIONS: usize = 20;
    const ROUNDS: usize = 50;
    on_every_store_and_a_slow_one(async |name, store| {
        let sessions = sessions(store);
        let (mut rotations, mut survived, mut most) = (0, 0, 0);
        for _ in 0..ROUNDS {
            let mut rotating = JoinSet::new();
            let enough = Arc::new(AtomicBool::new(false));
            for _ in 0..SESSIONS {
                let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
                rotating.spawn(rotate_until_ended(sessions.clone(), id, enough.clone()));
            }
            tokio::task::yield_now().await;
            let ended = sessions.end_all("ann").await.unwrap();
            // Not one of them, from here on.
            survived += sessions.count("ann").await.unwrap();
            most = most.max(ended);
            enough.store(true, Ordering::Relaxed);
            for (id, rotated) in rotating.join_all().await {
                rotations += rotated;
                survived += u64::from(items(&sessions, &id).await.is_some());
            }
        }
        println!(
            "logout everywhere, {name}: {} sessions through {rotations} rotations, {survived} \
             survived",
            SESSIONS * ROUNDS
        );
        assert_eq!(survived, 0);
        assert!(most > 0);
    })
    .await;
}

/// 1,000 logins while their user logs out everywhere: one that was answered before has ended; the
/// others come out whole, before or after.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logout_everywhere_among_a_thousand_logins() {
    const LOGINS: usize = 1000;
    on_every_store_and_a_slow_one(async |name, store| {
        let sessions = sessions(store);
        let mut logins = JoinSet::new();
        for _ in 0..LOGINS {
            let sessions = sessions.clone();
            logins.spawn(async move {
                let guest = sessions.create(None, &cart(&["tea"])).await.unwrap();
                (sessions.login(&guest, NewSession::of("ann")).await, guest)
            });
        }
        let mut before = Vec::new();
        while before.len() < LOGINS / 2 {
            before.push(logins.join_next().await.unwrap().unwrap());
        }
        sessions.end_all("ann").await.unwrap();
        let mut survived = 0;
        for (id, guest) in &before {
            // Here and there the logout came between the steps of a login.
            if let Ok(id) = id {
                survived += usize::from(items(&sessions, id).await.is_some());
            }
            assert!(items(&sessions, guest).await.is_none());
        }
        let (mut whole, mut ended) = (0, 0);
        for (id, guest) in logins.join_all().await {
            assert!(items(&sessions, &guest).await.is_none());
            match id {
                Ok(id) if items(&sessions, &id).await.is_some() => whole += 1,
                _ => ended += 1,
            }
        }
        println!(
            "logout everywhere, {name}: among {LOGINS} logins: of {} answered before {survived} \
             survived; of those under way {whole} came after, {ended} before",
            before.len()
        );
        assert_eq!(survived, 0);
        assert_eq!(sessions.count("ann").await.unwrap(), whole);
        assert_eq!(sessions.end_all("ann").await.unwrap(), whole);
        assert_eq!(sessions.count("ann").await.unwrap(), 0);
    })
    .await;
}
