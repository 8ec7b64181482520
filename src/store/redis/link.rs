//! One connection to one server, which is made again where it breaks.

use super::failure::Failure;
use super::primary::Primary;
use super::server::{self, Connected, Server};
use super::url::{Address, Target};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, PushInfo, PushKind, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// After an attempt to connect that failed, everybody gets its failure for so long.
const PAUSE: Duration = Duration::from_millis(50);

/// Where the connection goes to.
pub(super) enum Place {
    /// A node of a cluster.
    Node(Address),
    /// The primary, whichever server that is.
    Primary(Arc<Primary>),
}

type Outcome = Result<Live, Failure>;

/// A connection, which one in a row it is, and where it goes to.
#[derive(Clone)]
struct Live {
    number: u64,
    server: Server,
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
            match &state.live {
                Some(live) if self.suits(live) => return Ok(live.clone()),
                _ => state.live = None,
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
        let outcome = tokio::time::timeout(self.timeout, self.connect(number)).await;
        let mut outcome =
            outcome.unwrap_or_else(|_| Err(Failure::gone("Redis cannot be reached in time")));
        {
            let mut state = self.lock();
            if outcome.as_ref().is_ok_and(|live| !self.suits(live)) {
                outcome = Err(Failure::gone("the primary has just been replaced"));
            }
            if let Ok(live) = &outcome {
                state.live = Some(live.clone());
                state.attempt = None;
            }
        }
        let failed = outcome.is_err();
        done.send_replace(Some(outcome));
        if failed {
            tokio::time::sleep(PAUSE).await;
            self.lock().attempt = None;
        }
    }

    async fn connect(self: &Arc<Self>, number: u64) -> Result<Live, Failure> {
        let link = Arc::downgrade(self);
        let pushed = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection
                && let Some(link) = link.upgrade()
            {
                link.lost(number);
            }
        };
        let Connected { server, connection } = match &self.place {
            Place::Node(address) => {
                server::connect_node(&self.target, address.clone(), pushed).await?
            }
            Place::Primary(primary) => primary.connect(pushed).await?,
        };
        Ok(Live {
            number,
            server,
            connection,
        })
    }

    /// Whether this connection goes where it should, as far as is known.
    fn suits(&self, live: &Live) -> bool {
        match &self.place {
            Place::Node(_) => true,
            Place::Primary(primary) => primary.may_be(&live.server),
        }
    }

    /// Asks over the connection whether it goes to this process. `Ok` also where there is
    /// none.
    pub(super) async fn confirm(&self, run_id: &str) -> Result<(), Failure> {
        let Some(live) = self.lock().live.clone().filter(|live| self.suits(live)) else {
            return Ok(());
        };
        let mut suspect = Suspect {
            link: self,
            number: Some(live.number),
        };
        match server::run_id(live.connection).await {
            Ok(id) if id == run_id => {
                suspect.number = None;
                Ok(())
            }
            Ok(_) => Err(Failure::gone(
                "expected the server that tells of changes, records are read from another one",
            )),
            // The next connection is another question.
            Err(Failure::Gone(_)) => Ok(()),
            Err(failure) => Err(failure),
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
