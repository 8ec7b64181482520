//! [`Sessions`]: creates, reads, changes and rotates server-side sessions.

use super::id::SessionId;
use super::loaded::Loaded;
use super::new_session::{NewSession, check_data, gone, to_json};
use super::record::{Body, Data, is_any};
use super::settings::{OnTypeMismatch, Settings};
use super::view::SessionRecord;
use crate::core::{Clock, Error, ErrorKind, debug_fields};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Server-side sessions in any [`Store`](crate::store::Store). Cheap to clone.
///
/// The client holds a random id, and the store keeps only its hash. A session has typed data of the
/// application and belongs to a user or a guest.
///
/// - **An ended session stays ended.** Every write is a compare-and-set against what was read: a
///   slow request that saves after the logout gets an error, and so does one that would undo a
///   concurrent save ([`ErrorKind::Conflict`]).
/// - **The id changes with [`login`](Self::login), [`step_up`](Self::step_up),
///   [`rotate_id`](Self::rotate_id) and
///   [`rotate_id_with_claims`](Self::rotate_id_with_claims)**, atomically: wherever the change is
///   interrupted, exactly one of the two ids is valid.
/// - **Both timeouts are checked at every read** against the clock, whatever the store does with
///   expired records. Setting the clock back extends a session by at most the absolute timeout.
/// - Behind a [`CachedStore`](crate::store::CachedStore) a read takes well under a microsecond, and a session
///   that another process ends is rejected here within half a second.
///
/// # Example
/// ```
/// use jamguard::{Sessions, store::MemoryStore};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Cart { items: Vec<String> }
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let sessions = Sessions::builder(MemoryStore::new()).build()?;
///
/// let id = sessions.create(Some("ann@example.com"), &Cart { items: vec![] }).await?;
/// sessions.modify(&id, |cart: &mut Cart| cart.items.push("tea".into())).await?;
/// let session = sessions.get::<Cart>(&id).await?.expect("it was just made");
/// assert_eq!(session.items, ["tea"]);
///
/// let id = sessions.rotate_id(&id).await?;                  // a new id, the old one is dead
/// sessions.end(&id).await?;                                 // a logout, or everywhere:
/// sessions.end_all("ann@example.com").await?;
/// # Ok(()) }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Sessions(pub(super) Arc<Settings>);

impl Sessions {
    /// Replaces the sessions' clock.
    pub(crate) fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.0.clock.follow(clock);
    }

    /// Creates a session for a user, or for a guest if `key` is `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the data does not serialize as JSON or is too long; errors
    /// of the store.
    pub async fn create<T: Serialize + ?Sized>(
        &self,
        key: Option<&str>,
        data: &T,
    ) -> Result<SessionId, Error> {
        let new = match key {
            Some(key) => NewSession::of(key),
            None => NewSession::guest(),
        };
        self.create_with(new.data(data)).await
    }

    /// Creates a session with details such as claims or a device label.
    ///
    /// # Errors
    /// The errors of [`create`](Self::create); [`ErrorKind::Configuration`] if the claims are not a
    /// JSON object.
    pub async fn create_with(&self, new: NewSession) -> Result<SessionId, Error> {
        self.begin(new).await.map(|(id, _)| id)
    }

    /// Returns the session of an id; `None` if it ended or never existed.
    ///
    /// This is a use of the session: it restarts the idle timeout.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`] if the data does not deserialize as a `T`, unless
    /// [`on_type_mismatch`](super::SessionsBuilder::on_type_mismatch) says otherwise;
    /// [`ErrorKind::Storage`] if the record is damaged; errors of the store.
    pub async fn get<T>(&self, id: &SessionId) -> Result<Option<SessionRecord<T>>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let Some(mut loaded) = self.find(id.hash()).await? else {
            return Ok(None);
        };
        // A failure to record the use must not fail the read.
        if let Ok(Some(touched)) = self.touch_if_due(&loaded).await {
            loaded = touched;
        }
        self.view(loaded)
    }

    /// Replaces a session's data.
    ///
    /// # Errors
    /// [`ErrorKind::Revoked`] if the session does not exist (none is created);
    /// [`ErrorKind::Configuration`] as in [`create`](Self::create); errors of the store, after
    /// which the write may have happened.
    pub async fn update<T: Serialize + ?Sized>(
        &self,
        id: &SessionId,
        data: &T,
    ) -> Result<(), Error> {
        let data = self.pack_data(data)?;
        self.rewrite(id, |_| Ok(data.clone())).await
    }

    /// Replaces a session's data, unless it changed since it was read.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if another write came between; otherwise the errors of
    /// [`update`](Self::update).
    pub async fn save<T>(
        &self,
        read: &SessionRecord<T>,
        data: &T,
    ) -> Result<SessionRecord<T>, Error>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let text = match is_any::<T>() {
            true => read.loaded().data_text().to_owned(),
            false => to_json(data)?,
        };
        let saved = self.save_text(read.loaded(), text).await?;
        // Data that was just written as a `T` reads as one.
        self.view(saved)?.ok_or_else(gone)
    }

    /// Changes a session's data with a closure; concurrent changes are all kept.
    ///
    /// The closure runs again on the newer data if another write came first.
    ///
    /// # Errors
    /// The errors of [`get`](Self::get) and [`update`](Self::update); [`ErrorKind::Unavailable`]
    /// after 1000 attempts.
    pub async fn modify<T, R>(
        &self,
        id: &SessionId,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut answer = None;
        self.rewrite(id, |body| {
            let mut data = match (body.data.read::<T>(), self.0.on_type_mismatch) {
                (Ok(data), _) => data,
                (Err(_), OnTypeMismatch::StartOver) => return Err(gone()),
                (Err(error), OnTypeMismatch::Refuse) => return Err(error),
            };
            answer = Some(change(&mut data));
            if is_any::<T>() { Ok(body.data.clone()) } else { self.pack_data(&data) }
        })
        .await?;
        // Always present: the closure ran.
        answer.ok_or_else(gone)
    }

    /// Replaces the data of an id's session, and again if another write came between.
    async fn rewrite(
        &self,
        id: &SessionId,
        mut data: impl FnMut(&Body) -> Result<Arc<Data>, Error>,
    ) -> Result<(), Error> {
        let read = self.existing(id).await?;
        let change = |body: &Body| Ok(body.with_data(data(body)?, self.0.now()));
        match self.change(&read, change).await {
            // The session has another id now.
            Err(error) if error.kind() == ErrorKind::Conflict => Err(gone()),
            saved => saved.map(drop),
        }
    }

    fn pack_data<T: Serialize + ?Sized>(&self, data: &T) -> Result<Arc<Data>, Error> {
        check_data(to_json(data)?, self.0.max_bytes)
    }

    pub(super) fn view<T>(&self, loaded: Loaded) -> Result<Option<SessionRecord<T>>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        match loaded.body().data.decode::<T>() {
            Ok(_) => Ok(Some(SessionRecord::new(loaded, self.0.clone()))),
            Err(error)
                if error.kind() == ErrorKind::ClaimsMismatch
                    && self.0.on_type_mismatch == OnTypeMismatch::StartOver =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

debug_fields!(
    Sessions,
    self,
    prefix = self.0.prefix,
    idle_timeout = self.0.idle,
    absolute_timeout = self.0.absolute,
    encrypted = self.0.keys.is_some()
);
