//! The user that an MCP session belongs to.

use crate::authenticator::Identity;
use crate::authenticator::user_key::UserKey;
use crate::core::{Error, ErrorKind, sha256};
use crate::jose::encoding;
use crate::store::{NewRecord, Store};
use std::{sync::Arc, time::Duration};

/// The users of MCP sessions, by the hash of the session's id.
pub(super) struct McpSessions {
    pub(super) store: Arc<dyn Store>,
    pub(super) ttl: Duration,
}

/// Hashed, so that readers of the store learn no session id.
fn key(id: &str) -> String {
    format!("mcp-session:{}", encoding::encode(sha256(id)))
}

impl McpSessions {
    /// Records that a session belongs to this user.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it belongs to another; errors of the store.
    pub(super) async fn begin(&self, id: &str, identity: &Identity) -> Result<(), Error> {
        let owner = UserKey::of(identity).hash();
        let record = NewRecord::new(owner).expires_after(self.ttl);
        if self.store.insert(&key(id), record).await?.is_some() || self.is_of(id, identity).await? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Internal, "the MCP server gave one session id to two users"))
    }

    /// Returns whether a session belongs to this user. A use renews its lifetime once less
    /// than half is left.
    ///
    /// # Errors
    /// Errors of the store.
    pub(super) async fn is_of(&self, id: &str, identity: &Identity) -> Result<bool, Error> {
        let key = key(id);
        let Some(record) = self.store.get(&key).await? else {
            return Ok(false);
        };
        let owner = UserKey::of(identity).hash();
        if record.value() != owner {
            return Ok(false);
        }
        if record.ttl().is_some_and(|left| left < self.ttl / 2) {
            // Another request may have done the same at this moment.
            self.store.replace(&key, record.version(), owner.into(), Some(self.ttl)).await?;
        }
        Ok(true)
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// Errors of the store.
    pub(super) async fn end(&self, id: &str) -> Result<(), Error> {
        self.store.remove(&key(id)).await.map(drop)
    }
}
