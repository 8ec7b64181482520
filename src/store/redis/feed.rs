//! Learns of every change, whoever makes it: Redis tells of each key that is written (client-side
//! caching, `CLIENT TRACKING` in broadcasting mode), for as long as it is seen to be there.

use super::cluster::{self, Cluster};
use super::failure::Failure;
use super::layout::Layout;
use super::link::Link;
use super::sentinel;
use super::topology::Topology;
use super::url::{Address, Login, Target};
use crate::core::error::Error;
use crate::core::telemetry;
use crate::store::watch::{Change, Watcher, Watchers};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Between an answer and the next question whether the connection lives.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// How long that question may stay without an answer. What was told before it was asked has arrived
/// with the answer, so that a change is learned, or everything is forgotten, within the sum of both.
const DEADLINE: Duration = Duration::from_millis(300);
/// Between attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// Who tells of the changes.
pub(super) enum Source {
    Server(Address),
    /// The primary that the sentinels name.
    Service {
        name: String,
        login: Login,
        link: Arc<Link>,
    },
    /// All primaries.
    Cluster(Arc<Cluster>),
}

pub(super) struct Feed {
    target: Arc<Target>,
    source: Source,
    layout: Arc<Layout>,
    timeout: Duration,
    watchers: Watchers,
    /// Whether changes are learned; held while that changes, and while somebody joins.
    live: Mutex<bool>,
}

impl Feed {
    pub(super) fn new(
        target: Arc<Target>,
        source: Source,
        layout: Arc<Layout>,
        timeout: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            target,
            source,
            layout,
            timeout,
            watchers: Watchers::default(),
            live: Mutex::default(),
        })
    }

    fn live(&self) -> MutexGuard<'_, bool> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, watcher: Watcher) {
        let live = self.live();
        self.watchers.add(watcher.clone());
        if *live {
            watcher.notify(Change::Live);
        }
    }

    /// Tells of a write of this process's own.
    pub(super) fn written(&self, key: &str) {
        self.watchers.notify(Change::Key(key));
    }

    fn set_live(&self, now: bool) {
        let mut live = self.live();
        *live = now;
        let change = if now { Change::Live } else { Change::Lost };
        self.watchers.notify(change);
    }

    /// Runs as long as the store.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut warned = false;
        loop {
            let begun = timeout(self.timeout, self.begin()).await;
            match begun.unwrap_or_else(|_| Err(Failure::gone("Redis did not answer in time"))) {
                Ok(session) => {
                    warned = false;
                    self.read_from(Some(&session));
                    {
                        let _live = Live::begin(&self);
                        while session.beat().await {}
                    }
                    self.read_from(None);
                }
                Err(failure) if !warned => {
                    warned = true;
                    let message =
                        "what others change in Redis is not learned, nothing is remembered";
                    telemetry::warn(message, &Error::from(failure));
                }
                Err(_) => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Has records read from the servers that tell of their changes: what another one says, such as
    /// a primary that was replaced, would be remembered and never corrected.
    fn read_from(&self, session: Option<&Session>) {
        match (&self.source, session.map(|session| &session.place)) {
            (Source::Service { link, .. }, Some(Place::Service { primary, .. })) => {
                link.only(Some(primary.clone()));
            }
            (Source::Service { link, .. }, _) => link.only(None),
            (Source::Cluster(cluster), Some(Place::Cluster { topology, .. })) => {
                cluster.settle(topology);
            }
            _ => {}
        }
    }

    async fn begin(self: &Arc<Self>) -> Result<Session, Failure> {
        let ended = Arc::new(Notify::new());
        let target = &self.target;
        let (nodes, place) = match &self.source {
            Source::Server(address) => {
                let connection = target.connect(address, self.pushed(&ended)).await?;
                (vec![(address.clone(), connection)], Place::Server)
            }
            Source::Service { name, login, .. } => {
                let primary = sentinel::connect(target, name, login, self.pushed(&ended)).await?;
                let place = Place::Service {
                    primary: primary.address.clone(),
                    opinions: Opinions::gather(target, name, login),
                };
                (vec![(primary.address, primary.connection)], place)
            }
            Source::Cluster(cluster) => {
                let topology = Arc::new(cluster.topology().await?);
                let mut nodes = Vec::new();
                for address in topology.primaries() {
                    let connection = target.connect(address, self.pushed(&ended)).await?;
                    nodes.push((address.clone(), connection));
                }
                let named = target.tls.is_some();
                (nodes, Place::Cluster { topology, named })
            }
        };
        for (_, node) in &nodes {
            let mut track = redis::cmd("CLIENT");
            track.arg("TRACKING").arg("ON").arg("BCAST");
            track.arg("PREFIX").arg(self.layout.records());
            let () = track.query_async(&mut node.clone()).await?;
        }
        let session = Session {
            nodes,
            place,
            ended,
        };
        while let Place::Service { primary, opinions } = &session.place
            && !opinions.agree_on(primary)
        {
            sleep(Duration::from_millis(5)).await;
        }
        session.check().await?;
        Ok(session)
    }

    /// What is done with what Redis tells unasked.
    fn pushed(
        self: &Arc<Self>,
        ended: &Arc<Notify>,
    ) -> impl Fn(PushInfo) + Clone + Send + Sync + 'static {
        let (feed, ended) = (self.clone(), ended.clone());
        move |push: PushInfo| match (push.kind, push.data.as_slice()) {
            (PushKind::Invalidate, [Value::Array(records)]) => {
                for record in records {
                    match record {
                        Value::BulkString(record) => feed.changed(record),
                        _ => feed.watchers.notify(Change::All),
                    }
                }
            }
            // A flushed database.
            (PushKind::Invalidate, _) => feed.watchers.notify(Change::All),
            (PushKind::Disconnection, _) => ended.notify_one(),
            _ => {}
        }
    }

    fn changed(&self, record: &[u8]) {
        // Else it is of another store, whose prefix begins with ours.
        if let Some(key) = self.layout.key(record) {
            self.watchers.notify(Change::Key(key));
        }
    }
}

/// From [`Change::Live`] to [`Change::Lost`].
struct Live<'a>(&'a Feed);

impl<'a> Live<'a> {
    fn begin(feed: &'a Feed) -> Self {
        feed.set_live(true);
        Self(feed)
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.set_live(false);
    }
}

/// Connections over which every change is told.
struct Session {
    nodes: Vec<(Address, MultiplexedConnection)>,
    place: Place,
    /// One of them broke.
    ended: Arc<Notify>,
}

/// What has to stay as it is for the nodes to be the right ones.
enum Place {
    Server,
    Service {
        primary: Address,
        opinions: Opinions,
    },
    Cluster {
        topology: Arc<Topology>,
        named: bool,
    },
}

impl Session {
    /// Waits for the next heartbeat; whether changes are still learned.
    async fn beat(&self) -> bool {
        if timeout(HEARTBEAT, self.ended.notified()).await.is_ok() {
            return false;
        }
        matches!(timeout(DEADLINE, self.check()).await, Ok(Ok(())))
    }

    async fn check(&self) -> Result<(), Failure> {
        let mut asked = JoinSet::new();
        for (address, node) in &self.nodes {
            let mut node = node.clone();
            match &self.place {
                Place::Cluster { topology, named } => {
                    let (address, named) = (address.clone(), *named);
                    let topology = topology.clone();
                    asked.spawn(
                        async move { cluster::sees(node, &address, named, &topology).await },
                    );
                }
                Place::Server | Place::Service { .. } => {
                    asked.spawn(async move {
                        let _: Value = redis::cmd("PING").query_async(&mut node).await?;
                        Ok(())
                    });
                }
            }
        }
        while let Some(answer) = asked.join_next().await {
            answer.unwrap_or_else(|_| Err(Failure::gone("a heartbeat broke off")))?;
        }
        match &self.place {
            Place::Service { primary, opinions } if !opinions.agree_on(primary) => {
                Err(Failure::gone("the sentinels do not agree on the primary"))
            }
            _ => Ok(()),
        }
    }
}

/// What each sentinel says is the primary; nothing where it does not answer.
///
/// All are asked all the time, because a primary that was cut off and replaced goes on answering.
struct Opinions {
    said: Arc<Mutex<HashMap<Address, Option<Address>>>>,
    _asking: JoinSet<()>,
}

impl Opinions {
    fn gather(target: &Arc<Target>, service: &str, login: &Login) -> Self {
        let sentinels = target.addresses.iter();
        let said: HashMap<_, _> = sentinels.map(|at| (at.clone(), None)).collect();
        let said = Arc::new(Mutex::new(said));
        let mut asking = JoinSet::new();
        for sentinel in &target.addresses {
            asking.spawn(ask(
                target.clone(),
                sentinel.clone(),
                service.to_owned(),
                login.clone(),
                said.clone(),
            ));
        }
        Self {
            said,
            _asking: asking,
        }
    }

    /// Whether most sentinels name this one, and none another.
    fn agree_on(&self, primary: &Address) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = said.values().flatten();
        let named = answers.clone().count();
        named * 2 > said.len() && answers.into_iter().all(|named| named == primary)
    }
}

/// Asks one sentinel again and again, and notes what it says.
async fn ask(
    target: Arc<Target>,
    sentinel: Address,
    service: String,
    login: Login,
    said: Arc<Mutex<HashMap<Address, Option<Address>>>>,
) {
    let note = |answer| {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(sentinel.clone(), answer);
    };
    loop {
        let connect = target.connect_sentinel(&sentinel, &login);
        if let Ok(Ok(mut connection)) = timeout(DEADLINE, connect).await {
            while let Ok(Ok(primary)) =
                timeout(DEADLINE, sentinel::primary_of(&mut connection, &service)).await
            {
                note(Some(primary));
                sleep(HEARTBEAT).await;
            }
            note(None);
        }
        sleep(PAUSE).await;
    }
}
