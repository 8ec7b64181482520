//! Deny and allow lists: what is written to them, what gets past them (nothing), and what happens
//! when their store is gone. A number in a test's name is the row of `docs/attacks.md` or
//! `docs/faults.md`.

mod bypasses;
mod example;
mod facade;
mod issued;
mod memory;
mod outages;
mod stores;
mod switches;
mod web;

use crate::support::tokens::{NOW, rules};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::{ManualClock, mint};
use jamguard::{ErrorKind, TokenList, TokenListBuilder, Verified, Verifier};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A key, a clock, a store, and a verifier with a deny list over it.
struct World {
    key: SigningKey,
    clock: ManualClock,
    store: MemoryStore,
    denied: TokenList,
    verifier: Verifier,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        Self::over(store.clone(), store, clock)
    }

    /// With a list over `listed`, which is made of `store`.
    fn over(listed: impl Store, store: MemoryStore, clock: ManualClock) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let denied = deny(listed, &clock).build().unwrap();
        let rules = rules(&key).clock(clock.clone());
        let verifier = rules.deny_list(denied.clone()).build().unwrap();
        Self { key, clock, store, denied, verifier }
    }

    fn token(&self, jti: &str) -> String {
        mint(&self.key, &claims(jti)).unwrap()
    }

    async fn verify(&self, token: &str) -> Result<Verified, ErrorKind> {
        verify(&self.verifier, token).await
    }

    #[track_caller]
    fn accepts(&self, token: &str, what: &str) -> Verified {
        crate::support::tokens::accepts(&self.verifier, token, what)
    }

    #[track_caller]
    fn refuses(&self, token: &str, kind: ErrorKind, what: &str) {
        crate::support::tokens::refuses(&self.verifier, token, kind, what);
    }
}

fn deny(store: impl Store, clock: &ManualClock) -> TokenListBuilder {
    TokenList::deny(store).clock(clock.clone())
}

fn claims(jti: &str) -> Value {
    let mut claims = crate::support::tokens::claims();
    claims["jti"] = jti.into();
    claims["iat"] = json!(NOW);
    claims
}

async fn verify(verifier: &Verifier, token: &str) -> Result<Verified, ErrorKind> {
    let answer = verifier.verify(token).await;
    answer.map_err(|error| error.kind())
}

/// So many seconds after the tests begin.
fn second(after: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW + after)
}
