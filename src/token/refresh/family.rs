//! Stored record of a refresh token family: all tokens that follow from one login.

use super::text::{Fingerprint, Salt, Token};
use crate::core::{Error, ErrorKind, millis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limit on rotated tokens kept within the grace period; more rotations age the oldest at once.
const MAX_RECENT: usize = 16;
/// The stored value of a family that was revoked for reuse.
pub(super) const REUSED: &[u8] = b"reused";

#[derive(Serialize, Deserialize)]
pub(super) struct Family<T> {
    pub(super) subject: String,
    pub(super) data: T,
    /// End of the family in Unix milliseconds.
    pub(super) ends: u64,
    /// Expiry of the current token in Unix milliseconds.
    pub(super) expires: u64,
    current: Fingerprint,
    /// Recently rotated tokens, oldest first.
    recent: Vec<Rotated>,
}

#[derive(Serialize, Deserialize)]
struct Rotated {
    token: Fingerprint,
    /// The salt from which the next token was derived.
    salt: Salt,
    /// Unix milliseconds.
    at: u64,
}

/// The position of a token in its family.
pub(super) enum Position {
    Current,
    /// Recently rotated: this token followed it.
    Followed(Token),
    Unknown,
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

    pub(super) fn position(&self, token: &Token, now: u64, terms: &Terms) -> Position {
        let fingerprint = token.fingerprint();
        if fingerprint == self.current {
            return Position::Current;
        }
        let mut recent = self.recent.iter().filter(|rotated| rotated.is_recent(now, terms));
        match recent.find(|rotated| rotated.token == fingerprint) {
            Some(rotated) => Position::Followed(token.next(&rotated.salt)),
            None => Position::Unknown,
        }
    }

    /// Replaces the current token with the next one.
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
        self.recent.push(Rotated { token: self.current, salt, at: now });
        self.current = next.fingerprint();
        self.expires = terms.expires(now, self.ends);
        Ok(next)
    }

    /// Returns the time left until expiry.
    pub(super) fn ttl(&self, now: u64) -> Duration {
        Duration::from_millis(self.expires.saturating_sub(now))
    }
}

impl Rotated {
    fn is_recent(&self, now: u64, terms: &Terms) -> bool {
        // Symmetric, because the clock may have been set back since.
        now.abs_diff(self.at) < millis(terms.grace)
    }
}

impl<T: Serialize> Family<T> {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|_| {
            // serde's message may quote the data.
            Error::configuration(format!(
                "{} cannot be kept with a refresh token: it must serialize to JSON",
                std::any::type_name::<T>()
            ))
        })
    }
}

impl<T: serde::de::DeserializeOwned> Family<T> {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|_| {
            Error::new(
                ErrorKind::ClaimsMismatch,
                format!(
                    "the data kept with the refresh token does not decode into {}",
                    std::any::type_name::<T>()
                ),
            )
        })
    }
}

/// Terms of refresh tokens.
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
