//! What is remembered of a login until its callback: in a store, once, for one browser.
//!
//! The browser holds a random text in a cookie, and the store the hash of that text beside what the
//! callback needs, under the hash of the `state`. Of many callbacks with one `state`, in whatever
//! processes, one takes the record out; another browser's takes nothing.

use crate::authenticator::{Head, cookies, credentials};
use crate::core::error::{Error, ErrorKind};
use crate::core::random::random;
use crate::core::secret::Secret;
use crate::jose::encoding;
use crate::oauth2::{LOGIN_TIMEOUT, Pending};
use crate::store::{NewRecord, Store};
use aws_lc_rs::digest;
use serde_json::json;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// 256 bits in base64url.
const CHARACTERS: usize = 43;

/// The browser's cookie.
#[derive(Clone)]
pub(super) struct BrowserCookie {
    name: String,
    secure: bool,
}

impl BrowserCookie {
    pub(super) fn new(secure: bool) -> Self {
        let name = match secure {
            true => "__Host-jam_oauth2",
            false => "jam_oauth2",
        };
        Self {
            name: name.to_owned(),
            secure,
        }
    }

    /// What the browser brings along; `None` for what no login of ours set.
    pub(super) fn of(&self, head: &impl Head) -> Result<Option<Secret>, Error> {
        let value = credentials::cookie(head, &self.name)?;
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        let ours = text.filter(|text| {
            text.len() == CHARACTERS && encoding::decode(text).is_some_and(|b| b.len() == 32)
        });
        Ok(ours.map(Secret::new))
    }

    /// `Set-Cookie`: for as long as a login may take. Logins that a browser begins side by side
    /// share the text.
    pub(super) fn set(&self, browser: &Secret) -> String {
        let cookie = cookies::with_value(&self.name, browser.expose(), self.secure, cookies::LAX);
        format!("{cookie}; Max-Age={}", LOGIN_TIMEOUT.as_secs())
    }
}

/// A text for a browser that has none.
pub(super) fn new_browser() -> Result<Secret, Error> {
    Ok(Secret::new(encoding::encode(random::<32>()?)))
}

/// A login that began.
pub(super) struct Remembered {
    pub(super) pending: Pending,
    /// Where the browser goes in the end.
    pub(super) return_to: Option<String>,
}

/// The logins that began, of one provider.
pub(super) struct Memory {
    pub(super) store: Arc<dyn Store>,
    prefix: String,
}

impl Memory {
    pub(super) fn new(store: Arc<dyn Store>, provider: &str) -> Self {
        Self {
            store,
            prefix: format!("oauth2/{provider}/"),
        }
    }

    pub(super) async fn keep(&self, login: &Remembered, browser: &Secret) -> Result<(), Error> {
        // A dump of the store has no state that a callback could come with.
        let pending = login.pending.expose_json_without_state();
        let value = json!({
            "browser": hash(browser),
            "pending": pending.expose(),
            "return_to": login.return_to,
        });
        let record = NewRecord::new(value.to_string())
            .expires_after(LOGIN_TIMEOUT)
            .for_anonymous();
        let key = self.key(login.pending.state());
        match self.store.insert(&key, record).await? {
            Some(_) => Ok(()),
            None => Err(Error::new(
                ErrorKind::Internal,
                "two random states are the same: the system's random source is broken",
            )),
        }
    }

    /// Takes a login out, for the browser that began it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCallback`] where there is none of this state, or it is another browser's:
    /// that one stays. Those of the store.
    pub(super) async fn take(&self, state: &Secret, browser: &Secret) -> Result<Remembered, Error> {
        #[derive(serde::Deserialize)]
        struct Kept {
            browser: String,
            pending: String,
            return_to: Option<String>,
        }
        let key = self.key(state);
        let record = self.store.get(&key).await?.ok_or_else(unknown)?;
        let damaged = || Error::new(ErrorKind::Storage, "what was kept of a login is damaged");
        let kept: Kept = serde_json::from_slice(record.value()).map_err(|_| damaged())?;
        let same = kept.browser.as_bytes().ct_eq(hash(browser).as_bytes());
        if !bool::from(same) {
            return Err(Error::new(
                ErrorKind::InvalidCallback,
                "the login was begun in another browser",
            ));
        }
        // Whoever removes it is the one who may go on.
        if !self.store.remove(&key).await? {
            return Err(unknown());
        }
        Ok(Remembered {
            pending: Pending::from_json_with_state(&kept.pending, state.clone())
                .map_err(|_| damaged())?,
            return_to: kept.return_to,
        })
    }

    fn key(&self, state: &Secret) -> String {
        format!("{}{}", self.prefix, hash(state))
    }
}

fn unknown() -> Error {
    Error::new(
        ErrorKind::InvalidCallback,
        "no login of this state is under way: it was used already, or its time is over",
    )
}

fn hash(secret: &Secret) -> String {
    encoding::encode(digest::digest(&digest::SHA256, secret.expose().as_bytes()))
}
