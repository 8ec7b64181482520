//! Tests of concurrent writers.

use super::{Store, Suite, answer, keeps, new};
use crate::store::StoreFuture;
use std::sync::Arc;

const CROWD: usize = 100;
const COUNTERS: usize = 8;
const STEPS: usize = 25;
const ROUNDS: usize = 5;

fn name(number: usize) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

impl<S: Store> Suite<S> {
    /// Returns one handle for even numbers and the other for odd ones.
    fn handle(&self, number: usize) -> Arc<S> {
        if number.is_multiple_of(2) { self.first.clone() } else { self.second.clone() }
    }

    /// Runs the same operation concurrently from many tasks, over both handles.
    async fn crowd<T: Send + 'static>(
        &self,
        act: impl for<'a> Fn(&'a S, &'a str, usize) -> StoreFuture<'a, T> + Send + Sync + 'static,
        key: &str,
    ) -> Vec<T> {
        let act = Arc::new(act);
        let start = Arc::new(tokio::sync::Barrier::new(CROWD));
        let tasks: Vec<_> = (0..CROWD)
            .map(|number| {
                let (store, act) = (self.handle(number), act.clone());
                let (start, key) = (start.clone(), key.to_owned());
                tokio::spawn(async move {
                    start.wait().await;
                    act(&store, &key, number).await
                })
            })
            .collect();
        let mut answers = Vec::with_capacity(CROWD);
        for task in tasks {
            match task.await {
                Ok(answered) => answers.push(answer(answered, "a concurrent call")),
                Err(panic) => super::broken("every call is answered", &format!("a task: {panic}")),
            }
        }
        answers
    }

    pub(super) async fn one_insert_succeeds(&self) {
        let key = &self.key("a crowd's new one");
        for round in 0..ROUNDS {
            let inserted = self
                .crowd(move |store, key, number| store.insert(key, new(&name(number))), key)
                .await;
            self.check_winner(key, &inserted, "insert", round).await;
            self.remove(key).await;
        }
    }

    pub(super) async fn one_replace_succeeds(&self) {
        let key = &self.key("a crowd's changed one");
        for round in 0..ROUNDS {
            let version = self.insert(key, new(b"")).await;
            let replaced = self
                .crowd(
                    move |store, key, number| store.replace(key, version, name(number), None),
                    key,
                )
                .await;
            self.check_winner(key, &replaced, "replace", round).await;
            self.remove(key).await;
        }
    }

    pub(super) async fn one_remove_succeeds(&self) {
        let key = &self.key("a crowd's old one");
        for round in 0..ROUNDS {
            self.insert(key, new(b"")).await;
            let removed = self.crowd(|store, key, _| store.remove(key), key).await;
            let winners = removed.into_iter().filter(|removed| *removed).count();
            let seen = format!("{winners} of {CROWD} in round {round}");
            keeps(winners == 1, "one of many concurrent removes of a record succeeds", &seen);
        }
    }

    async fn check_winner(&self, key: &str, answers: &[Option<u64>], what: &str, round: usize) {
        let winners: Vec<_> = answers
            .iter()
            .enumerate()
            .filter_map(|(number, version)| Some((number, (*version)?)))
            .collect();
        keeps(
            winners.len() == 1,
            &format!("one of many concurrent {what}s of a record succeeds"),
            &format!("{} of {CROWD} in round {round}", winners.len()),
        );
        // The second handle may have written it; the first sees that within a second.
        let (number, version) = winners[0];
        let promise = format!("the value of the successful {what} is kept");
        self.soon(&promise, async || {
            self.read(key).await.is_some_and(|record| {
                record.version() == version && record.value() == number.to_le_bytes()
            })
        })
        .await;
    }

    pub(super) async fn no_lost_update(&self) {
        let key = &self.key("counter");
        self.insert(key, new(&0u64.to_le_bytes())).await;
        let tasks: Vec<_> = (0..COUNTERS)
            .map(|number| {
                let (store, key) = (self.handle(number), key.clone());
                tokio::spawn(async move {
                    for _ in 0..STEPS {
                        let mut lost = 0;
                        loop {
                            let Some(record) = answer(store.get(&key).await, "get") else {
                                super::broken("an answered write is kept", "the counter is gone");
                            };
                            let Ok(count) = record.value().try_into() else {
                                super::broken("a value is returned as written", "eight bytes");
                            };
                            let next = (u64::from_le_bytes(count) + 1).to_le_bytes();
                            let replaced =
                                store.replace(&key, record.version(), next.to_vec(), None);
                            if answer(replaced.await, "replace").is_some() {
                                break;
                            }
                            // Another writer was faster, or this handle has not seen its write yet.
                            lost += 1;
                            let promise = "one of many concurrent replaces of a version succeeds";
                            keeps(lost < 10_000, promise, "none does");
                            tokio::task::yield_now().await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            if let Err(error) = task.await {
                match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(error) => super::broken("every call is answered", &error.to_string()),
                }
            }
        }
        let expected = (COUNTERS * STEPS) as u64;
        self.soon("no update is lost", async || {
            let read = self.read(key).await;
            read.is_some_and(|record| record.value() == expected.to_le_bytes())
        })
        .await;
    }

    /// Every record that existed when `remove_owned` began is removed, despite concurrent inserts.
    pub(super) async fn a_whole_owner_goes(&self) {
        let owner = &self.key("leaving");
        let before: Vec<String> = (0..50).map(|n| self.key(&format!("before {n}"))).collect();
        for key in &before {
            self.insert(key, new(b"").owned_by(owner)).await;
        }
        let (store, theirs) = (self.second.clone(), owner.clone());
        let during: Vec<String> = (0..50).map(|n| self.key(&format!("during {n}"))).collect();
        let late = during.clone();
        let writer = tokio::spawn(async move {
            for key in &late {
                answer(store.insert(key, new(b"").owned_by(&theirs)).await, "insert");
            }
        });
        let removed = self.remove_owned(owner).await;
        for key in &before {
            let promise = "remove_owned removes every record that existed when it began";
            self.is_gone(key, promise, "one is left").await;
        }
        if let Err(error) = writer.await {
            super::broken("every call is answered", &error.to_string());
        }
        let listed = self.owned(owner).await;
        keeps(
            removed + listed.len() as u64 == (before.len() + during.len()) as u64,
            "remove_owned returns how many it removed, and the others stay listed",
            &format!("it returned {removed}, {} are listed", listed.len()),
        );
        self.remove_owned(owner).await;
    }
}
