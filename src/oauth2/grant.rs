//! The OAuth2 tokens that a session keeps of its login.

use super::client::OAuth2Client;
use super::tokens::TokenResponse;
use crate::core::{Error, ErrorKind, Secret, millis};
use std::time::Duration;

const RENEWED_AHEAD: Duration = Duration::from_secs(60);

/// The tokens of a user's login at one provider.
pub(crate) struct UserGrant {
    provider: String,
    pub(crate) tokens: TokenResponse,
}

impl UserGrant {
    pub(crate) fn new(client: &OAuth2Client, tokens: TokenResponse) -> Self {
        Self { provider: client.provider().name().to_owned(), tokens }
    }

    pub(crate) fn is_of(&self, client: &OAuth2Client) -> bool {
        self.provider == client.provider().name()
    }

    /// Whether the token should be renewed at `now` (Unix milliseconds), and whether it must be.
    pub(crate) fn is_due(&self, now: u64) -> (bool, bool) {
        match (self.tokens.expires(), self.tokens.expires_in()) {
            (Some(expires), Some(lifetime)) => {
                let ahead = millis(RENEWED_AHEAD.min(lifetime / 5));
                (now >= expires.saturating_sub(ahead), now >= expires)
            }
            _ => (false, false),
        }
    }

    /// Returns the form stored in a session: the provider's name, a line break, and the tokens.
    pub(crate) fn to_text(&self) -> Secret {
        let tokens = self.tokens.expose_json();
        Secret::new(format!("{}\n{}", self.provider, tokens.expose()))
    }

    pub(crate) fn from_text(text: &Secret) -> Result<Self, Error> {
        let (provider, tokens) = text.expose().split_once('\n').ok_or_else(|| {
            Error::new(
                ErrorKind::Storage,
                "the session's OAuth2 tokens are damaged, or were written by something else",
            )
        })?;
        Ok(Self { provider: provider.to_owned(), tokens: TokenResponse::from_json(tokens)? })
    }
}
