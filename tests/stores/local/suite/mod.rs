//! The acceptance suite for stores: green on ours, and red, by the right name, on each store that
//! breaks one promise.

mod broken;
mod faults;

use broken::Broken;
use faults::{FAULTS, Fault};
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::{ManualClock, store_suite};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_store_keeps_every_promise() {
    let store = MemoryStore::new();
    store_suite(async || store.clone(), tokio::time::sleep).await;
    // Not empty any more, by another clock, behind a trait object.
    let clock = ManualClock::at(1_700_000_000);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let shared: std::sync::Arc<dyn Store> = std::sync::Arc::new(store);
    for _ in 0..2 {
        store_suite(async || shared.clone(), async |time| clock.advance(time)).await;
    }
}

#[tokio::test]
async fn one_thread_is_enough() {
    let clock = ManualClock::at(1_700_000_000);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    store_suite(async || store.clone(), async |time| clock.advance(time)).await;
}

/// What the suite says of a store with a fault.
fn verdict(fault: Fault) -> String {
    let run = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let clock = ManualClock::at(1_700_000_000);
            let sound = MemoryStore::builder().clock(clock.clone()).build().unwrap();
            let pass = async |time: Duration| clock.advance(time);
            store_suite(async || Broken::new(sound.clone(), fault), pass).await;
        });
    });
    match run.join() {
        Ok(()) => "no broken promise".to_owned(),
        Err(panic) => *panic.downcast::<String>().unwrap(),
    }
}

#[test]
fn the_wrapper_itself_is_sound() {
    assert_eq!(verdict(Fault::None), "no broken promise");
}

#[test]
fn each_broken_promise_is_named() {
    let mut wrong = Vec::new();
    for (fault, promise) in FAULTS {
        let verdict = verdict(*fault);
        if !verdict.contains(promise) {
            wrong.push(format!("{fault:?}: {verdict}, not: {promise}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
