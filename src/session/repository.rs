//! Session records in the store: reading them, and compare-and-set writes.

use super::handle::Sessions;
use super::id::{Hash, SessionId};
use super::loaded::Loaded;
use super::new_session::{NewSession, check_data, conflict, expired, gone};
use super::record::{Body, IdState};
use crate::core::{Attempts, Error, ErrorKind, millis};
use crate::store::{NewRecord, Record};

impl Sessions {
    /// Returns the session of an id if the store can answer without waiting.
    pub(super) fn at_once(&self, hash: Hash) -> Option<Result<Loaded, Error>> {
        let key = self.0.key(hash);
        let record = self.0.store.peek(&key)?;
        match self.decode(hash, &key, record.as_ref()) {
            Ok(IdState::Live(loaded)) => Some(self.living(loaded)),
            Ok(IdState::Pending(..)) => None,
            Ok(IdState::Moved(_)) => Some(Err(conflict())),
            Ok(IdState::Ended) => Some(Err(gone())),
            Err(error) => Some(Err(error)),
        }
    }

    /// Returns when the session ends if it is not used again, in Unix milliseconds.
    pub(crate) fn expires(&self, loaded: &Loaded) -> u64 {
        self.0.expires(loaded.body())
    }

    /// Creates a session.
    pub(crate) async fn begin(&self, new: NewSession) -> Result<(SessionId, Loaded), Error> {
        let settings = &*self.0;
        let body = new.into_body(None, settings.now(), settings.max_bytes)?;
        let id = SessionId::generate()?;
        let version = self.insert(id.hash(), IdState::Live(body.clone()), &body).await?;
        Ok((id.clone(), self.remember(id.hash(), version, body)))
    }

    /// Replaces the data that was read with this JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the data was written since, or the session has another id now;
    /// [`ErrorKind::Revoked`] or [`ErrorKind::Expired`] if it ended.
    pub(crate) async fn save_text(&self, read: &Loaded, data: String) -> Result<Loaded, Error> {
        let settings = &*self.0;
        let data = check_data(data, settings.max_bytes)?;
        self.change(read, |body| {
            // A concurrent write of `last_seen` or of fresh tokens is not a conflict.
            match body.revision == read.body().revision {
                true => Ok(body.with_data(data.clone(), settings.now())),
                false => Err(conflict()),
            }
        })
        .await
    }

    /// Changes the session that was read, and again what another write made of it meanwhile.
    pub(super) async fn change(
        &self,
        read: &Loaded,
        mut change: impl FnMut(&Body) -> Result<Body, Error>,
    ) -> Result<Loaded, Error> {
        let mut current = read.clone();
        let mut attempts = Attempts::at("the session");
        loop {
            attempts.next()?;
            let body = change(current.body())?;
            if let Some(saved) = self.write(&current, body).await? {
                return Ok(saved);
            }
            current = self.present(read.0.hash).await?;
        }
    }

    /// Returns whether the last use that was written is old enough for another write.
    pub(crate) fn touch_is_due(&self, read: &Loaded) -> bool {
        let settings = &*self.0;
        let due = read.body().last_seen.saturating_add(millis(settings.touch_every));
        settings.now() >= due
    }

    /// Writes the session's use if that is due; `None` if not, or if another write came first.
    pub(crate) async fn touch_if_due(&self, read: &Loaded) -> Result<Option<Loaded>, Error> {
        if !self.touch_is_due(read) {
            return Ok(None);
        }
        let mut body = read.body().clone();
        body.last_seen = self.0.now();
        self.write(read, body).await
    }

    /// Decodes a record. Its timeouts are not checked before [`living`](Self::living).
    pub(super) fn decode(
        &self,
        hash: Hash,
        key: &str,
        record: Option<&Record>,
    ) -> Result<IdState<Loaded>, Error> {
        let settings = &*self.0;
        let Some(record) = record else {
            return Ok(IdState::Ended);
        };
        let version = record.version();
        if let Some(known) = settings.memory.get(&hash, version) {
            return Ok(IdState::Live(Loaded(known)));
        }
        Ok(match IdState::unpack(key, record.value(), settings.keys.as_ref())? {
            IdState::Live(body) => IdState::Live(self.remember(hash, version, body)),
            IdState::Pending(from, body) => {
                IdState::Pending(from, Loaded::new(hash, version, body))
            }
            IdState::Moved(to) => IdState::Moved(to),
            IdState::Ended => IdState::Ended,
        })
    }

    /// Reads the state of an id from the store.
    pub(super) async fn state_of(&self, hash: Hash) -> Result<IdState<Loaded>, Error> {
        let key = self.0.key(hash);
        let record = self.0.store.get(&key).await?;
        self.decode(hash, &key, record.as_ref())
    }

    /// Returns the session unless it is expired.
    ///
    /// # Errors
    /// [`ErrorKind::Expired`].
    pub(super) fn living(&self, loaded: Loaded) -> Result<Loaded, Error> {
        if self.0.now() < self.expires(&loaded) { Ok(loaded) } else { Err(expired()) }
    }

    /// Returns the session of an id; `None` if it ended or has another id now.
    pub(super) async fn find(&self, hash: Hash) -> Result<Option<Loaded>, Error> {
        match self.present(hash).await {
            Ok(loaded) => Ok(Some(loaded)),
            Err(error) => match error.kind() {
                ErrorKind::Revoked | ErrorKind::Expired | ErrorKind::Conflict => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Returns the session of an id that must have one.
    pub(super) async fn existing(&self, id: &SessionId) -> Result<Loaded, Error> {
        self.find(id.hash()).await?.ok_or_else(gone)
    }

    /// Returns the session of an id, or the reason why there is none.
    ///
    /// [`ErrorKind::Conflict`] means that it has another id now.
    pub(super) async fn present(&self, hash: Hash) -> Result<Loaded, Error> {
        if let Some(answer) = self.at_once(hash) {
            return answer;
        }
        let mut attempts = Attempts::at("the session");
        loop {
            attempts.next()?;
            let loaded = match self.state_of(hash).await? {
                IdState::Live(loaded) => loaded,
                IdState::Pending(from, loaded) if self.has_moved(from, hash).await? => {
                    match self.settle(&loaded).await {
                        Ok(Some(settled)) => settled,
                        Ok(None) => continue,
                        // The session is valid without that write too.
                        Err(_) => loaded,
                    }
                }
                IdState::Moved(_) => return Err(conflict()),
                IdState::Pending(..) | IdState::Ended => return Err(gone()),
            };
            return self.living(loaded);
        }
    }

    /// Returns whether the record of `from` says that its session moved to `to`.
    pub(super) async fn has_moved(&self, from: Hash, to: Hash) -> Result<bool, Error> {
        let state = self.state_of(from).await?;
        Ok(matches!(state, IdState::Moved(now) if now == to))
    }

    /// Turns a pending record into a live one.
    pub(super) async fn settle(&self, pending: &Loaded) -> Result<Option<Loaded>, Error> {
        self.write(pending, pending.body().clone()).await
    }

    /// Replaces the record that was read; `None` if it changed since.
    ///
    /// # Errors
    /// [`ErrorKind::Expired`] if the session's time is over: a write must not extend it.
    async fn write(&self, read: &Loaded, body: Body) -> Result<Option<Loaded>, Error> {
        let settings = &*self.0;
        let now = settings.now();
        settings.ttl(read.body(), now)?;
        let ttl = settings.ttl(&body, now)?;
        let key = settings.key(read.0.hash);
        let value = settings.pack(&key, &IdState::Live(body.clone()))?;
        let replaced = settings.store.replace(&key, read.0.version, value, Some(ttl));
        let version = replaced.await?;
        Ok(version.map(|version| self.remember(read.0.hash, version, body)))
    }

    pub(super) async fn insert(
        &self,
        hash: Hash,
        kept: IdState,
        body: &Body,
    ) -> Result<u64, Error> {
        let settings = &*self.0;
        let key = settings.key(hash);
        let ttl = settings.ttl(body, settings.now())?;
        let record = NewRecord::new(settings.pack(&key, &kept)?).expires_after(ttl);
        let record = match &body.key {
            Some(user) => record.owned_by(settings.owner(user)),
            None => record.for_anonymous(),
        };
        // A 256-bit random id does not collide.
        settings.store.insert(&key, record).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                "two random ids are the same: the system's random source is broken",
            )
        })
    }

    pub(super) fn remember(&self, hash: Hash, version: u64, body: Body) -> Loaded {
        let loaded = Loaded::new(hash, version, body);
        self.0.memory.insert(&loaded.0);
        loaded
    }
}
