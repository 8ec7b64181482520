//! Sessions: compare-and-set writes, logout and id rotation, in every order of their store operations.
//!
//! Two operations of the library run as tasks over a store that waits once before each operation. At each
//! step either task may continue; all choices are explored, without a bound.

use jamguard::store::{NewRecord, Record, Store, StoreFuture};
use jamguard::testing::ManualClock;
use jamguard::{Error, SessionId, Sessions};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A store in memory, at whose operations another task may continue.
#[derive(Default)]
struct Shelf(Mutex<(HashMap<String, Item>, u64)>);

struct Item {
    value: Vec<u8>,
    version: u64,
    owner: Option<String>,
}

impl Item {
    fn record(&self) -> Record {
        Record::new(&*self.value, self.version)
    }
}

impl Shelf {
    fn with<'a, T: Send + 'a>(
        &'a self,
        act: impl FnOnce(&mut HashMap<String, Item>, &mut u64) -> T + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let mut waited = false;
            poll_fn(|_| match std::mem::replace(&mut waited, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            let mut locked = self.0.lock().unwrap();
            let (items, version) = &mut *locked;
            Ok(act(items, version))
        })
    }
}

impl Store for Shelf {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.with(move |items, _| items.get(key).map(Item::record))
    }

    fn insert<'a>(&'a self, key: &'a str, new: NewRecord) -> StoreFuture<'a, Option<u64>> {
        self.with(move |items, version| {
            if items.contains_key(key) {
                return None;
            }
            *version += 1;
            let NewRecord { value, owner, .. } = new;
            items.insert(key.to_owned(), Item { value, version: *version, owner });
            Some(*version)
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        old: u64,
        value: Vec<u8>,
        _: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        self.with(move |items, version| {
            let item = items.get_mut(key).filter(|item| item.version == old)?;
            *version += 1;
            (item.value, item.version) = (value, *version);
            Some(*version)
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        self.with(move |items, _| items.remove(key).is_some())
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.with(move |items, _| {
            let theirs = items.iter().filter(|(_, item)| item.owner.as_deref() == Some(owner));
            theirs.map(|(key, item)| (key.clone(), item.record())).collect()
        })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        self.with(move |items, _| {
            let before = items.len();
            items.retain(|_, item| item.owner.as_deref() != Some(owner));
            (before - items.len()) as u64
        })
    }
}

/// Runs a future alone.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = poll(future.as_mut()) {
            return value;
        }
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A user's session, whose data is a number.
fn session() -> (Sessions, SessionId) {
    let clock = ManualClock::at(1_767_225_600);
    let sessions = Sessions::builder(Shelf::default()).clock(clock).build().unwrap();
    let id = now(sessions.create(Some("ann"), &0_u64)).unwrap();
    (sessions, id)
}

/// Runs both operations on a new session, once in each order of their steps, and checks the end of each.
fn in_every_order<A, B>(
    first: impl AsyncFn(&Sessions, &SessionId) -> A,
    second: impl AsyncFn(&Sessions, &SessionId) -> B,
    check: impl Fn(&Sessions, &SessionId, A, B),
) {
    // Which task continued at each step where both could; `false` is the first.
    let mut choices: Vec<bool> = Vec::new();
    let mut orders = 0;
    loop {
        let (sessions, id) = session();
        let (mut of_first, mut of_second) = (None, None);
        let mut step = 0;
        {
            let mut first = pin!(first(&sessions, &id));
            let mut second = pin!(second(&sessions, &id));
            while of_first.is_none() || of_second.is_none() {
                let second_continues = match (&of_first, &of_second) {
                    (Some(_), _) => true,
                    (_, Some(_)) => false,
                    _ => {
                        if step == choices.len() {
                            choices.push(false);
                        }
                        step += 1;
                        choices[step - 1]
                    }
                };
                match second_continues {
                    false => of_first = ready(poll(first.as_mut())),
                    true => of_second = ready(poll(second.as_mut())),
                }
            }
        }
        choices.truncate(step);
        check(&sessions, &id, of_first.unwrap(), of_second.unwrap());
        orders += 1;
        // The last choice that can be made otherwise.
        while choices.pop_if(|second| *second).is_some() {}
        match choices.last_mut() {
            Some(last) => *last = true,
            None => break,
        }
    }
    println!("{orders} orders");
    assert!(orders > 10, "the operations do not interleave");
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

async fn rotate(sessions: &Sessions, id: &SessionId) -> Result<SessionId, Error> {
    sessions.rotate_id(id).await
}

async fn add(sessions: &Sessions, id: &SessionId) -> bool {
    sessions.modify(id, |number: &mut u64| *number += 1).await.is_ok()
}

async fn end(sessions: &Sessions, id: &SessionId) {
    sessions.end(id).await.unwrap();
}

async fn end_all(sessions: &Sessions, _: &SessionId) {
    sessions.end_all("ann").await.unwrap();
}

/// Returns the data of a session, if it lives.
fn data(sessions: &Sessions, id: &SessionId) -> Option<u64> {
    now(sessions.get::<u64>(id)).unwrap().map(|session| *session)
}

fn living(sessions: &Sessions) -> u64 {
    now(sessions.count("ann")).unwrap()
}

fn is_over(sessions: &Sessions, id: &SessionId, rotated: Result<SessionId, Error>) {
    assert_eq!(data(sessions, id), None);
    if let Ok(new) = rotated {
        assert_eq!(data(sessions, &new), None);
    }
    assert_eq!(living(sessions), 0);
}

/// Either it ends the session, under whichever id, or the session had moved before it read the old id,
/// which ends nothing then.
#[test]
fn a_logout_beside_a_rotation_has_an_order_and_leaves_no_old_id() {
    in_every_order(rotate, end, |sessions, id, rotated, ()| {
        assert_eq!(data(sessions, id), None);
        let lives = rotated.is_ok_and(|new| data(sessions, &new).is_some());
        assert_eq!(living(sessions), u64::from(lives));
    });
}

#[test]
fn a_logout_everywhere_ends_a_session_that_gets_another_id_meanwhile() {
    in_every_order(rotate, end_all, |sessions, id, rotated, ()| is_over(sessions, id, rotated));
}

#[test]
fn a_save_does_not_bring_an_ended_session_back() {
    in_every_order(add, end, |sessions, id, _, ()| {
        assert_eq!(data(sessions, id), None);
        assert_eq!(living(sessions), 0);
    });
}

#[test]
fn of_two_rotations_one_succeeds_and_its_id_alone_is_valid() {
    in_every_order(rotate, rotate, |sessions, id, one, other| {
        let new: Vec<_> = [one, other].into_iter().flatten().collect();
        assert!(!new.is_empty());
        let valid = new.iter().filter(|new| data(sessions, new) == Some(0)).count();
        assert_eq!((valid, new.len(), living(sessions)), (1, 1, 1));
        assert_eq!(data(sessions, id), None);
    });
}

#[test]
fn a_save_is_kept_by_a_rotation_or_refused() {
    in_every_order(add, rotate, |sessions, id, is_saved, rotated| {
        assert_eq!(data(sessions, &rotated.unwrap()), Some(u64::from(is_saved)));
        assert_eq!(data(sessions, id), None);
    });
}

#[test]
fn of_concurrent_changes_none_is_lost() {
    in_every_order(add, add, |sessions, id, one, other| {
        assert!(one && other);
        assert_eq!(data(sessions, id), Some(2));
    });
}
