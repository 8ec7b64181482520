//! A shared connection to one server, made again when it breaks.

use super::attempt::Attempt;
use super::failure::Failure;
use super::primary::Primary;
use super::server::{self, Connected, Server};
use super::url::{Address, Target};
use crate::core::{OnDrop, lock};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, PushInfo, PushKind, Value};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// After a failed attempt to connect, all callers get its failure for this long.
const PAUSE: Duration = Duration::from_millis(50);

/// The destination of a connection.
pub(super) enum Endpoint {
    /// A node of a cluster.
    Node(Address),
    /// The primary, whichever server that is.
    Primary(Arc<Primary>),
}

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
    endpoint: Endpoint,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    made: u64,
    attempt: Attempt<Live>,
}

impl Link {
    pub(super) fn new(target: Arc<Target>, endpoint: Endpoint, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { target, endpoint, timeout, state: Mutex::default() })
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
        let suspect = self.suspect(live.number);
        let answer = send(live.connection).await;
        if !matches!(answer, Err(Failure::Gone(_))) {
            suspect.disarm();
        }
        answer
    }

    async fn live(self: &Arc<Self>) -> Result<Live, Failure> {
        let attempt = {
            let mut state = lock(&self.state);
            match &state.live {
                Some(live) if self.suits(live) => return Ok(live.clone()),
                _ => state.live = None,
            }
            let pause = |made: &Result<_, _>| if made.is_ok() { Duration::ZERO } else { PAUSE };
            state.attempt.join(self.timeout, self.clone().attempt(), pause)
        };
        attempt.await
    }

    async fn attempt(self: Arc<Self>) -> Result<Live, Failure> {
        let number = {
            let mut state = lock(&self.state);
            state.made += 1;
            state.made
        };
        let live = self.connect(number).await?;
        let mut state = lock(&self.state);
        if !self.suits(&live) {
            return Err(Failure::gone("the primary has just been replaced"));
        }
        state.live = Some(live.clone());
        Ok(live)
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
        let Connected { server, connection } = match &self.endpoint {
            Endpoint::Node(address) => {
                server::connect_node(&self.target, address.clone(), pushed).await?
            }
            Endpoint::Primary(primary) => primary.connect(pushed).await?,
        };
        Ok(Live { number, server, connection })
    }

    /// Returns whether this connection leads where it should, as far as is known.
    fn suits(&self, live: &Live) -> bool {
        match &self.endpoint {
            Endpoint::Node(_) => true,
            Endpoint::Primary(primary) => primary.may_be(&live.server),
        }
    }

    /// Checks over the connection, if there is one, that it leads to this process.
    pub(super) async fn confirm(&self, run_id: &str) -> Result<(), Failure> {
        let Some(live) = lock(&self.state).live.clone().filter(|live| self.suits(live)) else {
            return Ok(());
        };
        let suspect = self.suspect(live.number);
        match server::run_id(live.connection).await {
            Ok(id) if id == run_id => {
                suspect.disarm();
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
        lock(&self.state).live.take_if(|live| live.number == number);
    }

    /// Guards a running command: dropped before its answer, it stops the use of the connection.
    ///
    /// If packets are dropped, nothing else would for many minutes.
    fn suspect(&self, number: u64) -> OnDrop<impl FnMut() + '_> {
        OnDrop::new(move || self.lost(number))
    }
}
