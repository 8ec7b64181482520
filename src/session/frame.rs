//! Sessions as the requests of a web server use them: found by a cookie's bytes, at once where that
//! can be, and written by compare-and-set of what was found.

use super::builder::SchemaChange;
use super::change::{NewSession, check_data, conflict, expired, gone, too_busy};
use super::handle::{ATTEMPTS, Sessions, millis};
use super::id::{Hash, SessionId};
use super::memory::Entry;
use super::record::{Body, Data, Kept, Tokens};
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::store::{NewRecord, Record};
use crate::token::claim_set::ClaimSet;
use crate::token::keys::BoxFuture;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A session as it was read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Loaded(pub(super) Arc<Entry>);

/// What a cookie came to. The errors besides those of the store: [`ErrorKind::Malformed`],
/// [`ErrorKind::Revoked`] and [`ErrorKind::Expired`] where there is no session, and
/// [`ErrorKind::Conflict`] where it just got another id, which this client may have by now.
pub(crate) enum Load {
    Now(Result<Loaded, Error>),
    Later(BoxFuture<Result<Loaded, Error>>),
}

/// What a record is, as far as it says itself.
pub(super) enum Reading {
    Live(Loaded),
    /// Counts if the record of that id says so.
    Pending(Hash, Loaded),
    Moved(Hash),
    Ended,
}

impl Loaded {
    pub(super) fn new(hash: Hash, version: u64, body: Body) -> Self {
        Self(Arc::new(Entry {
            hash,
            version,
            body,
        }))
    }

    pub(super) fn body(&self) -> &Body {
        &self.0.body
    }

    /// Whose it is; `None` for a guest.
    pub(crate) fn key(&self) -> Option<&str> {
        self.body().key.as_deref()
    }

    /// When its login was, Unix time.
    pub(crate) fn login(&self) -> Duration {
        Duration::from_millis(self.body().created)
    }

    pub(crate) fn claims(&self) -> &Arc<ClaimSet> {
        &self.body().claims
    }

    pub(crate) fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.body().tokens.as_ref()
    }

    /// What an OAuth2 login left.
    #[cfg_attr(not(feature = "oauth2"), allow(dead_code))]
    pub(crate) fn grant(&self) -> Option<&Arc<Secret>> {
        self.body().grant.as_ref()
    }

    /// Names the session to its user, through all its ids.
    pub(crate) fn handle(&self) -> String {
        self.body().handle()
    }

    /// The SHA-256 of the id.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    pub(crate) fn id_hash(&self) -> &[u8; 32] {
        &self.0.hash.0
    }

    /// The data as JSON.
    pub(crate) fn data_text(&self) -> &str {
        self.body().data.text()
    }

    /// The data as a `T`: decoded once, then shared.
    pub(crate) fn data<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.body().data.decode()
    }

    /// The data as a `T`, where it was asked for as one before.
    pub(crate) fn decoded<T: 'static>(&self) -> Option<&T> {
        self.body().data.decoded()
    }

    /// Whether the application put data into it: a login outside of it brings none.
    pub(crate) fn has_data(&self) -> bool {
        self.data_text() != "null"
    }
}

/// The SHA-256 of the id that a cookie holds; `None` where that is no id.
pub(crate) fn id_hash(cookie: &[u8]) -> Option<[u8; 32]> {
    Hash::of(cookie).map(|hash| hash.0)
}

impl Sessions {
    /// Finds the session of a cookie.
    pub(crate) fn load(&self, cookie: &[u8]) -> Load {
        let Some(hash) = Hash::of(cookie) else {
            return Load::Now(Err(Error::new(
                ErrorKind::Malformed,
                "this is no session id",
            )));
        };
        if let Some(answer) = self.at_once(hash) {
            return Load::Now(answer);
        }
        let sessions = self.clone();
        Load::Later(Box::pin(async move { sessions.present(hash).await }))
    }

    /// What can be said of an id without waiting.
    fn at_once(&self, hash: Hash) -> Option<Result<Loaded, Error>> {
        let settings = self.settings();
        let key = settings.key(hash);
        let Some(record) = settings.store.peek(&key)? else {
            return Some(Err(gone()));
        };
        Some(match self.read(hash, &key, &record) {
            Ok(Reading::Live(loaded)) => self.living(loaded).ok_or_else(expired),
            Ok(Reading::Pending(..)) => return None,
            Ok(Reading::Moved(_)) => Err(conflict()),
            Ok(Reading::Ended) => Err(gone()),
            Err(error) => Err(error),
        })
    }

    /// The session as it is now.
    ///
    /// # Errors
    /// As [`Load`].
    pub(crate) async fn reload(&self, loaded: &Loaded) -> Result<Loaded, Error> {
        self.present(loaded.0.hash).await
    }

    /// The data as a `T`, decoded once and shared; `None` where it is of another type and such
    /// sessions start over.
    pub(crate) fn data_of<'a, T>(&self, loaded: &'a Loaded) -> Result<Option<&'a T>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        match loaded.body().data.decode::<T>() {
            Ok(data) => Ok(Some(data)),
            // It began without data.
            Err(_) if loaded.data_text() == "null" => Ok(None),
            Err(_) if self.settings().on_schema_change == SchemaChange::StartOver => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where they are kept.
    #[cfg(all(feature = "oauth2", any(feature = "tower", feature = "actix")))]
    pub(crate) fn store(&self) -> Arc<dyn crate::store::Store> {
        self.settings().store.clone()
    }

    /// Unix milliseconds.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    pub(crate) fn now(&self) -> u64 {
        self.settings().now()
    }

    /// When it ends unless it is used: Unix milliseconds.
    pub(crate) fn expires(&self, loaded: &Loaded) -> u64 {
        self.settings().expires(loaded.body())
    }

    /// How long a new session's cookie may be kept.
    pub(crate) fn absolute_left(&self, loaded: &Loaded) -> Duration {
        let settings = self.settings();
        let ends = loaded
            .body()
            .created
            .saturating_add(millis(settings.absolute));
        Duration::from_millis(ends.saturating_sub(settings.now()))
    }

    /// Begins a session.
    pub(crate) async fn begin(&self, new: NewSession) -> Result<(SessionId, Loaded), Error> {
        let settings = self.settings();
        let body = new.into_body(None, settings.now(), settings.max_bytes)?;
        let id = SessionId::generate()?;
        let version = self
            .insert(id.hash(), Kept::Live(body.clone()), &body)
            .await?;
        Ok((id.clone(), self.remember(id.hash(), version, body)))
    }

    /// Puts other data, JSON, in the place of what was read.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where the data was written since, or the session has another id now;
    /// [`ErrorKind::Revoked`] and [`ErrorKind::Expired`] where it ended.
    pub(crate) async fn save_text(&self, read: &Loaded, data: String) -> Result<Loaded, Error> {
        let data = Arc::new(check_data(data, self.settings().max_bytes)?);
        let mut current = read.clone();
        for _ in 0..ATTEMPTS {
            if let Some(saved) = self.write_data(&current, data.clone()).await? {
                return Ok(saved);
            }
            current = self.present(read.0.hash).await?;
            // A use that was written down meanwhile, or fresh tokens, are in nobody's way.
            if current.body().revision != read.body().revision {
                return Err(conflict());
            }
        }
        Err(too_busy())
    }

    /// Puts other tokens in the place of what was read. No use of the session.
    ///
    /// # Errors
    /// As [`save_text`](Self::save_text), where the tokens were written since.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    pub(crate) async fn save_tokens(
        &self,
        read: &Loaded,
        tokens: Tokens,
        claims: Arc<ClaimSet>,
    ) -> Result<Loaded, Error> {
        let tokens = Arc::new(tokens);
        let text = |loaded: &Loaded| loaded.tokens().map(|tokens| tokens.id.clone());
        let change = |body: &mut Body| {
            body.tokens = Some(tokens.clone());
            // A second factor is the session's own: no token knows of it.
            body.claims = match &body.methods {
                Some(methods) => methods.added_to(&claims)?,
                None => claims.clone(),
            };
            Ok(())
        };
        self.save_aside(read, text, change).await
    }

    /// Puts what another OAuth2 refresh left in the place of what was read. No use of the session.
    ///
    /// # Errors
    /// As [`save_text`](Self::save_text), where that was written since.
    #[cfg_attr(not(feature = "oauth2"), allow(dead_code))]
    pub(crate) async fn save_grant(&self, read: &Loaded, grant: Secret) -> Result<Loaded, Error> {
        let grant = Arc::new(grant);
        let change = |body: &mut Body| {
            body.grant = Some(grant.clone());
            Ok(())
        };
        self.save_aside(read, |loaded| loaded.grant().cloned(), change)
            .await
    }

    /// Changes what is no data, until nothing came between; `seen` is what must not have changed.
    #[cfg_attr(not(feature = "client"), allow(dead_code))]
    async fn save_aside<S: PartialEq>(
        &self,
        read: &Loaded,
        seen: impl Fn(&Loaded) -> S,
        change: impl Fn(&mut Body) -> Result<(), Error>,
    ) -> Result<Loaded, Error> {
        let mut current = read.clone();
        for _ in 0..ATTEMPTS {
            let mut body = current.body().clone();
            change(&mut body)?;
            if let Some(saved) = self.write(&current, body).await? {
                return Ok(saved);
            }
            current = self.present(read.0.hash).await?;
            if seen(&current) != seen(read) {
                return Err(conflict());
            }
        }
        Err(too_busy())
    }

    /// Whether the last use that was written down is long enough ago.
    pub(crate) fn touch_is_due(&self, read: &Loaded) -> bool {
        let settings = self.settings();
        let due = read
            .body()
            .last_seen
            .saturating_add(millis(settings.touch_every));
        settings.now() >= due
    }

    /// Writes down that the session is used, if the last time was long enough ago; `None` where it
    /// was not, or somebody else just wrote.
    pub(crate) async fn touch_if_due(&self, read: &Loaded) -> Result<Option<Loaded>, Error> {
        if !self.touch_is_due(read) {
            return Ok(None);
        }
        let mut body = read.body().clone();
        body.last_seen = self.settings().now();
        self.write(read, body).await
    }

    /// Reads what the store said; nothing of it counts before [`living`](Self::living).
    pub(super) fn read(&self, hash: Hash, key: &str, record: &Record) -> Result<Reading, Error> {
        let settings = self.settings();
        let version = record.version();
        if let Some(known) = settings.memory.get(&hash, version) {
            return Ok(Reading::Live(Loaded(known)));
        }
        let kept = Kept::unpack(key, record.value(), settings.keys.as_ref())?;
        Ok(match kept {
            Kept::Live(body) => Reading::Live(self.remember(hash, version, body)),
            Kept::Pending(from, body) => Reading::Pending(from, Loaded::new(hash, version, body)),
            Kept::Moved(to) => Reading::Moved(to),
            Kept::Ended => Reading::Ended,
        })
    }

    /// The session, unless its time is over.
    pub(super) fn living(&self, loaded: Loaded) -> Option<Loaded> {
        let settings = self.settings();
        (settings.now() < settings.expires(loaded.body())).then_some(loaded)
    }

    /// The session of an id.
    pub(super) async fn find(&self, hash: Hash) -> Result<Option<Loaded>, Error> {
        match self.present(hash).await {
            Ok(loaded) => Ok(Some(loaded)),
            Err(error) => match error.kind() {
                ErrorKind::Revoked | ErrorKind::Expired | ErrorKind::Conflict => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// The session of an id, or why there is none: [`ErrorKind::Conflict`] where it has another id
    /// now.
    pub(super) async fn present(&self, hash: Hash) -> Result<Loaded, Error> {
        if let Some(answer) = self.at_once(hash) {
            return answer;
        }
        let settings = self.settings();
        let key = settings.key(hash);
        for _ in 0..ATTEMPTS {
            let record = settings.store.get(&key).await?.ok_or_else(gone)?;
            let loaded = match self.read(hash, &key, &record)? {
                Reading::Live(loaded) => loaded,
                Reading::Pending(from, loaded) => {
                    if !self.has_moved(from, hash).await? {
                        return Err(gone());
                    }
                    match self.settle(&loaded).await {
                        Ok(Some(settled)) => settled,
                        Ok(None) => continue,
                        // It counts all the same.
                        Err(_) => loaded,
                    }
                }
                Reading::Moved(_) => return Err(conflict()),
                Reading::Ended => return Err(gone()),
            };
            return self.living(loaded).ok_or_else(expired);
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the store's reads do not catch up with its writes",
        ))
    }

    /// Whether the session of one id is the other one's now.
    pub(super) async fn has_moved(&self, from: Hash, to: Hash) -> Result<bool, Error> {
        let settings = self.settings();
        let key = settings.key(from);
        let Some(record) = settings.store.get(&key).await? else {
            return Ok(false);
        };
        let reading = self.read(from, &key, &record)?;
        Ok(matches!(reading, Reading::Moved(now) if now == to))
    }

    /// Writes down that a pending session counts.
    pub(super) async fn settle(&self, pending: &Loaded) -> Result<Option<Loaded>, Error> {
        self.write(pending, pending.body().clone()).await
    }

    pub(super) async fn write_data(
        &self,
        read: &Loaded,
        data: Arc<Data>,
    ) -> Result<Option<Loaded>, Error> {
        let mut body = read.body().clone();
        body.data = data;
        body.revision += 1;
        body.last_seen = body.last_seen.max(self.settings().now());
        self.write(read, body).await
    }

    /// Puts another body in the place of what was read; `None` where that changed since.
    ///
    /// # Errors
    /// [`ErrorKind::Expired`] where its time is over: a write gives it no more.
    async fn write(&self, read: &Loaded, body: Body) -> Result<Option<Loaded>, Error> {
        let settings = self.settings();
        let now = settings.now();
        settings.ttl(read.body(), now)?;
        let ttl = settings.ttl(&body, now)?;
        let key = settings.key(read.0.hash);
        let value = Kept::Live(body.clone()).pack(&key, settings.keys.as_ref())?;
        let replaced = settings
            .store
            .replace(&key, read.0.version, value, Some(ttl));
        let version = replaced.await?;
        Ok(version.map(|version| self.remember(read.0.hash, version, body)))
    }

    pub(super) async fn insert(&self, hash: Hash, kept: Kept, body: &Body) -> Result<u64, Error> {
        let settings = self.settings();
        let key = settings.key(hash);
        let ttl = settings.ttl(body, settings.now())?;
        let mut record =
            NewRecord::new(kept.pack(&key, settings.keys.as_ref())?).expires_after(ttl);
        record = match &body.key {
            Some(user) => record.owned_by(settings.owner(user)),
            None => record.for_anonymous(),
        };
        // Not in this universe's lifetime is there another of this id.
        settings.store.insert(&key, record).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                "two random ids are the same: the system's random source is broken",
            )
        })
    }

    pub(super) fn remember(&self, hash: Hash, version: u64, body: Body) -> Loaded {
        let loaded = Loaded::new(hash, version, body);
        self.settings().memory.insert(&loaded.0);
        loaded
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("version", &self.0.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl crate::core::clock::Clock for Hand {
        fn now(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst))
        }

        fn monotonic(&self) -> Duration {
            self.now()
        }
    }

    fn tokens(id: &str) -> Tokens {
        Tokens::new(Secret::new(id), Some(Secret::new("refresh")))
    }

    #[tokio::test]
    async fn fresh_tokens_are_no_use_of_the_session_and_in_no_saves_way() {
        let clock = Hand::default();
        let sessions = Sessions::builder(MemoryStore::new()).clock(clock.clone());
        let sessions = sessions.build().unwrap();
        let new = NewSession::of("ann").data(&1).tokens(tokens("first"));
        let (_, read) = sessions.begin(new).await.unwrap();
        clock.0.store(3600, Ordering::SeqCst);
        let claims = read.claims().clone();
        let save = sessions.save_tokens(&read, tokens("second"), claims.clone());
        let saved = save.await.unwrap();
        assert_eq!(saved.tokens().unwrap().id.expose(), "second");
        assert_eq!(saved.body().last_seen, 0);
        // Of two that refresh one is told.
        let late = sessions.save_tokens(&read, tokens("third"), claims).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Conflict);
        // A handler's save of what was read before keeps the fresh ones.
        let saved = sessions.save_text(&read, "2".to_owned()).await.unwrap();
        assert_eq!(saved.tokens().unwrap().id.expose(), "second");
        assert_eq!(
            (saved.data_text(), saved.body().last_seen),
            ("2", 3_600_000)
        );
        let refresh = saved.tokens().unwrap().refresh.as_ref();
        assert_eq!(refresh.unwrap().expose(), "refresh");
        let packed = Kept::Live(saved.body().clone()).pack("k", None).unwrap();
        let Ok(Kept::Live(unpacked)) = Kept::unpack("k", &packed, None) else {
            unreachable!("it was just packed");
        };
        assert_eq!(unpacked.tokens.unwrap().id.expose(), "second");
    }
}
