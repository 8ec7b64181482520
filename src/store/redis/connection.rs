//! A shared connection to one server, made again when it breaks.

use super::failure::Failure;
use super::primary::Primary;
use super::server::{self, Connected, Server};
use super::url::{Address, Target};
use crate::core::lock::lock;
use crate::core::single_flight::{Answering, Call};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, PushInfo, PushKind, Value};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// After a failed attempt to connect, all callers get its failure for this long.
const PAUSE: Duration = Duration::from_millis(50);

/// The destination of the connection.
pub(super) enum Place {
    /// A node of a cluster.
    Node(Address),
    /// The primary, whichever server that is.
    Primary(Arc<Primary>),
}

type Outcome = Result<Live, Failure>;

/// A connection, its sequence number and the server that it leads to.
#[derive(Clone)]
struct Live {
    number: u64,
    server: Server,
    connection: MultiplexedConnection,
}

/// A connection that callers share.
///
/// It is made when needed, by one attempt at a time. A connection that broke, or on which a caller
/// gave up waiting for a command, is not used again.
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
    /// The running attempt; removed when it succeeds, or a pause after it fails.
    attempt: Option<Call<Outcome>>,
}

impl Link {
    pub(super) fn new(target: Arc<Target>, place: Place, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { target, place, timeout, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sends a command. The caller sets the time limit.
    pub(super) async fn query(self: &Arc<Self>, command: &Cmd) -> Result<Value, Failure> {
        self.send(async |mut connection| Ok(command.query_async(&mut connection).await?)).await
    }

    /// Sends a command for a slot that this node of a cluster is taking over (`ASKING`).
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
        let mut suspect = Suspect { link: self, number: Some(live.number) };
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
                Some(attempt) if attempt.is_running() => attempt.clone(),
                _ => {
                    let (done, attempt) = Call::new();
                    state.attempt = Some(attempt.clone());
                    state.made += 1;
                    tokio::spawn(self.clone().attempt(state.made, done));
                    attempt
                }
            }
        };
        let outcome = attempt.answer().await;
        outcome.ok_or_else(|| Failure::gone("the attempt to connect to Redis broke off")).flatten()
    }

    async fn attempt(self: Arc<Self>, number: u64, done: Answering<Outcome>) {
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
        Ok(Live { number, server, connection })
    }

    /// Returns whether this connection leads where it should, as far as is known.
    fn suits(&self, live: &Live) -> bool {
        match &self.place {
            Place::Node(_) => true,
            Place::Primary(primary) => primary.may_be(&live.server),
        }
    }

    /// Checks over the connection, if there is one, that it leads to this process.
    pub(super) async fn confirm(&self, run_id: &str) -> Result<(), Failure> {
        let Some(live) = self.lock().live.clone().filter(|live| self.suits(live)) else {
            return Ok(());
        };
        let mut suspect = Suspect { link: self, number: Some(live.number) };
        match server::run_id(live.connection).await {
            Ok(id) if id == run_id => {
                suspect.number = None;
                Ok(())
            }
            Ok(_) => Err(Failure::gone(
                "records are read from another Redis server than the one that reports changes",
            )),
            // The connection broke; the next one is checked separately.
            Err(Failure::Gone(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Stops using this connection, if it is still in use.
    fn lost(&self, number: u64) {
        self.lock().live.take_if(|live| live.number == number);
    }
}

/// A running command.
///
/// Dropped before its answer, it reports that the connection may be dead: if packets are dropped,
/// nothing else would for many minutes.
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
