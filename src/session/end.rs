//! Sessions end: one, one of a user's devices, or all of a user's.

use super::change::too_busy;
use super::frame::{Loaded, Reading};
use super::handle::{ATTEMPTS, Sessions};
use super::id::{Hash, SessionId};
use super::record::Kept;
use super::rework::FORWARDED;
use super::view::SessionInfo;
use crate::core::error::{Error, ErrorKind};
use std::collections::HashMap;

impl Sessions {
    /// Ends a session: a logout. Not an error where it ended before.
    ///
    /// One that is getting another id at the same moment ends under that. A save that was under way
    /// is an error from then on.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(&self, id: &SessionId) -> Result<(), Error> {
        match self.find(id.hash()).await {
            Ok(Some(loaded)) => self.finish(&loaded).await.map(drop),
            Ok(None) => Ok(()),
            // Of what cannot be read there is nothing to follow.
            Err(error) if matches!(error.kind(), ErrorKind::Storage | ErrorKind::InvalidKey) => {
                let settings = self.settings();
                settings
                    .store
                    .remove(&settings.key(id.hash()))
                    .await
                    .map(drop)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends one session of a user's, named by its [handle](SessionInfo::handle); says whether there
    /// was such a one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn end(&self, key: &str, handle: &str) -> Result<bool, Error> {
        let mut ended = false;
        for loaded in self.owned(key).await?.sessions {
            if loaded.handle() == handle {
                ended |= self.finish(&loaded).await?;
            }
        }
        Ok(ended)
    }

    /// Ends all sessions of a user, on every device; says how many there were.
    ///
    /// All that there were when this was called have ended when it returns, and whatever ids they
    /// got meanwhile; a login that was not answered before may come out before or after.
    ///
    /// # Errors
    /// Those of the store; some may then have ended and others not.
    pub async fn clear(&self, key: &str) -> Result<u64, Error> {
        let settings = self.settings();
        let owned = self.owned(key).await?;
        let count = owned.sessions.len() as u64 + owned.unreadable;
        let owner = settings.owner(key);
        for _ in 0..ATTEMPTS {
            // While a session lives, at each moment one record or more of the owner's stand for it:
            // with another id the old record stays, and says so, for longer than a pass takes. So a
            // pass that finds none proves that none lived when it began.
            if settings.store.remove_owned(&owner).await? == 0 {
                return Ok(count);
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "sessions of this user begin faster than they can be ended",
        ))
    }

    /// A user's sessions, the last used first.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] where a record is damaged; those of the store.
    pub async fn list(&self, key: &str) -> Result<Vec<SessionInfo>, Error> {
        let owned = self.owned(key).await?;
        if let Some(error) = owned.error {
            return Err(error);
        }
        let info = |loaded: &Loaded| SessionInfo::new(loaded, self.expires(loaded));
        let mut sessions: Vec<_> = owned.sessions.iter().map(info).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen()));
        Ok(sessions)
    }

    /// How many sessions a user has.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn count(&self, key: &str) -> Result<u64, Error> {
        self.list(key).await.map(|sessions| sessions.len() as u64)
    }

    /// Ends what was read, under whatever id it is by now; says whether it was alive.
    pub(crate) async fn finish(&self, read: &Loaded) -> Result<bool, Error> {
        self.finish_if(read, |_| true).await
    }

    /// The same, unless a login has given it another refresh token since.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    pub(crate) async fn finish_login(&self, read: &Loaded) -> Result<bool, Error> {
        let refresh = |loaded: &Loaded| loaded.tokens().and_then(|tokens| tokens.refresh.clone());
        self.finish_if(read, |now| refresh(now) == refresh(read))
            .await
    }

    async fn finish_if(
        &self,
        read: &Loaded,
        still: impl Fn(&Loaded) -> bool,
    ) -> Result<bool, Error> {
        let settings = self.settings();
        let mut current = read.clone();
        for _ in 0..ATTEMPTS {
            let (hash, version) = (current.0.hash, current.0.version);
            let key = settings.key(hash);
            // By its version, so that a new id that it gets at this moment does not slip away.
            let ended = Kept::Ended.pack(&key, settings.keys.as_ref())?;
            let replaced = settings
                .store
                .replace(&key, version, ended, Some(FORWARDED));
            if replaced.await?.is_some() {
                settings.memory.forget(&hash);
                // Nothing follows that state, so nothing is lost with the record.
                let _ = settings.store.remove(&key).await;
                return Ok(true);
            }
            match self.follow(hash).await? {
                Some(next) if still(&next) => current = next,
                _ => return Ok(false),
            }
        }
        Err(too_busy())
    }

    /// The session that was an id's a moment ago, as it is now; `None` where it ended.
    async fn follow(&self, mut hash: Hash) -> Result<Option<Loaded>, Error> {
        let settings = self.settings();
        for _ in 0..ATTEMPTS {
            let key = settings.key(hash);
            let Some(record) = settings.store.get(&key).await? else {
                return Ok(None);
            };
            match self.read(hash, &key, &record)? {
                Reading::Live(loaded) | Reading::Pending(_, loaded) => return Ok(Some(loaded)),
                Reading::Moved(to) => hash = to,
                Reading::Ended => return Ok(None),
            }
        }
        Err(too_busy())
    }

    /// What a user has: each session once, whatever ids it is just getting.
    async fn owned(&self, key: &str) -> Result<Owned, Error> {
        let settings = self.settings();
        let mut owned = Owned::default();
        let mut found: HashMap<[u8; 16], Loaded> = HashMap::new();
        for (key, record) in settings.store.owned(&settings.owner(key)).await? {
            let hash = key
                .strip_prefix(&*settings.prefix)
                .and_then(Hash::from_text);
            let Some(hash) = hash else { continue };
            let loaded = match self.read(hash, &key, &record) {
                Ok(Reading::Live(loaded)) => loaded,
                Ok(Reading::Pending(from, loaded)) if self.has_moved(from, hash).await? => loaded,
                Ok(_) => continue,
                Err(error) => {
                    owned.unreadable += 1;
                    owned.error = Some(error);
                    continue;
                }
            };
            if let Some(loaded) = self.living(loaded) {
                found.insert(loaded.body().handle, loaded);
            }
        }
        owned.sessions = found.into_values().collect();
        Ok(owned)
    }
}

#[derive(Default)]
struct Owned {
    sessions: Vec<Loaded>,
    unreadable: u64,
    error: Option<Error>,
}
