//! Pending OAuth2 logins: a one-time record in a store, bound to one browser.
//!
//! The browser holds a random secret in a cookie. The record, under the hash of the `state`, holds
//! the secret's hash and what the callback needs. Of several callbacks with one `state`, in any
//! process, only one removes the record; another browser's removes nothing.

use crate::authenticator::cookies::Attributes;
use crate::authenticator::request::{Head, credentials};
use crate::core::{Error, ErrorKind, Secret, sha256};
use crate::jose::encoding;
use crate::oauth2::exposed::Exposed;
use crate::oauth2::pending::{LOGIN_TIMEOUT, Pending};
use crate::store::{NewRecord, Store};
use serde_json::json;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Length of 256 bits in base64url.
const CHARACTERS: usize = 43;

/// The cookie that binds pending logins to a browser.
#[derive(Clone)]
pub(super) struct BrowserCookie {
    name: String,
    secure: bool,
}

impl BrowserCookie {
    pub(super) fn new(secure: bool) -> Self {
        let name = if secure { "__Host-jam_oauth2" } else { "jam_oauth2" };
        Self { name: name.to_owned(), secure }
    }

    /// Returns the browser's secret; `None` for a value that is not well-formed.
    pub(super) fn of(&self, head: &impl Head) -> Result<Option<Secret>, Error> {
        let value = credentials::cookie(head, &self.name)?;
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        let ours = text.filter(|text| {
            text.len() == CHARACTERS && encoding::decode(text).is_some_and(|b| b.len() == 32)
        });
        Ok(ours.map(Secret::new))
    }

    /// Returns the `Set-Cookie` value, with the login timeout as `Max-Age`.
    ///
    /// Concurrent logins of a browser share the secret.
    pub(super) fn set(&self, browser: &Secret) -> String {
        let attributes = Attributes { danger_plain_http: !self.secure, ..Attributes::default() };
        let cookie = attributes.set(&self.name, browser.expose());
        format!("{cookie}; Max-Age={}", LOGIN_TIMEOUT.as_secs())
    }
}

/// A pending login.
pub(super) struct PendingLogin {
    pub(super) pending: Pending,
    /// Where the browser goes after the login.
    pub(super) return_to: Option<String>,
}

/// The pending logins of one provider.
pub(super) struct PendingLogins {
    pub(super) store: Arc<dyn Store>,
    prefix: String,
}

impl PendingLogins {
    pub(super) fn new(store: Arc<dyn Store>, provider: &str) -> Self {
        Self { store, prefix: format!("oauth2/{provider}/") }
    }

    pub(super) async fn keep(&self, login: &PendingLogin, browser: &Secret) -> Result<(), Error> {
        // Without `state`: a dump of the store must not allow a callback.
        let mut pending = login.pending.clone();
        pending.0.state = Exposed(Secret::new(""));
        let value = json!({
            "browser": hash(browser),
            "pending": pending.expose_json().expose(),
            "return_to": login.return_to,
        });
        let record = NewRecord::new(value.to_string()).expires_after(LOGIN_TIMEOUT).for_anonymous();
        let key = self.key(login.pending.state());
        match self.store.insert(&key, record).await? {
            Some(_) => Ok(()),
            None => Err(Error::new(
                ErrorKind::Internal,
                "two random states are the same: the system's random source is broken",
            )),
        }
    }

    /// Removes and returns the login with this state, for the browser that started it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCallback`] if there is none, or another browser started it (the record
    /// stays); errors of the store.
    pub(super) async fn take(
        &self,
        state: &Secret,
        browser: &Secret,
    ) -> Result<PendingLogin, Error> {
        #[derive(serde::Deserialize)]
        struct Kept {
            browser: String,
            pending: String,
            return_to: Option<String>,
        }
        let key = self.key(state);
        let record = self.store.get(&key).await?.ok_or_else(unknown)?;
        let damaged = || Error::new(ErrorKind::Storage, "a pending login's record is damaged");
        let kept: Kept = serde_json::from_slice(record.value()).map_err(|_| damaged())?;
        let same = kept.browser.as_bytes().ct_eq(hash(browser).as_bytes());
        if !bool::from(same) {
            let message = "the login was started in another browser: start it again in this one";
            return Err(Error::new(ErrorKind::InvalidCallback, message));
        }
        // Only the callback that removes the record continues.
        if !self.store.remove(&key).await? {
            return Err(unknown());
        }
        let mut pending = Pending::from_json(&kept.pending).map_err(|_| damaged())?;
        pending.0.state = Exposed(state.clone());
        Ok(PendingLogin { pending, return_to: kept.return_to })
    }

    fn key(&self, state: &Secret) -> String {
        format!("{}{}", self.prefix, hash(state))
    }
}

fn unknown() -> Error {
    Error::new(
        ErrorKind::InvalidCallback,
        "no login is pending with this state: it was used or has timed out; start the login again",
    )
}

fn hash(secret: &Secret) -> String {
    encoding::encode(sha256(secret.expose()))
}
