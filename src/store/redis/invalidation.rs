//! Change notifications from Redis (client-side caching, `CLIENT TRACKING` in broadcasting mode).
//!
//! Writes of every process are learned for as long as heartbeats succeed.

use super::deployment::{Deployment, Servers};
use super::failure::Failure;
use super::subscription::{Beat, Subscription};
use crate::core::{Error, OnDrop, lock, telemetry};
use crate::store::watch::{Change, Watcher};
use redis::{PushInfo, PushKind, Value};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

impl Deployment {
    pub(super) fn add(&self, watcher: Watcher) {
        let live = lock(&self.live);
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
        let mut live = lock(&self.live);
        *live = now;
        let change = if now { Change::Live } else { Change::Lost };
        self.watchers.notify(change);
    }

    /// Learns changes by other processes. Runs as long as the store.
    pub(super) async fn follow_changes(self: Arc<Self>) {
        let mut warned = false;
        loop {
            match self.subscribe().await {
                Ok(mut subscription) => {
                    warned = false;
                    self.set_live(true);
                    let _lost = OnDrop::new(|| self.set_live(false));
                    loop {
                        match subscription.beat().await {
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

    async fn subscribe(self: &Arc<Self>) -> Result<Subscription, Failure> {
        if let Servers::Primary { primary, .. } = &self.servers {
            // The subscription checks whether the primary is known.
            let _ = timeout(self.timeout, primary.watch().wait_for(Result::is_ok)).await;
        }
        let late = |_| Err(Failure::gone("Redis did not answer in time"));
        timeout(self.timeout, Subscription::open(self)).await.unwrap_or_else(late)
    }

    /// Returns the handler of Redis's push messages; it notifies `broken` when they end.
    pub(super) fn pushed(
        self: Arc<Self>,
        broken: Arc<Notify>,
    ) -> impl Fn(PushInfo) + Send + Sync + 'static {
        move |push: PushInfo| match (push.kind, push.data.as_slice()) {
            (PushKind::Invalidate, [Value::Array(records)]) => {
                for record in records {
                    match record {
                        Value::BulkString(record) => self.changed(record),
                        _ => self.watchers.notify(Change::All),
                    }
                }
            }
            // A flushed database.
            (PushKind::Invalidate, _) => self.watchers.notify(Change::All),
            (PushKind::Disconnection, _) => broken.notify_one(),
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
