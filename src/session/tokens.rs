//! The tokens of a login in its session.

use crate::core::{Secret, debug_fields};
use crate::jose::jws::Compact;
use crate::token::registered::RegisteredClaims;

/// Maximum lead of a token's renewal, in milliseconds.
const RENEWED_AHEAD: u64 = 300_000;

/// The tokens of the login that began the session.
pub(crate) struct Tokens {
    pub(crate) id: Secret,
    pub(crate) refresh: Option<Secret>,
    /// `None` if the ID token has no expiry.
    pub(crate) renewal: Option<RenewalTimes>,
}

impl Tokens {
    /// Creates the tokens of a login whose ID token was verified.
    pub(crate) fn new(id: Secret, refresh: Option<Secret>) -> Self {
        Self { renewal: RenewalTimes::of(id.expose()), id, refresh }
    }
}

debug_fields!(
    Tokens,
    self,
    renewal_due = self.renewal.map(|times| times.due),
    expires = self.renewal.map(|times| times.expires)
);

/// When an ID token is renewed, in Unix milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct RenewalTimes {
    /// When renewal is due: a fifth of the token's lifetime before it expires, at most 5 minutes.
    pub(crate) due: u64,
    pub(crate) expires: u64,
}

impl RenewalTimes {
    /// Reads a verified ID token; `None` if it has no expiry.
    fn of(id_token: &str) -> Option<Self> {
        let token = Compact::split(id_token.as_bytes(), id_token.len()).ok()?;
        let payload = token.payload_text().ok()?;
        let claims = RegisteredClaims::parse(&payload, &[]).ok()?;
        let millis = |seconds: u64| seconds.saturating_mul(1000);
        let expires = millis(claims.expires?);
        let lifetime = claims.issued_at.map(|issued| expires.saturating_sub(millis(issued)));
        let ahead = lifetime.map_or(RENEWED_AHEAD, |lifetime| (lifetime / 5).min(RENEWED_AHEAD));
        Some(Self { due: expires.saturating_sub(ahead), expires })
    }
}
