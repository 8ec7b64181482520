//! Sends each command to the cluster node that owns its slot.

use super::attempt::Attempt;
use super::connection::{Endpoint, Link};
use super::failure::Failure;
use super::topology::Topology;
use super::url::{Address, Target};
use crate::core::{OnDrop, lock};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Maximum number of redirections of a command.
const REDIRECTIONS: usize = 5;
/// Pause before a slot on the move is tried again, and before nodes are asked again.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Cluster {
    target: Arc<Target>,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    topology: Option<Arc<Topology>>,
    links: HashMap<Address, Arc<Link>>,
    asking: Attempt<Arc<Topology>>,
}

impl Cluster {
    pub(super) fn new(target: Arc<Target>, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { target, timeout, state: Mutex::default() })
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
            // Asks again if the caller gives up on the command: the node may be dead.
            let doubt = OnDrop::new(|| {
                // Without a runtime the store itself is being dropped.
                if Handle::try_current().is_ok() {
                    drop(self.ask());
                }
            });
            let answer = match asking {
                true => link.query_asking(command).await,
                false => link.query(command).await,
            };
            asking = false;
            match answer {
                Err(Failure::Moved(address)) => link = self.link(&address),
                Err(Failure::Ask(address)) => {
                    doubt.disarm();
                    link = self.link(&address);
                    asking = true;
                }
                Err(Failure::TryAgain) => {
                    doubt.disarm();
                    tokio::time::sleep(PAUSE).await;
                }
                Err(Failure::Gone(error)) => return Err(Failure::Gone(error)),
                answer => {
                    doubt.disarm();
                    return answer;
                }
            }
        }
        Err(Failure::TryAgain)
    }

    async fn owner(self: &Arc<Self>, slot: u16) -> Result<Arc<Link>, Failure> {
        let known = lock(&self.state).topology.clone();
        let topology = match known {
            Some(topology) => topology,
            None => self.ask().await?,
        };
        match topology.owner(slot) {
            Some(address) => Ok(self.link(address)),
            None => {
                drop(self.ask());
                Err(Failure::gone("a slot of the Redis cluster is on no node"))
            }
        }
    }

    /// Returns the connection to a node for records.
    pub(super) fn link(&self, address: &Address) -> Arc<Link> {
        let mut state = lock(&self.state);
        let new = || Link::new(self.target.clone(), Endpoint::Node(address.clone()), self.timeout);
        state.links.entry(address.clone()).or_insert_with(new).clone()
    }

    /// Asks the nodes for the slots, unless a query is running.
    fn ask(self: &Arc<Self>) -> impl Future<Output = Result<Arc<Topology>, Failure>> + use<> {
        let cluster = self.clone();
        let learn = async move {
            let topology = Arc::new(cluster.topology().await?);
            cluster.settle(&topology);
            Ok(topology)
        };
        lock(&self.state).asking.join(self.timeout, learn, |_| PAUSE)
    }

    /// Sends commands by this topology from now on, unless a newer one is known.
    pub(super) fn settle(&self, topology: &Arc<Topology>) {
        let mut state = lock(&self.state);
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
        known.extend(lock(&self.state).links.keys().cloned());
        let mut asked = JoinSet::new();
        for address in known {
            let cluster = self.clone();
            asked.spawn(async move {
                let link = cluster.link(&address);
                let nodes = link.query(redis::cmd("CLUSTER").arg("NODES")).await?;
                cluster.parse(nodes, &address)
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

    /// Checks that the node at this address sees this topology.
    pub(super) async fn check_view(
        &self,
        address: &Address,
        mut node: MultiplexedConnection,
        topology: &Topology,
    ) -> Result<(), Failure> {
        let nodes = redis::cmd("CLUSTER").arg("NODES").query_async(&mut node).await?;
        match self.parse(nodes, address)?.agrees(topology) {
            true => Ok(()),
            false => Err(Failure::gone("the nodes of the Redis cluster do not agree")),
        }
    }

    /// Parses an answer to `CLUSTER NODES` of the node at this address.
    fn parse(&self, nodes: Value, address: &Address) -> Result<Topology, Failure> {
        let nodes: String = redis::from_redis_value(nodes).map_err(RedisError::from)?;
        Ok(Topology::parse(&nodes, address, self.target.tls.is_some()))
    }
}
