//! Sessions: what they promise, attacks on them, and what happens to them when stores fail. Prints
//! its figures.

mod attacks;
mod broken_off;
mod child;
mod count;
mod ends;
mod expiry;
mod facade;
mod kills;
mod outages;
mod races;
mod records;
mod scanning;

use crate::support::every_store::on_every_store;
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::ManualClock;
use jamguard::{SessionId, Sessions};
use scanning::Scanning;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const NOW: u64 = 1_800_000_000;

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cart {
    pub(crate) items: Vec<String>,
}

pub(crate) fn cart(items: &[&str]) -> Cart {
    Cart { items: items.iter().map(ToString::to_string).collect() }
}

/// And on one whose logout everywhere takes its time.
pub(crate) async fn on_every_store_and_a_slow_one(
    test: impl AsyncFn(&'static str, Arc<dyn Store>),
) {
    test("scanning", Arc::new(Scanning(MemoryStore::new()))).await;
    on_every_store(test).await;
}

pub(crate) fn sessions(store: Arc<dyn Store>) -> Sessions {
    Sessions::builder(store).build().unwrap()
}

/// Sessions in memory, under a clock that the test moves.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: MemoryStore,
    pub(crate) sessions: Sessions,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let sessions = Sessions::builder(store.clone()).clock(clock.clone());
        Self { sessions: sessions.build().unwrap(), clock, store }
    }

    pub(crate) fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

pub(crate) async fn items(sessions: &Sessions, id: &SessionId) -> Option<Vec<String>> {
    let session = sessions.get::<Cart>(id).await.unwrap()?;
    Some(session.items.clone())
}
