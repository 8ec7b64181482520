//! A verified token with its cache entry, which all its holders share, and the application's check of it.

use super::claim_set::{ClaimSet, Text};
use super::confirmation::Confirmation;
use super::form::is_jws;
use super::list::changes::Marks;
use super::revocation::RevocationId;
use super::rules::Window;
use crate::core::{Error, debug_fields};
use crate::jose::{Header, KeyId};
use serde::de::DeserializeOwned;
use std::ops::Range;
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

/// A per-thread reference to an entry.
///
/// It avoids contention: on the hot path each thread counts references on its own handle, and the
/// shared entry is only read.
struct Handle {
    entry: Arc<Entry>,
}

/// The cached data of a token.
pub(crate) struct Entry {
    pub(crate) token: Box<str>,
    pub(crate) hash: u64,
    pub(crate) claims: ClaimSet,
    pub(crate) token_id: Option<Text>,
    pub(crate) window: Window,
    /// The claim `cnf`; `None` also if bound tokens are accepted as bearer tokens.
    pub(crate) confirmation: Option<Box<Confirmation>>,
    /// Unix seconds of `iat`, rounded down.
    pub(crate) issued_in: Option<u64>,
    pub(crate) evidence: Evidence,
    /// The verifier's epoch at verification.
    pub(crate) epoch: u64,
    pub(crate) revocation_id: OnceLock<RevocationId>,
    /// The verifier's rule of the same name.
    pub(crate) issuer_verifies_emails: bool,
    /// Whether its verifier is that of load balancers.
    pub(crate) is_alb: bool,
    pub(crate) marks: Marks,
}

/// What shows that a token is genuine.
pub(crate) enum Evidence {
    Signature {
        header: Arc<Header>,
        /// The key that signed it, and the latest key set generation known to contain that key.
        key: KeyId,
        generation: AtomicU64,
    },
    /// The authorization server's answer, within this wall time; empty if it is used only once.
    Introspection { usable: Range<Duration> },
}

impl Entry {
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self.evidence, Evidence::Signature { .. })
    }

    /// Whether the token can be current later.
    pub(crate) fn is_cacheable(&self) -> bool {
        !matches!(&self.evidence, Evidence::Introspection { usable } if usable.is_empty())
    }

    /// Returns the size in bytes, with an allowance for decoded claims.
    pub(crate) fn weight(&self) -> usize {
        // Measured: moka's node, deques and hash table take about 300 bytes per entry.
        const BOOKKEEPING: usize = 384;
        BOOKKEEPING
            + size_of::<Self>()
            + size_of::<Handle>()
            + self.token.len()
            + self.claims.weight()
            + self.token_id.as_ref().map_or(0, Text::weight)
            + self.confirmation.as_ref().map_or(0, |bound| bound.weight())
    }
}

impl Verified {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        Self(Arc::new(Handle { entry }))
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.0.entry
    }

    /// Decodes the claims into `T`, once per cached token and type, and shares the result.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) if they do not decode into
    /// `T`.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.entry().claims.decode()
    }

    /// Returns the claims as the JSON text that was signed, or that introspection returned.
    pub fn raw_claims(&self) -> &str {
        self.entry().claims.text()
    }

    /// Returns the protected header of a JWT; `None` for a token verified by introspection.
    pub fn header(&self) -> Option<&Header> {
        match &self.entry().evidence {
            Evidence::Signature { header, .. } => Some(header),
            Evidence::Introspection { .. } => None,
        }
    }

    /// Returns when the token expires, without leeway.
    pub fn expires_at(&self) -> Option<SystemTime> {
        let expires = self.entry().window.expires?;
        UNIX_EPOCH.checked_add(Duration::from_secs(expires))
    }

    /// Returns the `iss` claim.
    pub fn issuer(&self) -> Option<&str> {
        self.entry().claims.issuer()
    }

    /// Returns whether the issuer is declared to name only verified e-mail addresses.
    pub(crate) fn issuer_verifies_emails(&self) -> bool {
        self.entry().issuer_verifies_emails
    }

    /// Returns the `sub` claim.
    pub fn subject(&self) -> Option<&str> {
        self.entry().claims.subject()
    }

    /// Returns the `jti` claim.
    pub fn token_id(&self) -> Option<&str> {
        let entry = self.entry();
        let id = entry.token_id.as_ref()?;
        Some(id.of(entry.claims.text()))
    }

    /// Returns what the token is bound to; `None` for a bearer token.
    pub(crate) fn confirmation(&self) -> Option<&Confirmation> {
        self.entry().confirmation.as_deref()
    }

    /// Returns the token's text, for calls on the user's behalf. Keep it out of logs.
    pub fn expose_token(&self) -> &str {
        &self.entry().token
    }

    /// Returns the token's revocation id, which is the same for every text of the token.
    ///
    /// For an opaque token it depends on the `iss` and `jti` of the answer, or without `jti` on the
    /// token's text.
    pub fn revocation_id(&self) -> &RevocationId {
        let entry = self.entry();
        entry.revocation_id.get_or_init(|| {
            let token = entry.token.as_bytes();
            let input = match entry.is_signed() || is_jws(token) {
                true => entry.token.rfind('.').unwrap_or_default(),
                false => token.len(),
            };
            RevocationId::of(self.issuer(), self.token_id(), &token[..input])
        })
    }
}

debug_fields!(
    Verified,
    self,
    issuer = self.issuer(),
    subject = self.subject(),
    expires_at = self.expires_at()
);

/// A custom revocation check, called at every verification, cached or not.
///
/// It runs on the hot path: answer from memory.
///
/// # Example
/// ```
/// use jamguard::{Revocation, Verified};
/// use std::{collections::HashSet, sync::RwLock};
///
/// #[derive(Default)]
/// struct Denied(RwLock<HashSet<jamguard::RevocationId>>);
///
/// impl Revocation for Denied {
///     fn is_revoked(&self, token: &Verified) -> bool {
///         // A poisoned lock must not let revoked tokens through.
///         self.0.read().map_or(true, |denied| denied.contains(token.revocation_id()))
///     }
/// }
/// ```
pub trait Revocation: Send + Sync + 'static {
    /// Returns whether the token must be rejected.
    fn is_revoked(&self, token: &Verified) -> bool;
}

impl<R: Revocation + ?Sized> Revocation for Arc<R> {
    fn is_revoked(&self, token: &Verified) -> bool {
        (**self).is_revoked(token)
    }
}
