//! Ending sessions: one by id, one of a user's devices, or all of a user's.

use super::handle::Sessions;
use super::id::{Hash, SessionId};
use super::loaded::Loaded;
use super::new_session::gone;
use super::record::IdState;
use super::rotate::FORWARDED;
use super::view::SessionInfo;
use crate::core::{Attempts, Error, ErrorKind};
use std::collections::HashMap;

impl Sessions {
    /// Ends a session: a logout. It is not an error if the session ended before.
    ///
    /// A session that gets another id after this call has read it ends under the new id. An id that the
    /// session had before ends nothing: a request with an old id cannot end the session. A save in
    /// progress fails from then on.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn end(&self, id: &SessionId) -> Result<(), Error> {
        match self.find(id.hash()).await {
            Ok(Some(loaded)) => self.finish(&loaded).await.map(drop),
            Ok(None) => Ok(()),
            // A record that cannot be read names no other id to follow.
            Err(error) if matches!(error.kind(), ErrorKind::Storage | ErrorKind::InvalidKey) => {
                let settings = &*self.0;
                settings.store.remove(&settings.key(id.hash())).await.map(drop)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a user's session by its [handle](SessionInfo::handle); returns whether there was one.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn end_device(&self, user: &str, handle: &str) -> Result<bool, Error> {
        let mut ended = false;
        for loaded in self.owned(user).await?.into_iter().flatten() {
            if loaded.handle() == handle {
                ended |= self.finish(&loaded).await?;
            }
        }
        Ok(ended)
    }

    /// Ends all sessions of a user, on every device; returns how many there were.
    ///
    /// All sessions that existed when this was called have ended when it returns, whatever ids they
    /// got meanwhile. A login still in progress at the call may take effect before or after it.
    ///
    /// # Errors
    /// Errors of the store; some sessions may then have ended and others not.
    pub async fn end_all(&self, user: &str) -> Result<u64, Error> {
        let settings = &*self.0;
        let count = self.owned(user).await?.len() as u64;
        let owner = settings.owner(user);
        let mut attempts = Attempts::at("the user's sessions");
        loop {
            attempts.next()?;
            // A live session always has a record: on an id change the old one outlives a pass. So a
            // pass that finds none proves that none lived when it began.
            if settings.store.remove_owned(&owner).await? == 0 {
                return Ok(count);
            }
        }
    }

    /// Returns a user's sessions, most recently used first.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if a record is damaged; errors of the store.
    pub async fn devices(&self, user: &str) -> Result<Vec<SessionInfo>, Error> {
        let mut sessions = Vec::new();
        for loaded in self.owned(user).await? {
            let loaded = loaded?;
            sessions.push(SessionInfo::new(&loaded, self.expires(&loaded)));
        }
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen()));
        Ok(sessions)
    }

    /// Returns the current state of a user's session that was read, whatever its id is now.
    ///
    /// # Errors
    /// [`ErrorKind::Revoked`] or [`ErrorKind::Expired`] if it ended; errors of the store.
    pub(crate) async fn still_alive(&self, read: &Loaded) -> Result<Loaded, Error> {
        let error = match self.present(read.0.hash).await {
            Ok(loaded) if loaded.key() == read.key() => return Ok(loaded),
            Ok(_) => gone(),
            Err(error) => error,
        };
        // The record may say that the session has another id, or be gone since.
        if let (ErrorKind::Conflict | ErrorKind::Revoked, Some(user)) = (error.kind(), read.key()) {
            let mut sessions = self.owned(user).await?.into_iter().flatten();
            return sessions.find(|session| session.handle() == read.handle()).ok_or_else(gone);
        }
        Err(error)
    }

    /// Returns how many sessions a user has, without reading them.
    ///
    /// If the change of an id broke off, the records are read, as by [`devices`](Self::devices).
    /// A session counts until the timeouts of its last write, by the clock of the store: where they
    /// have been shortened since, `devices` lists fewer. A session that is getting another id at
    /// this moment may count twice or not at all. A damaged record counts.
    ///
    /// # Errors
    /// Errors of the store, and those of `devices`.
    pub async fn count(&self, user: &str) -> Result<u64, Error> {
        let settings = &*self.0;
        let owner = settings.owner(user);
        let [live, pending] = IdState::countable(settings.keys.as_ref());
        // Whether the session has a pending id depends on the record of the former id.
        if settings.store.count_owned(&owner, &pending).await? > 0 {
            return Ok(self.devices(user).await?.len() as u64);
        }
        settings.store.count_owned(&owner, &live).await
    }

    /// Ends the session that was read, under its current id; returns whether it was alive.
    pub(crate) async fn finish(&self, read: &Loaded) -> Result<bool, Error> {
        self.finish_if(read, |_| true).await
    }

    /// Like [`finish`](Self::finish), while `still` accepts the session's current state.
    pub(super) async fn finish_if(
        &self,
        read: &Loaded,
        still: impl Fn(&Loaded) -> bool,
    ) -> Result<bool, Error> {
        let settings = &*self.0;
        let mut current = read.clone();
        let mut attempts = Attempts::at("the session");
        loop {
            attempts.next()?;
            let (hash, version) = (current.0.hash, current.0.version);
            let key = settings.key(hash);
            // Compare-and-set, so that a concurrent id change does not slip through.
            let ended = settings.pack(&key, &IdState::Ended)?;
            let replaced = settings.store.replace(&key, version, ended, Some(FORWARDED));
            if replaced.await?.is_some() {
                settings.memory.forget(&hash);
                // No id follows from this state, so the record is not needed.
                let _ = settings.store.remove(&key).await;
                return Ok(true);
            }
            match self.follow(hash).await? {
                Some(next) if still(&next) => current = next,
                _ => return Ok(false),
            }
        }
    }

    /// Returns the current state of the session that just had this id; `None` if it ended.
    async fn follow(&self, mut hash: Hash) -> Result<Option<Loaded>, Error> {
        let mut attempts = Attempts::at("the session");
        loop {
            attempts.next()?;
            match self.state_of(hash).await? {
                IdState::Live(loaded) | IdState::Pending(_, loaded) => return Ok(Some(loaded)),
                IdState::Moved(to) => hash = to,
                IdState::Ended => return Ok(None),
            }
        }
    }

    /// Returns a user's sessions, each once even during an id change, and the damaged records.
    async fn owned(&self, user: &str) -> Result<Vec<Result<Loaded, Error>>, Error> {
        let settings = &*self.0;
        let mut damaged = Vec::new();
        let mut found: HashMap<[u8; 16], Loaded> = HashMap::new();
        for (key, record) in settings.store.owned(&settings.owner(user)).await? {
            let hash = key.strip_prefix(&*settings.prefix).and_then(Hash::from_text);
            let Some(hash) = hash else { continue };
            let loaded = match self.decode(hash, &key, Some(&record)) {
                Ok(IdState::Live(loaded)) => loaded,
                Ok(IdState::Pending(from, loaded)) if self.has_moved(from, hash).await? => loaded,
                Ok(_) => continue,
                Err(error) => {
                    damaged.push(Err(error));
                    continue;
                }
            };
            if let Ok(loaded) = self.living(loaded) {
                found.insert(loaded.body().handle, loaded);
            }
        }
        Ok(found.into_values().map(Ok).chain(damaged).collect())
    }
}
