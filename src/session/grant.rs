//! The OAuth2 tokens of a login in its session: the grant.

use super::handle::Sessions;
use super::loaded::Loaded;
use super::new_session::conflict;
use super::record::Body;
use crate::core::{Error, Secret};
use crate::store::Store;
use std::sync::Arc;

impl Loaded {
    /// Returns the OAuth2 grant of the login.
    pub(crate) fn grant(&self) -> Option<&Arc<Secret>> {
        self.body().grant.as_ref()
    }
}

impl Sessions {
    /// Returns the store of the sessions.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.0.store.clone()
    }

    /// Replaces the OAuth2 grant that was read. This is not a use of the session.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the grant was written since; otherwise as for
    /// [`save_text`](Self::save_text).
    pub(crate) async fn save_grant(&self, read: &Loaded, grant: Secret) -> Result<Loaded, Error> {
        let grant = Arc::new(grant);
        self.change(read, |body| match body.grant == read.body().grant {
            true => Ok(Body { grant: Some(grant.clone()), ..body.clone() }),
            false => Err(conflict()),
        })
        .await
    }
}
