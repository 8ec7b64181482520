//! One connection to one server, which is made again where it breaks.

use super::failure::{Failure, unavailable};
use super::sentinel;
use super::url::{Address, Login, Target};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, PushInfo, PushKind, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// After an attempt to connect that failed, everybody gets its failure for so long.
const PAUSE: Duration = Duration::from_millis(50);

/// Where the connection goes to.
pub(super) enum Place {
    Address(Address),
    /// To whatever server the sentinels name.
    Service {
        name: String,
        login: Login,
    },
}

type Outcome = Result<Live, Failure>;

/// A connection, and which one in a row it is.
#[derive(Clone)]
struct Live {
    number: u64,
    connection: MultiplexedConnection,
}

/// A connection that many use at once. It is made when it is needed, by one attempt at a time; a
/// connection that broke or that a command was given up on is not used again.
pub(super) struct Link {
    target: Arc<Target>,
    place: Place,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    made: u64,
    /// Gone when the attempt is over, after a pause where it failed.
    attempt: Option<watch::Receiver<Option<Outcome>>>,
}

impl Link {
    pub(super) fn new(target: Arc<Target>, place: Place, timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            target,
            place,
            timeout,
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a command. To be called with a time limit around it.
    pub(super) async fn query(self: &Arc<Self>, command: &Cmd) -> Result<Value, Failure> {
        self.send(async |mut connection| Ok(command.query_async(&mut connection).await?))
            .await
    }

    /// The same for a slot that this node of a cluster is just taking over.
    pub(super) async fn query_asking(self: &Arc<Self>, command: &Cmd) -> Result<Value, Failure> {
        self.send(async |mut connection| {
            let mut both = redis::pipe();
            both.cmd("ASKING").ignore().add_command(command.clone());
            let (answer,) = both.query_async(&mut connection).await?;
            Ok(answer)
        })
        .await
    }

    async fn send(
        self: &Arc<Self>,
        send: impl AsyncFnOnce(MultiplexedConnection) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        let live = self.live().await?;
        let mut suspect = Suspect {
            link: self,
            number: Some(live.number),
        };
        let answer = send(live.connection).await;
        if !matches!(answer, Err(Failure::Gone(_))) {
            suspect.number = None;
        }
        answer
    }

    async fn live(self: &Arc<Self>) -> Result<Live, Failure> {
        let mut attempt = {
            let mut state = self.lock();
            if let Some(live) = &state.live {
                return Ok(live.clone());
            }
            match &state.attempt {
                // One that broke off has dropped its end of the channel.
                Some(attempt) if attempt.has_changed().is_ok() => attempt.clone(),
                _ => {
                    let (done, attempt) = watch::channel(None);
                    state.attempt = Some(attempt.clone());
                    state.made += 1;
                    tokio::spawn(self.clone().attempt(state.made, done));
                    attempt
                }
            }
        };
        let outcome = attempt.wait_for(Option::is_some).await;
        match outcome.ok().and_then(|outcome| outcome.clone()) {
            Some(outcome) => outcome,
            None => Err(Failure::gone("the attempt to connect to Redis broke off")),
        }
    }

    async fn attempt(self: Arc<Self>, number: u64, done: watch::Sender<Option<Outcome>>) {
        let outcome = match tokio::time::timeout(self.timeout, self.connect(number)).await {
            Ok(outcome) => outcome.map(|connection| Live { number, connection }),
            Err(_) => Err(Failure::Gone(unavailable(
                "Redis cannot be reached in time",
            ))),
        };
        let failed = outcome.is_err();
        {
            let mut state = self.lock();
            if let Ok(live) = &outcome {
                state.live = Some(live.clone());
                state.attempt = None;
            }
        }
        done.send_replace(Some(outcome));
        if failed {
            tokio::time::sleep(PAUSE).await;
            self.lock().attempt = None;
        }
    }

    async fn connect(self: &Arc<Self>, number: u64) -> Result<MultiplexedConnection, Failure> {
        let link = Arc::downgrade(self);
        let pushed = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection
                && let Some(link) = link.upgrade()
            {
                link.lost(number);
            }
        };
        match &self.place {
            Place::Address(address) => self.target.connect(address, pushed).await,
            Place::Service { name, login } => {
                let found = sentinel::connect(&self.target, name, login, pushed).await?;
                Ok(found.connection)
            }
        }
    }

    /// No longer uses this connection, if it still does.
    fn lost(&self, number: u64) {
        self.lock().live.take_if(|live| live.number == number);
    }
}

/// A command that is under way. Given up on, it tells that its connection may be dead: nothing else
/// would for many minutes where packets are dropped.
struct Suspect<'a> {
    link: &'a Link,
    number: Option<u64>,
}

impl Drop for Suspect<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.link.lost(number);
        }
    }
}
