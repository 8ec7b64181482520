//! A backend of the foreign trait that can be held and broken.

use crate::support::gate::{Gate, Meeting};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, watch};

/// Records as JSON, with the date to which the backend keeps them.
type Kept = HashMap<i128, (serde_json::Value, i64)>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    kept: Mutex<Kept>,
    /// Where each write waits before it is done.
    writes: Gate,
    /// Where writes that race meet, before they are done.
    race: Option<Meeting>,
    failing: AtomicBool,
    hanging: watch::Sender<bool>,
    /// Whether saves wait to be let on.
    held: AtomicBool,
    waiting: Notify,
    go_on: Notify,
}

impl Shelf {
    /// A backend whose writes overlap wherever possible.
    pub(crate) fn racing() -> Self {
        Self(Arc::new(Inner { race: Some(Meeting::default()), ..Inner::default() }))
    }

    pub(crate) fn writes(&self) -> &Gate {
        &self.0.writes
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.0.failing.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn hang(&self, hangs: bool) {
        self.0.hanging.send_replace(hangs);
    }

    /// The next save waits.
    pub(crate) fn hold_the_next_save(&self) {
        self.0.held.store(true, Ordering::SeqCst);
    }

    /// Until a save waits.
    pub(crate) async fn a_save_waits(&self) {
        self.0.waiting.notified().await;
    }

    pub(crate) fn let_the_save_go_on(&self) {
        self.0.go_on.notify_one();
    }

    /// All that is kept.
    pub(crate) fn dump(&self) -> Vec<(serde_json::Value, i64)> {
        self.0.kept.lock().unwrap().values().cloned().collect()
    }

    pub(crate) fn change(&self, change: impl Fn(&mut serde_json::Value)) {
        let mut kept = self.0.kept.lock().unwrap();
        kept.values_mut().for_each(|(data, _)| change(data));
    }

    async fn write(&self) -> Result<(), String> {
        self.0.writes.pass().await;
        if let Some(race) = &self.0.race {
            race.meet().await;
        }
        self.wait().await
    }

    async fn wait(&self) -> Result<(), String> {
        self.0.hanging.subscribe().wait_for(|hangs| !hangs).await.unwrap();
        match self.0.failing.load(Ordering::SeqCst) {
            true => Err("out of order".to_owned()),
            false => Ok(()),
        }
    }

    async fn held(&self) {
        if self.0.held.swap(false, Ordering::SeqCst) {
            self.0.waiting.notify_one();
            self.0.go_on.notified().await;
        }
    }
}

#[async_trait]
impl tower_sessions_core::SessionStore for Shelf {
    async fn create(
        &self,
        record: &mut tower_sessions_core::session::Record,
    ) -> tower_sessions_core::session_store::Result<()> {
        self.write().await.map_err(tower_sessions_core::session_store::Error::Backend)?;
        let mut kept = self.0.kept.lock().unwrap();
        while kept.contains_key(&record.id.0) {
            record.id = tower_sessions_core::session::Id::default();
        }
        let data = serde_json::to_value(&record.data).unwrap();
        kept.insert(record.id.0, (data, record.expiry_date.unix_timestamp()));
        Ok(())
    }

    async fn save(
        &self,
        record: &tower_sessions_core::session::Record,
    ) -> tower_sessions_core::session_store::Result<()> {
        self.write().await.map_err(tower_sessions_core::session_store::Error::Backend)?;
        self.held().await;
        let data = serde_json::to_value(&record.data).unwrap();
        let until = record.expiry_date.unix_timestamp();
        self.0.kept.lock().unwrap().insert(record.id.0, (data, until));
        Ok(())
    }

    async fn load(
        &self,
        id: &tower_sessions_core::session::Id,
    ) -> tower_sessions_core::session_store::Result<Option<tower_sessions_core::session::Record>>
    {
        self.wait().await.map_err(tower_sessions_core::session_store::Error::Backend)?;
        let kept = self.0.kept.lock().unwrap();
        Ok(kept.get(&id.0).map(|(data, until)| tower_sessions_core::session::Record {
            id: *id,
            data: serde_json::from_value(data.clone()).unwrap(),
            expiry_date: time::OffsetDateTime::from_unix_timestamp(*until).unwrap(),
        }))
    }

    async fn delete(
        &self,
        id: &tower_sessions_core::session::Id,
    ) -> tower_sessions_core::session_store::Result<()> {
        self.write().await.map_err(tower_sessions_core::session_store::Error::Backend)?;
        self.0.kept.lock().unwrap().remove(&id.0);
        Ok(())
    }
}
