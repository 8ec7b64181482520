//! Change notifications from Redis (client-side caching, `CLIENT TRACKING` in broadcasting mode).
//!
//! Writes of every process are learned for as long as heartbeats succeed.

use super::cluster::Cluster;
use super::connection::Link;
use super::failure::Failure;
use super::layout::Layout;
use super::primary::Primary;
use super::session::{Beat, Session};
use super::url::Target;
use crate::core::error::Error;
use crate::core::lock::lock;
use crate::core::telemetry;
use crate::store::watch::{Change, Watcher, Watchers};
use redis::{PushInfo, PushKind, Value};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// The servers that report changes.
pub(super) enum Source {
    /// `link` is the connection over which records are read.
    Primary { primary: Arc<Primary>, link: Arc<Link> },
    /// All primaries.
    Cluster(Arc<Cluster>),
}

pub(super) struct Feed {
    target: Arc<Target>,
    source: Source,
    layout: Arc<Layout>,
    timeout: Duration,
    watchers: Watchers,
    /// Whether changes are learned. Locked while that changes, and while a watcher is added.
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
        lock(&self.live)
    }

    pub(super) fn add(&self, watcher: Watcher) {
        let live = self.live();
        self.watchers.add(watcher.clone());
        if *live {
            watcher.notify(Change::Live);
        }
    }

    /// Notifies watchers of a write by this process.
    pub(super) fn written(&self, key: &str) {
        self.watchers.notify(Change::Key(key));
    }

    fn set_live(&self, now: bool) {
        let mut live = self.live();
        *live = now;
        let change = if now { Change::Live } else { Change::Lost };
        self.watchers.notify(change);
    }

    /// Returns the primary that is tracked; `None` in a cluster.
    pub(super) fn primary(&self) -> Option<&Arc<Primary>> {
        match &self.source {
            Source::Primary { primary, .. } => Some(primary),
            Source::Cluster(_) => None,
        }
    }

    /// Runs as long as the store.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut warned = false;
        loop {
            match self.begin().await {
                Ok(mut session) => {
                    warned = false;
                    let _live = Live::begin(&self);
                    loop {
                        match session.beat().await {
                            Beat::Calm => {}
                            Beat::OtherDatabase => self.watchers.notify(Change::All),
                            Beat::Ended => break,
                        }
                    }
                }
                Err(failure) if !warned => {
                    warned = true;
                    let message =
                        "changes in Redis by other processes are not learned, so nothing is cached";
                    telemetry::warn(message, &Error::from(failure));
                }
                Err(_) => {}
            }
            sleep(PAUSE).await;
        }
    }

    async fn begin(self: &Arc<Self>) -> Result<Session, Failure> {
        let late = |_| Failure::gone("Redis did not answer in time");
        let ended = Arc::new(Notify::new());
        let pushed = self.pushed(&ended);
        let (target, layout) = (&self.target, &self.layout);
        match &self.source {
            Source::Primary { primary, link } => {
                let mut known = primary.watch();
                // The session checks whether the primary is known.
                let _ = timeout(self.timeout, known.wait_for(Result::is_ok)).await;
                let begin = Session::with_primary(target, layout, known, link, pushed, ended);
                timeout(self.timeout, begin).await.map_err(late)?
            }
            Source::Cluster(cluster) => {
                let begin = Session::with_cluster(target, layout, cluster, pushed, ended);
                timeout(self.timeout, begin).await.map_err(late)?
            }
        }
    }

    /// Returns the handler of Redis's push messages.
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
        // Otherwise it belongs to another store, whose prefix begins with this one.
        if let Some(key) = self.layout.key(record) {
            self.watchers.notify(Change::Key(key));
        }
    }
}

/// A guard that reports [`Change::Live`] at its start and [`Change::Lost`] on drop.
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
