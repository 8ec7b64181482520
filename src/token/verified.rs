//! A token that passed, and what is shared by everybody who sends it.

use super::claim_set::{ClaimSet, Text};
use super::list::changes::Marks;
use super::revocation::RevocationId;
use super::rules::Window;
use crate::core::error::Error;
use crate::jose::Header;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A verified token: header, claims, expiry. Cheap to clone.
///
/// # Example
/// ```
/// # use jamguard::{Verifier, jose::{Algorithm, VerifyingKey}};
/// # async fn example(verifier: Verifier, token: &str) -> Result<(), jamguard::Error> {
/// #[derive(serde::Deserialize)]
/// struct Order { orders: Vec<u64> }
///
/// let verified = verifier.verify(token).await?;
/// let order: &Order = verified.claims()?;
/// println!("{:?} has {} orders", verified.subject(), order.orders.len());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Verified(Arc<Handle>);

/// One per thread and token on the hot path, so that threads do not fight over one reference
/// count: the entry behind it is only read.
struct Handle {
    entry: Arc<Entry>,
}

/// What the cache holds of a token.
pub(crate) struct Entry {
    pub(crate) token: Box<str>,
    pub(crate) hash: u64,
    pub(crate) header: Arc<Header>,
    pub(crate) claims: ClaimSet,
    pub(crate) token_id: Option<Text>,
    pub(crate) window: Window,
    /// Unix seconds of `iat`, rounded down.
    pub(crate) issued_in: Option<u64>,
    /// Which key signed it, and the key set's generation in which that key was last seen.
    pub(crate) key: crate::jose::KeyId,
    pub(crate) generation: AtomicU64,
    /// The verifier's epoch at verification.
    pub(crate) epoch: u64,
    pub(crate) revocation_id: OnceLock<RevocationId>,
    /// As the verifier's rule says.
    pub(crate) issuer_verifies_emails: bool,
    pub(crate) marks: Marks,
}

impl Entry {
    /// Bytes that the entry occupies, with the room that its decoded claims may take.
    pub(crate) fn weight(&self) -> usize {
        // Measured: moka's node, deques and hash table take about 300 bytes an entry.
        const BOOKKEEPING: usize = 384;
        BOOKKEEPING
            + size_of::<Self>()
            + size_of::<Handle>()
            + self.token.len()
            + self.claims.weight()
            + self.token_id.as_ref().map_or(0, Text::weight)
    }
}

impl Verified {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        Self(Arc::new(Handle { entry }))
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.0.entry
    }

    pub(crate) fn shared_entry(&self) -> &Arc<Entry> {
        &self.0.entry
    }

    /// The claims decoded into `T`: decoded once per cached token and type, then shared.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) where the claims are no `T`.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.entry().claims.decode()
    }

    /// The claims as the JSON text that was signed.
    pub fn raw_claims(&self) -> &str {
        self.entry().claims.text()
    }

    /// The protected header.
    pub fn header(&self) -> &Header {
        &self.entry().header
    }

    /// When the token expires; leeway not included.
    pub fn expires_at(&self) -> Option<SystemTime> {
        let expires = self.entry().window.expires?;
        UNIX_EPOCH.checked_add(Duration::from_secs(expires))
    }

    /// The `iss` claim.
    pub fn issuer(&self) -> Option<&str> {
        self.entry().claims.issuer()
    }

    /// Whether the issuer is declared to name verified e-mail addresses only.
    pub(crate) fn issuer_verifies_emails(&self) -> bool {
        self.entry().issuer_verifies_emails
    }

    /// The `sub` claim.
    pub fn subject(&self) -> Option<&str> {
        self.entry().claims.subject()
    }

    /// The `jti` claim.
    pub fn token_id(&self) -> Option<&str> {
        let entry = self.entry();
        let id = entry.token_id.as_ref()?;
        Some(id.of(entry.claims.text()))
    }

    /// The token itself, for calls on the user's behalf; keep it out of logs.
    pub fn expose_token(&self) -> &str {
        &self.entry().token
    }

    /// The token's name for revocation, the same for every text of the same token.
    pub fn revocation_id(&self) -> &RevocationId {
        let entry = self.entry();
        entry.revocation_id.get_or_init(|| {
            let input = entry.token.rfind('.').unwrap_or_default();
            RevocationId::of(
                self.issuer(),
                self.token_id(),
                &entry.token.as_bytes()[..input],
            )
        })
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
