//! Invalidation of the copies of a near cache: a copy is never older than the last change that was told.

use crate::core::sync::{Mutex, lock};
use crate::explore;
use crate::freshness::{Freshness, Turn};
use loom::sync::Arc;
use loom::thread;

/// Enough for three threads with at most five steps each.
const PREEMPTIONS: usize = 4;
const KEY: u64 = 0;

/// A store of one record, and a copy of it with its epoch.
struct World {
    freshness: Freshness<1>,
    store: Mutex<u64>,
    copy: Mutex<Option<(u64, u64)>>,
}

impl World {
    fn new() -> Arc<Self> {
        let world =
            Self { freshness: Freshness::new(), store: Mutex::new(0), copy: Mutex::new(None) };
        world.freshness.change_all(Turn::Live);
        Arc::new(world)
    }

    /// Reads through the cache, as `CachedStore::get` does.
    fn get(&self) -> u64 {
        if let Some(known) = self.peek() {
            return known;
        }
        let asked = self.freshness.ask(KEY);
        let value = *lock(&self.store);
        if let Some(asked) = asked {
            let insert = || *lock(&self.copy) = Some((value, asked.epoch));
            self.freshness.remember(KEY, &asked, insert);
        }
        value
    }

    fn peek(&self) -> Option<u64> {
        let (value, epoch) = (*lock(&self.copy))?;
        self.freshness.is_current(epoch).then_some(value)
    }

    fn write(&self, value: u64) {
        *lock(&self.store) = value;
        self.freshness.change(KEY, || *lock(&self.copy) = None);
    }

    fn told(&self, turn: Turn) {
        self.freshness.change_all(turn);
        *lock(&self.copy) = None;
    }
}

fn spawn(world: &Arc<World>, run: impl Fn(&World) + 'static) -> thread::JoinHandle<()> {
    let world = world.clone();
    thread::spawn(move || run(&world))
}

#[test]
fn after_a_write_no_reader_sees_the_old_record() {
    explore(PREEMPTIONS, || {
        let world = World::new();
        let readers = [0, 1].map(|_| {
            spawn(&world, |world| {
                world.get();
            })
        });
        world.write(1);
        assert_eq!(world.get(), 1);
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(world.get(), 1);
    });
}

#[test]
fn of_two_writes_the_later_is_seen() {
    explore(PREEMPTIONS, || {
        let world = World::new();
        let reader = spawn(&world, |world| {
            world.get();
        });
        let writer = spawn(&world, |world| world.write(1));
        writer.join().unwrap();
        world.write(2);
        assert_eq!(world.get(), 2);
        reader.join().unwrap();
        assert_eq!(world.get(), 2);
    });
}

/// A change of records that are not named, such as all of one owner in a store that does not list them.
#[test]
fn after_a_change_of_everything_no_copy_from_before_is_used() {
    // A store may tell of a new connection without having told that it lost the old one.
    for turn in [Turn::Changed, Turn::Live] {
        explore(PREEMPTIONS, move || {
            let world = World::new();
            let reader = spawn(&world, |world| {
                world.get();
            });
            *lock(&world.store) = 1;
            world.told(turn);
            assert_eq!(world.get(), 1);
            reader.join().unwrap();
            assert_eq!(world.get(), 1);
        });
    }
}

/// Another process writes, and nothing tells of it.
#[test]
fn while_changes_are_not_learned_nothing_is_cached_and_afterwards_nothing_of_that_time() {
    explore(PREEMPTIONS, || {
        let world = World::new();
        let reader = spawn(&world, |world| {
            world.get();
        });
        world.told(Turn::Lost);
        assert_eq!(world.peek(), None);
        *lock(&world.store) = 1;
        assert_eq!(world.get(), 1);
        world.told(Turn::Live);
        assert_eq!(world.get(), 1);
        reader.join().unwrap();
        assert_eq!(world.get(), 1);
    });
}
