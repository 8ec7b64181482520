//! The sentinels and the primary that each of them names.

use super::failure::Failure;
use super::url::{Address, Login, Target};
use redis::aio::MultiplexedConnection;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Interval between a sentinel's answer and the next question.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time limit for a sentinel's answer.
const DEADLINE: Duration = Duration::from_millis(300);

/// The latest answer of each sentinel; `None` before its first one.
pub(super) type Answers = HashMap<Address, Option<Result<Address, Failure>>>;

/// The sentinels of a service.
///
/// All are asked all the time: a primary that was cut off and replaced keeps answering.
pub(super) struct Sentinels {
    service: String,
    login: Login,
    answers: watch::Sender<Answers>,
}

fn named(answers: &Answers) -> impl Iterator<Item = &Address> {
    answers.values().flatten().flatten()
}

/// Returns the server that most sentinels name, even if others contradict them.
fn majority(answers: &Answers) -> Option<&Address> {
    let votes = |at: &Address| named(answers).filter(|said| *said == at).count();
    named(answers).find(|at| votes(at) * 2 > answers.len())
}

fn allows(answers: &Answers, server: &Address) -> bool {
    named(answers).all(|at| at == server) || majority(answers) == Some(server)
}

fn agreed(answers: &Answers) -> Result<Address, Failure> {
    let mut all = named(answers);
    match majority(answers) {
        Some(primary) if all.all(|at| at == primary) => Ok(primary.clone()),
        None if all.next().is_none() => {
            let failure = answers.values().flatten().next().cloned();
            failure.unwrap_or_else(|| Err(Failure::gone("no sentinel answers")))
        }
        _ => Err(Failure::gone("expected most sentinels to name the same primary, they do not")),
    }
}

impl Sentinels {
    /// No sentinel has been asked yet.
    pub(super) fn new(target: &Target, service: String, login: Login) -> Self {
        let answers = target.addresses.iter().map(|at| (at.clone(), None)).collect();
        Self { service, login, answers: watch::Sender::new(answers) }
    }

    /// Starts asking the sentinels; stops when the tasks are dropped.
    pub(super) fn ask_all(&self, target: &Arc<Target>) -> JoinSet<()> {
        let (service, login, answers) = (&self.service, &self.login, &self.answers);
        let ask = |sentinel: &Address| {
            let (service, login) = (service.clone(), login.clone());
            ask(target.clone(), sentinel.clone(), service, login, answers.clone())
        };
        target.addresses.iter().map(ask).collect()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Answers> {
        self.answers.subscribe()
    }

    /// Returns the server that most sentinels name and that none contradicts.
    pub(super) fn agreed(&self) -> Result<Address, Failure> {
        agreed(&self.answers.borrow())
    }

    /// Returns the server to connect to while the sentinels do not agree.
    ///
    /// It is [allowed](Self::allow). Waits for the first answers.
    pub(super) async fn candidate(&self) -> Result<Address, Failure> {
        fn candidate(answers: &Answers) -> Option<&Address> {
            named(answers).find(|at| allows(answers, at))
        }
        let decided = |answers: &Answers| {
            candidate(answers).is_some() || answers.values().all(Option::is_some)
        };
        let mut answers = self.answers.subscribe();
        let answers = answers.wait_for(decided).await;
        let answers = answers.map_err(|_| Failure::gone("no sentinel is asked"))?;
        candidate(&answers).map_or_else(|| agreed(&answers), |at| Ok(at.clone()))
    }

    /// Whether a server may be the primary while sentinels disagree or do not answer: no sentinel
    /// names another server, or most name this one.
    pub(super) fn allow(&self, server: &Address) -> bool {
        allows(&self.answers.borrow(), server)
    }
}

/// Asks one sentinel again and again, and records its answers.
async fn ask(
    target: Arc<Target>,
    sentinel: Address,
    service: String,
    login: Login,
    answers: watch::Sender<Answers>,
) {
    let note = |answer: Result<Address, Failure>| {
        answers.send_if_modified(|answers| {
            let now = Some(answer.as_ref().ok().cloned());
            let before = answers.insert(sentinel.clone(), Some(answer)).flatten();
            // Another failure is no news.
            before.map(Result::ok) != now
        });
    };
    let late = |_| Failure::gone("a sentinel does not answer in time");
    loop {
        let connect = timeout(DEADLINE, target.connect_sentinel(&sentinel, &login)).await;
        let failure = match connect.map_err(late).flatten() {
            Ok(mut connection) => loop {
                let asked = timeout(DEADLINE, primary_of(&mut connection, &service)).await;
                match asked.map_err(late).flatten() {
                    Ok(primary) => note(Ok(primary)),
                    Err(failure) => break failure,
                }
                sleep(INTERVAL).await;
            },
            Err(failure) => failure,
        };
        note(Err(failure));
        sleep(INTERVAL).await;
    }
}

/// Returns the primary that one sentinel names.
async fn primary_of(
    sentinel: &mut MultiplexedConnection,
    service: &str,
) -> Result<Address, Failure> {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    let answer: Option<(String, u16)> = ask.query_async(sentinel).await?;
    let (host, port) =
        answer.ok_or_else(|| Failure::gone("the sentinels do not know the service"))?;
    Ok(Address { host, port })
}
