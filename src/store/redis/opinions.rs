//! The primary that each sentinel names.

use super::failure::Failure;
use super::sentinel;
use super::url::{Address, Login, Target};
use crate::core::lock::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Interval between a sentinel's answer and the next question.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time limit for a sentinel's answer.
const DEADLINE: Duration = Duration::from_millis(300);

/// The sentinels' latest answers.
///
/// All sentinels are asked all the time: a primary that was cut off and replaced keeps answering.
pub(super) struct Opinions(Arc<Said>);

struct Said {
    answers: Mutex<HashMap<Address, Result<Address, Failure>>>,
    changed: Notify,
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Result<Address, Failure>>> {
        lock(&self.answers)
    }

    fn note(&self, sentinel: &Address, answer: Result<Address, Failure>) {
        let now = answer.as_ref().ok().cloned();
        let before = self.lock().insert(sentinel.clone(), answer);
        if before.and_then(Result::ok) != now {
            self.changed.notify_one();
        }
    }
}

impl Opinions {
    /// No sentinel has been asked yet.
    pub(super) fn new(target: &Target) -> Self {
        let silent = || Err(Failure::gone("no sentinel answers"));
        let sentinels = target.addresses.iter();
        Self(Arc::new(Said {
            answers: Mutex::new(sentinels.map(|at| (at.clone(), silent())).collect()),
            changed: Notify::new(),
        }))
    }

    /// Starts asking the sentinels; stops when the tasks are dropped.
    pub(super) fn gather(&self, target: &Arc<Target>, service: &str, login: &Login) -> JoinSet<()> {
        let mut asking = JoinSet::new();
        for sentinel in &target.addresses {
            asking.spawn(ask(
                target.clone(),
                sentinel.clone(),
                service.to_owned(),
                login.clone(),
                self.0.clone(),
            ));
        }
        asking
    }

    /// Returns the server that most sentinels name and that none contradicts.
    pub(super) fn agreed(&self) -> Result<Address, Failure> {
        let said = self.0.lock();
        let named: Vec<_> = said.values().flatten().collect();
        match named.as_slice() {
            [first, ..] if named.len() * 2 > said.len() && named.iter().all(|at| at == first) => {
                Ok((*first).clone())
            }
            [] => said
                .values()
                .next()
                .map_or_else(|| Err(Failure::gone("no sentinel answers")), |answer| answer.clone()),
            _ => {
                Err(Failure::gone("expected most sentinels to name the same primary, they do not"))
            }
        }
    }

    /// Returns the server that most sentinels name, even if others contradict them.
    pub(super) fn majority(&self) -> Option<Address> {
        let said = self.0.lock();
        let named = |at: &&Address| said.values().flatten().filter(|said| said == at).count();
        let mut all = said.values().flatten();
        all.find(|at| named(at) * 2 > said.len()).cloned()
    }

    /// Whether a server may be the primary while sentinels disagree or do not answer: no sentinel
    /// names another server, or most name this one.
    pub(super) fn allow(&self, server: &Address) -> bool {
        let contradicted = self.0.lock().values().flatten().any(|at| at != server);
        !contradicted || self.majority().as_ref() == Some(server)
    }

    /// Waits until a sentinel's answer changes.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }
}

/// Asks one sentinel again and again, and records its answers.
async fn ask(
    target: Arc<Target>,
    sentinel: Address,
    service: String,
    login: Login,
    said: Arc<Said>,
) {
    let late = || Failure::gone("a sentinel does not answer in time");
    loop {
        let connect = timeout(DEADLINE, target.connect_sentinel(&sentinel, &login)).await;
        let failure = match connect.unwrap_or_else(|_| Err(late())) {
            Ok(mut connection) => loop {
                let asked = timeout(DEADLINE, sentinel::primary_of(&mut connection, &service));
                match asked.await.unwrap_or_else(|_| Err(late())) {
                    Ok(primary) => said.note(&sentinel, Ok(primary)),
                    Err(failure) => break failure,
                }
                sleep(INTERVAL).await;
            },
            Err(failure) => failure,
        };
        said.note(&sentinel, Err(failure));
        sleep(INTERVAL).await;
    }
}
