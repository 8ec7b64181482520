//! What is kept of the refresh tokens that follow one another from one login on.

use super::text::{Fingerprint, Salt, Token};
use crate::core::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// More rotations than this within the grace, and the oldest token counts as old at once.
const MAX_RECENT: usize = 16;
/// What is left of a family whose old token came again.
pub(super) const REUSED: &[u8] = b"reused";

#[derive(Serialize, Deserialize)]
pub(super) struct Family<T> {
    pub(super) subject: String,
    pub(super) data: T,
    /// Unix milliseconds, whatever happens.
    pub(super) ends: u64,
    /// Unix milliseconds, unless it is rotated before.
    pub(super) expires: u64,
    current: Fingerprint,
    /// Rotated away a moment ago, oldest first.
    recent: Vec<Rotated>,
}

#[derive(Serialize, Deserialize)]
struct Rotated {
    token: Fingerprint,
    /// What made the next one.
    salt: Salt,
    /// Unix milliseconds.
    at: u64,
}

/// What a token is to its family.
pub(super) enum Place {
    Current,
    /// Rotated away just now: this followed it.
    Followed(Token),
    Unknown,
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl<T> Family<T> {
    pub(super) fn new(subject: &str, data: T, first: &Token, now: u64, terms: &Terms) -> Self {
        let ends = now.saturating_add(millis(terms.lifetime));
        Self {
            subject: subject.to_owned(),
            data,
            ends,
            expires: terms.expires(now, ends),
            current: first.fingerprint(),
            recent: Vec::new(),
        }
    }

    pub(super) fn place(&self, token: &Token, now: u64, terms: &Terms) -> Place {
        let fingerprint = token.fingerprint();
        if fingerprint == self.current {
            return Place::Current;
        }
        let mut recent = self
            .recent
            .iter()
            .filter(|rotated| rotated.is_recent(now, terms));
        match recent.find(|rotated| rotated.token == fingerprint) {
            Some(rotated) => Place::Followed(token.next(&rotated.salt)),
            None => Place::Unknown,
        }
    }

    /// Puts the next token in the place of the current one.
    pub(super) fn rotate(
        &mut self,
        current: &Token,
        now: u64,
        terms: &Terms,
    ) -> Result<Token, Error> {
        let salt = Salt::generate()?;
        let next = current.next(&salt);
        self.recent.retain(|rotated| rotated.is_recent(now, terms));
        if self.recent.len() == MAX_RECENT {
            self.recent.remove(0);
        }
        self.recent.push(Rotated {
            token: self.current,
            salt,
            at: now,
        });
        self.current = next.fingerprint();
        self.expires = terms.expires(now, self.ends);
        Ok(next)
    }

    /// What is left of its life.
    pub(super) fn ttl(&self, now: u64) -> Duration {
        Duration::from_millis(self.expires.saturating_sub(now))
    }
}

impl Rotated {
    fn is_recent(&self, now: u64, terms: &Terms) -> bool {
        // Also where the clock was set back since.
        now.abs_diff(self.at) < millis(terms.grace)
    }
}

impl<T: Serialize> Family<T> {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|_| {
            // serde's message may quote the data.
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "{} cannot be kept with a refresh token: it must serialize as JSON",
                    std::any::type_name::<T>()
                ),
            )
        })
    }
}

impl<T: serde::de::DeserializeOwned> Family<T> {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|_| {
            Error::new(
                ErrorKind::ClaimsMismatch,
                format!(
                    "what is kept with the refresh token is no {}",
                    std::any::type_name::<T>()
                ),
            )
        })
    }
}

/// How long what lives.
pub(super) struct Terms {
    pub(super) lifetime: Duration,
    pub(super) idle: Option<Duration>,
    pub(super) grace: Duration,
}

impl Terms {
    fn expires(&self, now: u64, ends: u64) -> u64 {
        match self.idle {
            Some(idle) => now.saturating_add(millis(idle)).min(ends),
            None => ends,
        }
    }
}
