//! A session gets another id, and the old one is dead.
//!
//! No store changes two records in one step, so this is done in three, of which the second decides:
//!
//! 1. The new record is inserted, *pending* on the old id: it counts only if the old record says so.
//! 2. The old record is replaced, by its version, with one that says where the session went.
//! 3. The new record is made one like any other, and then the old one need not be kept any more.
//!
//! Broken off before the second, the old id has the session, and after it the new one: whoever reads
//! the pending record asks the old one, and does the third step. Until that is done the old record
//! is kept as long as the new one, so that there is always an answer.

use super::change::{NewSession, check_data, conflict, gone, read_claims, to_json, too_busy};
use super::frame::Loaded;
use super::handle::{ATTEMPTS, Sessions};
use super::id::SessionId;
use super::methods::Methods;
use super::record::{Body, Kept};
use crate::core::error::Error;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How long it is still known where a session went. Much longer than a pass over all sessions of a
/// user takes, because [`clear`](Sessions::clear) goes by it.
pub(super) const FORWARDED: Duration = Duration::from_secs(300);

/// What changes with the id, all in one write.
#[derive(Clone, Default)]
pub(crate) struct Rotation {
    /// Who logged in.
    pub(crate) login: Option<NewSession>,
    /// JSON, if it changed.
    pub(crate) data: Option<String>,
    /// By which methods the user has proved who they are now.
    pub(crate) methods: Option<Methods>,
}

impl Sessions {
    /// Gives a session another id, and everything else stays. The old id is dead at once.
    ///
    /// # Errors
    /// [`ErrorKind::Revoked`](crate::ErrorKind::Revoked) where there is no such session;
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) where another call just gave it a new id;
    /// those of the store, and then the old id has the session still, or it has one that nobody
    /// knows.
    pub async fn rework(&self, id: &SessionId) -> Result<SessionId, Error> {
        let read = self.find(id.hash()).await?.ok_or_else(gone)?;
        let same = self.rotate(&read, Rotation::default()).await;
        same.map(|(id, _)| id)
    }

    /// Gives a session another id and other claims: a change of what its user may do. A
    /// [step-up](Self::step_up) that they do not tell of has not been.
    ///
    /// A JAM login's claims are its ID token's: they come back when that is renewed, so keep rights
    /// elsewhere there.
    ///
    /// # Errors
    /// As [`rework`](Self::rework); [`ErrorKind::Configuration`](crate::ErrorKind::Configuration)
    /// where the claims are no JSON object.
    pub async fn rework_claims<T: Serialize + ?Sized>(
        &self,
        id: &SessionId,
        claims: &T,
    ) -> Result<SessionId, Error> {
        let read = self.find(id.hash()).await?.ok_or_else(gone)?;
        self.rotate_claims(&read, claims).await.map(|(id, _)| id)
    }

    /// Gives a session another id, and writes down by which further methods its user has proved who
    /// they are: names as of RFC 8176, which its claims show in `amr` behind those of the login. Data,
    /// tokens and both timeouts stay, and so do the methods when a JAM login's ID token is renewed. The
    /// next login ends them.
    ///
    /// With `otp` and `mfa`, `policy::second_factor()` holds.
    ///
    /// # Errors
    /// As [`rework`](Self::rework); [`ErrorKind::Configuration`](crate::ErrorKind::Configuration)
    /// where a name is none.
    ///
    /// ```
    /// use jamguard::{Sessions, store::MemoryStore};
    /// # async fn example() -> Result<(), jamguard::Error> {
    /// let sessions = Sessions::builder(MemoryStore::new()).build()?;
    /// let id = sessions.create(Some("ann"), &()).await?;
    /// let id = sessions.step_up(&id, &["otp", "mfa"]).await?;
    /// let session = sessions.get::<()>(&id).await?.expect("it lives on");
    /// assert!(session.raw_claims().contains(r#""amr":["otp","mfa"]"#));
    /// # Ok(()) }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn step_up(&self, id: &SessionId, methods: &[&str]) -> Result<SessionId, Error> {
        let rotation = Rotation {
            methods: Some(Methods::new(methods)?),
            ..Rotation::default()
        };
        let read = self.find(id.hash()).await?.ok_or_else(gone)?;
        self.rotate(&read, rotation).await.map(|(id, _)| id)
    }

    /// Gives a session another id and another user: a login. What `new` does not say stays, such as
    /// the data of the guest; of another user's session nothing does. Both timeouts begin anew.
    ///
    /// # Errors
    /// As [`rework`](Self::rework) and [`create_with`](Self::create_with).
    pub async fn login(&self, id: &SessionId, new: NewSession) -> Result<SessionId, Error> {
        let read = self.find(id.hash()).await?.ok_or_else(gone)?;
        let rotation = Rotation {
            login: Some(new),
            ..Rotation::default()
        };
        self.rotate(&read, rotation).await.map(|(id, _)| id)
    }

    /// [`rework_claims`](Self::rework_claims) of what was read.
    pub(crate) async fn rotate_claims<T: Serialize + ?Sized>(
        &self,
        read: &Loaded,
        claims: &T,
    ) -> Result<(SessionId, Loaded), Error> {
        let claims = read_claims(to_json(claims)?)?;
        self.rotated(read, |body| {
            let mut body = body.clone();
            body.claims = claims.clone();
            body.methods = None;
            Ok(body)
        })
        .await
    }

    /// Gives what was read another id, and changes what changes with it: a request that did all of it
    /// writes once.
    ///
    /// # Errors
    /// As [`login`](Self::login); [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) where the
    /// data changed, here and elsewhere.
    pub(crate) async fn rotate(
        &self,
        read: &Loaded,
        rotation: Rotation,
    ) -> Result<(SessionId, Loaded), Error> {
        let settings = self.settings();
        let Rotation {
            login,
            data,
            methods,
        } = rotation;
        let login_brings_data = login.as_ref().is_some_and(|new| !new.keeps_data());
        let others = login
            .as_ref()
            .is_some_and(|new| read.key().is_some_and(|user| Some(user) != new.user()));
        let before = (!others).then_some(read.body());
        let login = login
            .map(|new| new.into_body(before, settings.now(), settings.max_bytes))
            .transpose()?;
        let data = data
            .map(|data| check_data(data, settings.max_bytes).map(Arc::new))
            .transpose()?;
        self.rotated(read, |body| {
            let mut next = login.clone().unwrap_or_else(|| body.clone());
            (next.data, next.revision) = match &data {
                _ if login_brings_data => (next.data, next.revision),
                Some(_) if body.revision != read.body().revision => return Err(conflict()),
                Some(data) => (data.clone(), body.revision + 1),
                None if others => (next.data, next.revision),
                None => (body.data.clone(), body.revision),
            };
            match &methods {
                Some(methods) => next.proved_by(methods),
                None => Ok(next),
            }
        })
        .await
    }

    /// Gives the session another id and the body that `change` makes of the present one.
    async fn rotated(
        &self,
        read: &Loaded,
        change: impl Fn(&Body) -> Result<Body, Error>,
    ) -> Result<(SessionId, Loaded), Error> {
        let settings = self.settings();
        let old_key = settings.key(read.0.hash);
        let mut old = read.clone();
        for _ in 0..ATTEMPTS {
            let now = settings.now();
            settings.ttl(old.body(), now)?;
            let mut body = change(old.body())?;
            body.last_seen = body.last_seen.max(now);
            let ttl = settings.ttl(&body, now)?;
            let id = SessionId::generate()?;
            let hash = id.hash();
            let pending = Kept::Pending(old.0.hash, body.clone());
            let version = self.insert(hash, pending, &body).await?;
            let pack = || Kept::Moved(hash).pack(&old_key, settings.keys.as_ref());
            let moved =
                settings
                    .store
                    .replace(&old_key, old.0.version, pack()?, Some(ttl.max(FORWARDED)));
            let moved = match moved.await {
                Ok(Some(moved)) => Some(moved),
                Ok(None) => {
                    // Nothing names it, and nothing will.
                    let _ = settings.store.remove(&settings.key(hash)).await;
                    old = self.present(read.0.hash).await?;
                    continue;
                }
                // It may have been done.
                Err(error) => match self.has_moved(old.0.hash, hash).await {
                    Ok(true) => None,
                    _ => return Err(error),
                },
            };
            // From here on the new id has the session, whatever happens.
            let pending = Loaded::new(hash, version, body);
            let loaded = match self.settle(&pending).await {
                Ok(Some(settled)) => {
                    if let Some(moved) = moved {
                        let ttl = Some(FORWARDED);
                        let _ = settings.store.replace(&old_key, moved, pack()?, ttl).await;
                    }
                    settled
                }
                // Somebody else did that, or ended it.
                Ok(None) => self.present(hash).await?,
                Err(_) => pending,
            };
            return Ok((id, loaded));
        }
        Err(too_busy())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, Store};

    fn now<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    /// A new id, were it known to somebody, is nobody's before the old record names it, and not
    /// where that one names another.
    #[test]
    fn a_pending_id_counts_only_where_the_old_record_names_it() {
        let store = MemoryStore::new();
        let sessions = Sessions::builder(store.clone()).build().unwrap();
        let (old, read) = now(sessions.begin(NewSession::of("ann"))).unwrap();
        let ids = [(); 2].map(|()| SessionId::generate().unwrap());
        for id in &ids {
            let pending = Kept::Pending(old.hash(), read.body().clone());
            now(sessions.insert(id.hash(), pending, read.body())).unwrap();
            assert!(now(sessions.get::<()>(id)).unwrap().is_none());
            assert!(now(sessions.rework(id)).is_err());
        }
        let key = sessions.settings().key(old.hash());
        let moved = Kept::Moved(ids[0].hash()).pack(&key, None).unwrap();
        now(store.replace(&key, read.0.version, moved, None)).unwrap();
        assert!(now(sessions.get::<()>(&old)).unwrap().is_none());
        assert!(now(sessions.get::<()>(&ids[1])).unwrap().is_none());
        assert!(now(sessions.get::<()>(&ids[0])).unwrap().is_some());
        assert_eq!(now(sessions.count("ann")).unwrap(), 1);
    }
}
