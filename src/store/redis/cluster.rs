//! Sends each command to the cluster node that owns its slot.

use super::connection::{Link, Place};
use super::failure::Failure;
use super::topology::Topology;
use super::url::{Address, Target};
use crate::core::lock::lock;
use crate::core::single_flight::{Answering, Call};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Maximum number of redirections of a command.
const REDIRECTIONS: usize = 5;
/// Pause before a slot on the move is tried again, and before nodes are asked again.
const PAUSE: Duration = Duration::from_millis(20);

type Outcome = Result<Arc<Topology>, Failure>;

pub(super) struct Cluster {
    target: Arc<Target>,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    topology: Option<Arc<Topology>>,
    links: HashMap<Address, Arc<Link>>,
    /// The running query for the topology; removed a pause after its answer.
    asking: Option<Call<Outcome>>,
}

impl Cluster {
    pub(super) fn new(target: Arc<Target>, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { target, timeout, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sends a command. The caller sets the time limit.
    pub(super) async fn query(
        self: &Arc<Self>,
        slot: u16,
        command: &Cmd,
    ) -> Result<Value, Failure> {
        let mut link = self.owner(slot).await?;
        let mut asking = false;
        for _ in 0..REDIRECTIONS {
            // Dropped if the caller gives up on the command: the node may be dead.
            let doubt = Doubt(Some(self));
            let answer = match asking {
                true => link.query_asking(command).await,
                false => link.query(command).await,
            };
            asking = false;
            match answer {
                Err(Failure::Moved(address)) => link = self.link(&address),
                Err(Failure::Ask(address)) => {
                    doubt.settle();
                    link = self.link(&address);
                    asking = true;
                }
                Err(Failure::TryAgain) => {
                    doubt.settle();
                    tokio::time::sleep(PAUSE).await;
                }
                Err(Failure::Gone(error)) => return Err(Failure::Gone(error)),
                answer => {
                    doubt.settle();
                    return answer;
                }
            }
        }
        Err(Failure::TryAgain)
    }

    async fn owner(self: &Arc<Self>, slot: u16) -> Result<Arc<Link>, Failure> {
        let known = self.lock().topology.clone();
        let topology = match known {
            Some(topology) => topology,
            None => {
                let outcome = self.ask().answer().await;
                outcome
                    .ok_or_else(|| Failure::gone("no node of the Redis cluster answered"))
                    .flatten()?
            }
        };
        match topology.owner(slot) {
            Some(address) => Ok(self.link(address)),
            None => {
                self.ask();
                Err(Failure::gone("a slot of the Redis cluster is on no node"))
            }
        }
    }

    /// Returns the connection to a node for records.
    pub(super) fn link(&self, address: &Address) -> Arc<Link> {
        let mut state = self.lock();
        let new = || Link::new(self.target.clone(), Place::Node(address.clone()), self.timeout);
        state.links.entry(address.clone()).or_insert_with(new).clone()
    }

    /// Asks the nodes for the slots, unless a query is running.
    fn ask(self: &Arc<Self>) -> Call<Outcome> {
        let mut state = self.lock();
        match &state.asking {
            Some(asking) if asking.is_running() => asking.clone(),
            _ => {
                let (done, asking) = Call::new();
                state.asking = Some(asking.clone());
                tokio::spawn(self.clone().learn(done));
                asking
            }
        }
    }

    async fn learn(self: Arc<Self>, done: Answering<Outcome>) {
        let outcome = match tokio::time::timeout(self.timeout, self.topology()).await {
            Ok(outcome) => outcome.map(Arc::new),
            Err(_) => Err(Failure::gone("no node of the Redis cluster answers in time")),
        };
        if let Ok(topology) = &outcome {
            self.settle(topology);
        }
        done.send_replace(Some(outcome));
        tokio::time::sleep(PAUSE).await;
        self.lock().asking = None;
    }

    /// Sends commands by this topology from now on, unless a newer one is known.
    pub(super) fn settle(&self, topology: &Arc<Topology>) {
        let mut state = self.lock();
        let known = state.topology.as_ref();
        if known.is_none_or(|known| known.epoch() <= topology.epoch()) {
            let nodes: BTreeSet<_> = topology.primaries().collect();
            state.links.retain(|address, _| nodes.contains(address));
            state.topology = Some(topology.clone());
        }
    }

    /// Returns the newest topology that is heard shortly after the first answer.
    ///
    /// A node that the others have lost may answer first, with an outdated one.
    pub(super) async fn topology(self: &Arc<Self>) -> Result<Topology, Failure> {
        let mut known: BTreeSet<_> = self.target.addresses.iter().cloned().collect();
        known.extend(self.lock().links.keys().cloned());
        let mut asked = JoinSet::new();
        for address in known {
            let (link, named) = (self.link(&address), self.target.tls.is_some());
            asked.spawn(async move {
                let nodes = link.query(redis::cmd("CLUSTER").arg("NODES")).await?;
                read(nodes, &address, named)
            });
        }
        let mut newest: Result<Topology, _> =
            Err(Failure::gone("no node of the Redis cluster answers"));
        loop {
            let answer = match newest {
                Ok(_) => tokio::time::timeout(PAUSE, asked.join_next()).await,
                Err(_) => Ok(asked.join_next().await),
            };
            let Ok(Some(answer)) = answer else {
                return newest;
            };
            match (answer, &newest) {
                (Ok(Ok(topology)), Ok(known)) if topology.epoch() <= known.epoch() => {}
                (Ok(Ok(topology)), _) if topology.epoch() > 0 => newest = Ok(topology),
                (Ok(Err(failed)), Err(_)) => newest = Err(failed),
                _ => {}
            }
        }
    }
}

/// Parses an answer to `CLUSTER NODES`.
fn read(nodes: Value, asked: &Address, named: bool) -> Result<Topology, Failure> {
    let nodes: String = redis::from_redis_value(nodes).map_err(RedisError::from)?;
    Ok(Topology::parse(&nodes, asked, named))
}

/// Checks that this node sees what the others see.
pub(super) async fn sees(
    mut node: MultiplexedConnection,
    asked: &Address,
    named: bool,
    topology: &Topology,
) -> Result<(), Failure> {
    let nodes = redis::cmd("CLUSTER").arg("NODES").query_async(&mut node).await?;
    match read(nodes, asked, named)?.agrees(topology) {
        true => Ok(()),
        false => Err(Failure::gone("the nodes of the Redis cluster do not agree")),
    }
}

/// Asks the nodes again on drop, unless [`settle`](Self::settle) has confirmed them.
struct Doubt<'a>(Option<&'a Arc<Cluster>>);

impl Doubt<'_> {
    fn settle(mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        // Without a runtime the store itself is being dropped.
        if let Some(cluster) = self.0
            && Handle::try_current().is_ok()
        {
            cluster.ask();
        }
    }
}
