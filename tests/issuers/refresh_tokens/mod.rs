//! Refresh tokens: rotation, attacks on it, and a hundred uses at once.

mod answers;
mod attacks;
mod ended;
mod rotation;
mod stores;

use jamguard::ErrorKind;
use jamguard::store::MemoryStore;
use jamguard::testing::ManualClock;
use jamguard::{RefreshTokens, RefreshTokensBuilder};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOW: u64 = 1_800_000_000;
const DAY: Duration = Duration::from_secs(86_400);
const OWNER: &str = "refresh/tokens/ann";

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Device {
    name: String,
    number: u64,
}

fn phone() -> Device {
    Device { name: "Ann's \"phone\" ☎".into(), number: u64::MAX }
}

struct World {
    clock: ManualClock,
    store: MemoryStore,
    tokens: RefreshTokens<Device>,
    /// Whose families ended because an old token came again.
    reused: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        Self::with(|tokens| tokens)
    }

    fn with(
        set: impl FnOnce(RefreshTokensBuilder<Device>) -> RefreshTokensBuilder<Device>,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let reused = Arc::<Mutex<Vec<String>>>::default();
        let told = reused.clone();
        let tokens =
            RefreshTokens::builder(store.clone()).clock(clock.clone()).on_reuse(move |reuse| {
                assert_eq!(*reuse.data, phone());
                told.lock().unwrap().push(reuse.subject.to_owned());
            });
        Self { tokens: set(tokens).build().unwrap(), clock, store, reused }
    }

    async fn issue(&self) -> String {
        let token = self.tokens.issue("ann", &phone()).await.unwrap();
        token.expose().to_owned()
    }

    /// The next token.
    async fn rotate(&self, token: &str) -> Result<String, ErrorKind> {
        let refreshed = self.tokens.rotate(token).await;
        refreshed.map(|refreshed| refreshed.token.expose().to_owned()).map_err(|error| error.kind())
    }

    async fn refuses(&self, token: &str, kind: ErrorKind) {
        assert_eq!(self.rotate(token).await.unwrap_err(), kind, "{token}");
    }

    fn reused(&self) -> usize {
        self.reused.lock().unwrap().len()
    }

    /// Past the grace of five seconds.
    fn later(&self) {
        self.clock.advance(Duration::from_secs(5));
    }
}
