//! A token that passed, and what is shared by everybody who sends it.

use super::list::changes::Marks;
use super::revocation::RevocationId;
use super::rules::Window;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use crate::jose::Header;
use serde::de::DeserializeOwned;
use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
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
    /// One strict JSON object.
    pub(crate) payload: Box<str>,
    pub(crate) issuer: Option<Text>,
    pub(crate) subject: Option<Text>,
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
    pub(crate) marks: Marks,
    pub(crate) decoded: Decoded,
}

/// A text of the payload: the place where it stands, or its own copy where it was escaped.
pub(crate) enum Text {
    At(Range<usize>),
    Own(Box<str>),
}

impl Text {
    pub(crate) fn new(text: Cow<'_, str>, payload: &str) -> Self {
        match text {
            Cow::Borrowed(part) => {
                let at = part.as_ptr() as usize - payload.as_ptr() as usize;
                Self::At(at..at + part.len())
            }
            Cow::Owned(text) => Self::Own(text.into_boxed_str()),
        }
    }

    fn get<'a>(&'a self, payload: &'a str) -> &'a str {
        match self {
            Self::At(place) => payload.get(place.clone()).unwrap_or_default(),
            Self::Own(text) => text,
        }
    }
}

impl Entry {
    fn text<'a>(&'a self, text: &'a Option<Text>) -> Option<&'a str> {
        text.as_ref().map(|text| text.get(&self.payload))
    }

    /// Bytes that the entry occupies, with the room that its decoded claims may take.
    pub(crate) fn weight(&self) -> usize {
        // Measured: moka's node, deques and hash table take about 300 bytes an entry.
        const BOOKKEEPING: usize = 384;
        let texts: usize = [&self.issuer, &self.subject, &self.token_id]
            .iter()
            .map(|text| match text {
                Some(Text::Own(text)) => text.len(),
                _ => 0,
            })
            .sum();
        BOOKKEEPING
            + size_of::<Self>()
            + size_of::<Handle>()
            + self.token.len()
            + 2 * self.payload.len()
            + texts
    }
}

/// Claims decoded into the application's types: each type once, kept as long as the entry.
///
/// A list that only grows, so that readers need no lock.
#[derive(Default)]
pub(crate) struct Decoded {
    first: OnceLock<Box<Slot>>,
}

struct Slot {
    type_id: TypeId,
    value: Box<dyn Any + Send + Sync>,
    next: OnceLock<Box<Slot>>,
}

impl Decoded {
    fn get<T: 'static>(&self) -> Option<&T> {
        let mut cell = &self.first;
        while let Some(slot) = cell.get() {
            if slot.type_id == TypeId::of::<T>() {
                return slot.value.downcast_ref();
            }
            cell = &slot.next;
        }
        None
    }

    fn insert<T: Send + Sync + 'static>(&self, value: T) {
        let mut slot = Box::new(Slot {
            type_id: TypeId::of::<T>(),
            value: Box::new(value),
            next: OnceLock::new(),
        });
        let mut cell = &self.first;
        // Another thread may have taken the place; go on behind it, unless it brought this type.
        while let Err(back) = cell.set(slot) {
            slot = back;
            match cell.get() {
                Some(taken) if taken.type_id == slot.type_id => return,
                Some(taken) => cell = &taken.next,
                None => return,
            }
        }
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
    /// [`ErrorKind::ClaimsMismatch`] where the claims are no `T`.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        let entry = self.entry();
        if let Some(value) = entry.decoded.get() {
            return Ok(value);
        }
        let mismatch = || {
            Error::new(
                ErrorKind::ClaimsMismatch,
                format!(
                    "the token's claims do not decode into {}",
                    std::any::type_name::<T>()
                ),
            )
        };
        let value: T = serde_json::from_str(&entry.payload).map_err(|error| {
            // serde's message names fields and types; it may quote a claim, so only its place is
            // kept.
            let place = format!("line {} column {}", error.line(), error.column());
            telemetry::warn("claims do not decode into the handler's type", &place);
            mismatch()
        })?;
        entry.decoded.insert(value);
        entry.decoded.get().ok_or_else(mismatch)
    }

    pub(crate) fn decoded<T: 'static>(&self) -> Option<&T> {
        self.entry().decoded.get()
    }

    /// The claims as the JSON text that was signed.
    pub fn raw_claims(&self) -> &str {
        &self.entry().payload
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
        self.entry().text(&self.entry().issuer)
    }

    /// The `sub` claim.
    pub fn subject(&self) -> Option<&str> {
        self.entry().text(&self.entry().subject)
    }

    /// The `jti` claim.
    pub fn token_id(&self) -> Option<&str> {
        self.entry().text(&self.entry().token_id)
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
