//! Session id rotation: the session gets another id, and the old one becomes invalid.
//!
//! No store changes two records atomically, so this takes three steps; the second decides:
//!
//! 1. The new record is inserted as *pending* on the old id: it is valid only if the old record
//!    says so.
//! 2. The old record is replaced, by compare-and-set, with one that names the new id.
//! 3. The new record becomes a live one, and the old one may expire.
//!
//! If this is interrupted before step 2, the session keeps the old id; after it, it has the new
//! one: a reader of the pending record checks the old one and completes step 3. Until then the old
//! record is kept as long as the new one, so that this check always has an answer.

use super::amr::Methods;
use super::handle::Sessions;
use super::id::SessionId;
use super::loaded::Loaded;
use super::new_session::{NewSession, check_data, conflict, read_claims, to_json};
use super::record::{Body, IdState};
use crate::core::{Attempts, Error};
use serde::Serialize;
use std::time::Duration;

/// How long an old record keeps naming the new id.
///
/// Much longer than a pass over all sessions of a user, on which [`end_all`](Sessions::end_all) relies.
pub(super) const FORWARDED: Duration = Duration::from_secs(300);

/// The changes that go with a new id, all in one write.
#[derive(Clone, Default)]
pub(crate) struct Rotation {
    /// The new user and contents, at a login.
    pub(crate) login: Option<NewSession>,
    /// The data as JSON, if it changed.
    pub(crate) data: Option<String>,
    /// Further methods by which the user has authenticated.
    pub(crate) methods: Option<Methods>,
}

impl Sessions {
    /// Gives a session another id; everything else stays. The old id is invalid at once.
    ///
    /// # Errors
    /// [`ErrorKind::Revoked`](crate::ErrorKind::Revoked) if the session does not exist;
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if another call just gave it a new id;
    /// errors of the store, after which the session has the old id or a new one that no client has.
    pub async fn rotate_id(&self, id: &SessionId) -> Result<SessionId, Error> {
        self.rotate_as(id, Rotation::default()).await
    }

    /// Gives a session another id and other claims, to change what its user may do.
    ///
    /// [Step-up](Self::step_up) methods missing from the new claims are dropped.
    ///
    /// The claims of a JAM login are those in its ID token and return when the token is renewed:
    /// keep permissions elsewhere for such sessions.
    ///
    /// # Errors
    /// The errors of [`rotate_id`](Self::rotate_id);
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the claims are not a JSON
    /// object.
    pub async fn rotate_id_with_claims<T: Serialize + ?Sized>(
        &self,
        id: &SessionId,
        claims: &T,
    ) -> Result<SessionId, Error> {
        let read = self.existing(id).await?;
        self.rotate_claims(&read, claims).await.map(|(id, _)| id)
    }

    /// Gives a session another id and records further methods by which its user authenticated.
    ///
    /// Methods are 1 to 16 names of RFC 8176; the claims show them in `amr` after the login's own.
    /// Data, tokens and the absolute timeout stay. The methods stay when a JAM login's ID token is
    /// renewed and end with the next login.
    ///
    /// With `otp` and `mfa`, `policy::second_factor()` is satisfied.
    ///
    /// # Errors
    /// The errors of [`rotate_id`](Self::rotate_id);
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a name is invalid.
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
        let methods = Some(Methods::new(methods)?);
        self.rotate_as(id, Rotation { methods, ..Rotation::default() }).await
    }

    /// Gives a session another id and another user: a login. Both timeouts restart.
    ///
    /// What `new` does not set stays, such as a guest's data; nothing of another user's session
    /// stays.
    ///
    /// # Errors
    /// The errors of [`rotate_id`](Self::rotate_id) and [`create_with`](Self::create_with).
    pub async fn login(&self, id: &SessionId, new: NewSession) -> Result<SessionId, Error> {
        self.rotate_as(id, Rotation { login: Some(new), ..Rotation::default() }).await
    }

    async fn rotate_as(&self, id: &SessionId, rotation: Rotation) -> Result<SessionId, Error> {
        let read = self.existing(id).await?;
        self.rotate(&read, rotation).await.map(|(id, _)| id)
    }

    /// Changes the claims of the session that was read: see [`rotate_id_with_claims`](Self::rotate_id_with_claims).
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

    /// Gives the session that was read another id, with all changes in one write.
    ///
    /// # Errors
    /// The errors of [`login`](Self::login); [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if
    /// the data changed here and elsewhere.
    pub(crate) async fn rotate(
        &self,
        read: &Loaded,
        rotation: Rotation,
    ) -> Result<(SessionId, Loaded), Error> {
        let settings = &*self.0;
        let Rotation { login, data, methods } = rotation;
        let login_brings_data = login.as_ref().is_some_and(|new| !new.keeps_data());
        let continues = login.as_ref().is_none_or(|new| new.continues(read));
        let before = continues.then_some(read.body());
        let login = match login {
            Some(new) => Some(new.into_body(before, settings.now(), settings.max_bytes)?),
            None => None,
        };
        let data = match data {
            Some(data) => Some(check_data(data, settings.max_bytes)?),
            None => None,
        };
        self.rotated(read, |body| {
            let mut next = login.clone().unwrap_or_else(|| body.clone());
            (next.data, next.revision) = match &data {
                _ if login_brings_data => (next.data, next.revision),
                Some(_) if body.revision != read.body().revision => return Err(conflict()),
                Some(data) => (data.clone(), body.revision + 1),
                None if continues => (body.data.clone(), body.revision),
                None => (next.data, next.revision),
            };
            match &methods {
                Some(methods) => next.proved_by(methods),
                None => Ok(next),
            }
        })
        .await
    }

    /// Gives the session another id and the body that `change` makes of the current one.
    async fn rotated(
        &self,
        read: &Loaded,
        change: impl Fn(&Body) -> Result<Body, Error>,
    ) -> Result<(SessionId, Loaded), Error> {
        let settings = &*self.0;
        let old_key = settings.key(read.0.hash);
        let mut old = read.clone();
        let mut attempts = Attempts::at("the session");
        loop {
            attempts.next()?;
            let now = settings.now();
            settings.ttl(old.body(), now)?;
            let mut body = change(old.body())?;
            body.last_seen = body.last_seen.max(now);
            let ttl = settings.ttl(&body, now)?;
            let id = SessionId::generate()?;
            let hash = id.hash();
            let pending = IdState::Pending(old.0.hash, body.clone());
            let version = self.insert(hash, pending, &body).await?;
            let pack = || settings.pack(&old_key, &IdState::Moved(hash));
            let moved =
                settings.store.replace(&old_key, old.0.version, pack()?, Some(ttl.max(FORWARDED)));
            let moved = match moved.await {
                Ok(Some(moved)) => Some(moved),
                Ok(None) => {
                    // No record names this one, and none will.
                    let _ = settings.store.remove(&settings.key(hash)).await;
                    old = self.present(read.0.hash).await?;
                    continue;
                }
                // The write may have happened.
                Err(error) => match self.has_moved(old.0.hash, hash).await {
                    Ok(true) => None,
                    _ => return Err(error),
                },
            };
            // From here on the session has the new id, whatever happens.
            let pending = Loaded::new(hash, version, body);
            let loaded = match self.settle(&pending).await {
                Ok(Some(settled)) => {
                    if let Some(moved) = moved {
                        let ttl = Some(FORWARDED);
                        let _ = settings.store.replace(&old_key, moved, pack()?, ttl).await;
                    }
                    settled
                }
                // A concurrent call settled or ended it.
                Ok(None) => self.present(hash).await?,
                Err(_) => pending,
            };
            return Ok((id, loaded));
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, Store};

    /// A pending id is invalid, even if it leaked, unless the old record names exactly this one.
    #[tokio::test]
    async fn a_pending_id_is_valid_only_if_the_old_record_names_it() {
        let store = MemoryStore::new();
        let sessions = Sessions::builder(store.clone()).build().unwrap();
        let (old, read) = sessions.begin(NewSession::of("ann")).await.unwrap();
        let ids = [(); 2].map(|()| SessionId::generate().unwrap());
        for id in &ids {
            let pending = IdState::Pending(old.hash(), read.body().clone());
            sessions.insert(id.hash(), pending, read.body()).await.unwrap();
            assert!(sessions.get::<()>(id).await.unwrap().is_none());
            assert!(sessions.rotate_id(id).await.is_err());
        }
        let key = sessions.0.key(old.hash());
        let moved = IdState::Moved(ids[0].hash()).pack(&key, None).unwrap();
        store.replace(&key, read.0.version, moved, None).await.unwrap();
        assert!(sessions.get::<()>(&old).await.unwrap().is_none());
        assert!(sessions.get::<()>(&ids[1]).await.unwrap().is_none());
        assert!(sessions.get::<()>(&ids[0]).await.unwrap().is_some());
        assert_eq!(sessions.count("ann").await.unwrap(), 1);
    }
}
