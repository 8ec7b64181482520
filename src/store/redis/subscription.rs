//! Connections that carry change notifications, and heartbeats that prove them right.

use super::cluster::Cluster;
use super::connection::Link;
use super::deployment::{Deployment, Servers};
use super::failure::Failure;
use super::primary::Known;
use super::server::{self, Server};
use super::topology::Topology;
use super::url::Address;
use crate::core::random::random;
use redis::Value;
use redis::aio::MultiplexedConnection;
use std::{future::pending, sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Interval between a heartbeat's answer and the next heartbeat.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Time limit for a heartbeat's answer.
///
/// Notifications from before a heartbeat arrive before its answer. So a change is learned, or
/// everything is invalidated, within the sum of both.
const DEADLINE: Duration = Duration::from_millis(300);

/// The connections that carry change notifications.
pub(super) struct Subscription {
    servers: Subscribed,
    /// Notified when one of the connections breaks.
    broken: Arc<Notify>,
}

/// The servers that report changes, and what must stay the same for them to be the right ones.
enum Subscribed {
    Primary { node: Node, marker: Marker, known: watch::Receiver<Known> },
    Cluster { nodes: Vec<Node>, cluster: Arc<Cluster>, topology: Arc<Topology> },
}

/// A server that reports its changes.
#[derive(Clone)]
struct Node {
    address: Address,
    run_id: String,
    connection: MultiplexedConnection,
    /// The connection over which its records are read.
    link: Arc<Link>,
}

/// The result of a heartbeat.
pub(super) enum Beat {
    /// Changes are still reported.
    Calm,
    /// Changes are reported, but the database is another one (`SWAPDB`) or was emptied.
    OtherDatabase,
    /// Changes are no longer reported.
    Ended,
}

impl Subscription {
    /// Connects to the servers, which report changes to its watchers, and checks that they are right.
    pub(super) async fn open(deployment: &Arc<Deployment>) -> Result<Self, Failure> {
        let broken = Arc::new(Notify::new());
        let connect = |address, link| Node::connect(deployment, &broken, address, link);
        let servers = match &deployment.servers {
            Servers::Primary { primary, link } => {
                let mut known = primary.watch();
                let Server { address, run_id } = known.borrow_and_update().clone()?;
                let node = connect(address, link.clone()).await?;
                if run_id.is_some_and(|id| id != node.run_id) {
                    return Err(Failure::gone("the primary has just been replaced"));
                }
                let marker =
                    Marker::find(deployment.layout.marker(), node.connection.clone()).await?;
                Subscribed::Primary { node, marker, known }
            }
            Servers::Cluster(cluster) => {
                let topology = Arc::new(cluster.topology().await?);
                let mut nodes = Vec::new();
                for address in topology.primaries() {
                    nodes.push(connect(address.clone(), cluster.link(address)).await?);
                }
                // Records are read from these nodes too.
                cluster.settle(&topology);
                Subscribed::Cluster { nodes, cluster: cluster.clone(), topology }
            }
        };
        let mut subscription = Self { servers, broken };
        subscription.servers.check().await?;
        Ok(subscription)
    }

    /// Waits for the next heartbeat.
    pub(super) async fn beat(&mut self) -> Beat {
        let mut known = match &self.servers {
            Subscribed::Primary { known, .. } => Some(known.clone()),
            Subscribed::Cluster { .. } => None,
        };
        let replaced = async {
            match &mut known {
                // An error means that the store is dropped.
                Some(known) => drop(known.changed().await),
                None => pending().await,
            }
        };
        let beat = async {
            sleep(HEARTBEAT).await;
            timeout(DEADLINE, self.servers.check()).await
        };
        tokio::select! {
            biased;
            () = self.broken.notified() => Beat::Ended,
            () = replaced => Beat::Ended,
            beat = beat => match beat {
                Ok(Ok(beat)) => beat,
                _ => Beat::Ended,
            },
        }
    }
}

impl Subscribed {
    /// Checks that each node is the right one, over its own connection and over that for records.
    async fn check(&mut self) -> Result<Beat, Failure> {
        match self {
            Self::Primary { node, marker, .. } => {
                let (same, ()) =
                    tokio::try_join!(marker.check(node), node.link.confirm(&node.run_id))?;
                Ok(if same { Beat::Calm } else { Beat::OtherDatabase })
            }
            Self::Cluster { nodes, cluster, topology } => {
                let mut checks = JoinSet::new();
                for node in nodes.iter().cloned() {
                    let (cluster, topology) = (cluster.clone(), topology.clone());
                    checks.spawn(async move {
                        let agrees =
                            cluster.check_view(&node.address, node.connection.clone(), &topology);
                        let run_id = server::run_id(node.connection.clone());
                        let read = node.link.confirm(&node.run_id);
                        let ((), run_id, ()) = tokio::try_join!(agrees, run_id, read)?;
                        node.expect(&run_id)
                    });
                }
                while let Some(check) = checks.join_next().await {
                    check.unwrap_or_else(|_| Err(Failure::gone("a heartbeat broke off")))?;
                }
                Ok(Beat::Calm)
            }
        }
    }
}

impl Node {
    /// Connects, and asks for a notification of every change of a record.
    async fn connect(
        deployment: &Arc<Deployment>,
        broken: &Arc<Notify>,
        address: Address,
        link: Arc<Link>,
    ) -> Result<Self, Failure> {
        let pushed = deployment.clone().pushed(broken.clone());
        let mut connection = deployment.target.connect(&address, pushed).await?;
        let run_id = server::run_id(connection.clone()).await?;
        let mut track = redis::cmd("CLIENT");
        track.arg("TRACKING").arg("ON").arg("BCAST");
        track.arg("PREFIX").arg(deployment.layout.records());
        let () = track.query_async(&mut connection).await?;
        Ok(Self { address, run_id, connection, link })
    }

    fn expect(&self, run_id: &str) -> Result<(), Failure> {
        match run_id == self.run_id {
            true => Ok(()),
            false => Err(Failure::gone("a Redis server was replaced by another one")),
        }
    }
}

/// A random value that identifies the database.
///
/// Redis reports no change when the database's number is given to another one (`SWAPDB`).
struct Marker {
    key: String,
    value: Vec<u8>,
}

impl Marker {
    /// Finds the marker or sets one, and watches it from then on.
    async fn find(key: String, mut connection: MultiplexedConnection) -> Result<Self, Failure> {
        // Twice, because another process's marker wins if it was set first.
        for _ in 0..2 {
            let mut find = redis::pipe();
            find.cmd("UNWATCH").ignore();
            find.cmd("WATCH").arg(&key).ignore();
            find.cmd("GET").arg(&key);
            let (found,): (Option<Vec<u8>>,) = find.query_async(&mut connection).await?;
            if let Some(value) = found {
                return Ok(Self { key, value });
            }
            let value: [u8; 16] = random().map_err(Failure::Refused)?;
            let mut set = redis::cmd("SET");
            set.arg(&key).arg(&value).arg("NX");
            let _: Value = set.query_async(&mut connection).await?;
        }
        Err(Failure::gone("the marker of the Redis database is removed"))
    }

    /// Returns whether the database has been the same ever since the last check.
    ///
    /// `EXEC` fails if it was exchanged and exchanged back. Also checks that the server is the
    /// same, and a primary.
    async fn check(&mut self, node: &Node) -> Result<bool, Failure> {
        let mut connection = node.connection.clone();
        let mut ask = redis::pipe();
        ask.cmd("MULTI").ignore().cmd("EXEC");
        ask.cmd("WATCH").arg(&self.key).ignore();
        ask.cmd("GET").arg(&self.key);
        ask.cmd("INFO").arg("server").cmd("ROLE");
        let (executed, value, info, role): (Value, Option<Vec<u8>>, String, Value) =
            ask.query_async(&mut connection).await?;
        server::expect_primary(&role)?;
        node.expect(&server::run_id_in(&info)?)?;
        if executed != Value::Nil && value.as_ref() == Some(&self.value) {
            return Ok(true);
        }
        *self = Self::find(std::mem::take(&mut self.key), connection).await?;
        Ok(false)
    }
}
