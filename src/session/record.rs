//! The stored record of a session and its binary encoding.

use super::amr::Methods;
use super::id::Hash;
use super::tokens::Tokens;
use crate::core::{Error, ErrorKind, Secret, decode::decode};
use crate::jose::encoding;
use crate::store::SealingKeys;
use crate::token::claim_set::{ClaimSet, Decoded};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use zeroize::Zeroizing;

/// First byte of a record: its format. Another format would get another byte.
const PLAIN: u8 = b'p';
const SEALED: u8 = b's';

const LIVE: u8 = 0;
const PENDING: u8 = 1;
const MOVED: u8 = 2;
const ENDED: u8 = 3;

/// The place of the claims among the details.
const CLAIMS: usize = 2;

pub(super) const HANDLE: usize = 16;

/// The state of a session id, as its record says; `S` is the session.
pub(super) enum IdState<S = Body> {
    /// The session has this id.
    Live(S),
    /// The session has this id if the record of the old id says that it moved here.
    Pending(Hash, S),
    /// The session had this id and moved to that one.
    Moved(Hash),
    /// The session had this id and ended.
    Ended,
}

/// The contents of a session. Cheap to clone.
#[derive(Clone)]
pub(super) struct Body {
    /// Unix milliseconds, like all times here.
    pub(super) created: u64,
    pub(super) last_seen: u64,
    /// Incremented with every change of the data.
    pub(super) revision: u64,
    /// Names the session for its user, stable across id changes.
    pub(super) handle: [u8; HANDLE],
    pub(super) key: Option<Arc<str>>,
    pub(super) device: Option<Arc<str>>,
    /// With `methods` in their `amr`.
    pub(super) claims: Arc<ClaimSet>,
    pub(super) methods: Option<Methods>,
    pub(super) tokens: Option<Arc<Tokens>>,
    /// The OAuth2 grant of the login, in its own encoding.
    pub(super) grant: Option<Arc<Secret>>,
    pub(super) data: Arc<Data>,
}

/// The application's data as JSON, with its decoded types.
pub(super) struct Data {
    text: Zeroizing<String>,
    decoded: Decoded,
}

impl Data {
    pub(super) fn new(text: String) -> Self {
        Self { text: Zeroizing::new(text), decoded: Decoded::default() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Decodes the data as a new `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        from_json(&self.text)
    }

    /// Returns the data as a `T`, decoded once and then shared.
    pub(super) fn decode<T>(&self) -> Result<&T, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        if let Some(value) = self.decoded.get() {
            return Ok(value);
        }
        self.decoded.insert(self.read::<T>()?);
        // Cannot fail: the value was just inserted.
        self.decoded.get().ok_or_else(|| Error::new(ErrorKind::Internal, "decoded data is gone"))
    }

    pub(super) fn decoded<T: 'static>(&self) -> Option<&T> {
        self.decoded.get()
    }
}

/// Decodes a session's data; as `()` whatever it is.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let text = if is_any::<T>() { "null" } else { text };
    decode("the session's data", text).map_err(|error| {
        error.map_message(|message| {
            format!(
                "{message}: did the type change? .on_type_mismatch(…) decides what happens to such \
                 sessions"
            )
        })
    })
}

/// Returns whether `T` is `()`, which accepts any data and never replaces it.
pub(crate) fn is_any<T>() -> bool {
    // `TypeId` would require 'static.
    std::any::type_name::<T>() == std::any::type_name::<()>()
}

/// Returns the claims of a login that gave none, as JSON.
pub(super) fn plain_claims(key: Option<&str>) -> String {
    match key {
        // A string always serializes.
        Some(key) => serde_json::json!({ "sub": key }).to_string(),
        None => "{}".to_owned(),
    }
}

impl Body {
    /// Returns all texts except the data, in the order in which they are stored.
    fn details(&self) -> [Option<&str>; 7] {
        let tokens = self.tokens.as_deref();
        let refresh = tokens.and_then(|tokens| tokens.refresh.as_ref());
        [
            self.key.as_deref(),
            self.device.as_deref(),
            Some(self.claims.text()),
            tokens.map(|tokens| tokens.id.expose()),
            refresh.map(Secret::expose),
            self.methods.as_ref().map(Methods::text),
            self.grant.as_deref().map(Secret::expose),
        ]
    }

    /// Returns the size of all texts except the data, in bytes.
    pub(super) fn details_len(&self) -> usize {
        self.details().into_iter().flatten().map(str::len).sum()
    }

    /// Returns the bytes that it takes in memory, including room for decoded data.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.details_len() + self.claims.weight() + 2 * self.data.text.len()
    }

    /// Returns the session with other data, which is a use at this time.
    pub(super) fn with_data(&self, data: Arc<Data>, now: u64) -> Self {
        Self {
            data,
            revision: self.revision + 1,
            last_seen: self.last_seen.max(now),
            ..self.clone()
        }
    }

    /// Writes flags, numbers, handle, details and data. Bit n of the flags stands for the n-th detail.
    fn write(&self, out: &mut Vec<u8>) {
        let mut details = self.details();
        // Claims that follow from the key are not stored.
        details[CLAIMS] = details[CLAIMS].filter(|text| *text != plain_claims(self.key.as_deref()));
        let present = (0..).zip(&details).filter(|(_, text)| text.is_some());
        out.push(present.map(|(bit, _)| 1 << bit).sum());
        for number in [self.created, self.last_seen, self.revision] {
            write_number(out, number);
        }
        out.extend_from_slice(&self.handle);
        for text in details.into_iter().flatten() {
            write_number(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(self.data.text.as_bytes());
    }

    fn read(mut rest: &[u8]) -> Option<Self> {
        let rest = &mut rest;
        let flags = *take(rest, 1)?.first()?;
        let created = read_number(rest)?;
        let last_seen = read_number(rest)?;
        let revision = read_number(rest)?;
        let handle = take(rest, HANDLE)?.try_into().ok()?;
        let mut bits = 0..;
        let mut text = || {
            if flags & (1 << bits.next()?) == 0 {
                return Some(None);
            }
            let length = usize::try_from(read_number(rest)?).ok()?;
            Some(Some(str::from_utf8(take(rest, length)?).ok()?))
        };
        let key: Option<Arc<str>> = text()?.map(Into::into);
        let device = text()?.map(Into::into);
        let claims = match text()? {
            Some(claims) => claims.to_owned(),
            None => plain_claims(key.as_deref()),
        };
        let id = text()?.map(Secret::new);
        let refresh = text()?.map(Secret::new);
        let methods = text()?.map(Methods::from_text);
        let grant = text()?.map(|grant| Arc::new(Secret::new(grant)));
        let data = str::from_utf8(rest).ok()?;
        Some(Self {
            created,
            last_seen,
            revision,
            handle,
            key,
            device,
            claims: Arc::new(ClaimSet::parse(claims).ok()?),
            methods,
            tokens: id.map(|id| Arc::new(Tokens::new(id, refresh))),
            grant,
            data: Arc::new(Data::new(data.to_owned())),
        })
    }

    pub(super) fn handle(&self) -> String {
        encoding::encode(self.handle)
    }
}

impl IdState {
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // A growing buffer would leave copies of secrets behind: this one is never too short.
        let length = match self {
            Self::Live(body) | Self::Pending(_, body) => {
                128 + body.details_len() + body.data.text.len()
            }
            Self::Moved(_) | Self::Ended => 64,
        };
        let mut out = Zeroizing::new(Vec::with_capacity(length));
        match self {
            Self::Live(body) => {
                out.push(LIVE);
                body.write(&mut out);
            }
            Self::Pending(from, body) => {
                out.push(PENDING);
                out.extend_from_slice(&from.0);
                body.write(&mut out);
            }
            Self::Moved(to) => {
                out.push(MOVED);
                out.extend_from_slice(&to.0);
            }
            Self::Ended => out.push(ENDED),
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (state, mut rest) = bytes.split_first()?;
        let hash = |rest: &mut &[u8]| Some(Hash(take(rest, 32)?.try_into().ok()?));
        Some(match *state {
            LIVE => Self::Live(Body::read(rest)?),
            PENDING => {
                let from = hash(&mut rest)?;
                Self::Pending(from, Body::read(rest)?)
            }
            MOVED => Self::Moved(hash(&mut rest).filter(|_| rest.is_empty())?),
            ENDED if rest.is_empty() => Self::Ended,
            _ => return None,
        })
    }

    /// Encodes the record for this key of the store, encrypted if there are keys.
    pub(super) fn pack(&self, place: &str, keys: Option<&SealingKeys>) -> Result<Vec<u8>, Error> {
        let bytes = self.to_bytes();
        let mut packed = Vec::with_capacity(bytes.len() + 64);
        match keys {
            Some(keys) => {
                // Visible, so that a store can count the live records.
                packed.extend([SEALED, bytes[0]]);
                packed.extend(keys.seal(place, &bytes)?);
            }
            None => {
                packed.push(PLAIN);
                packed.extend_from_slice(&bytes);
            }
        }
        Ok(packed)
    }

    /// Returns the first bytes of live and of pending records, encrypted if there are keys.
    pub(super) fn countable(keys: Option<&SealingKeys>) -> [[u8; 2]; 2] {
        let format = if keys.is_some() { SEALED } else { PLAIN };
        [[format, LIVE], [format, PENDING]]
    }

    /// Decodes what [`pack`](Self::pack) wrote.
    ///
    /// With keys, an unencrypted record is treated as ended: any writer to the store could have put
    /// it there.
    pub(super) fn unpack(
        place: &str,
        packed: &[u8],
        keys: Option<&SealingKeys>,
    ) -> Result<Self, Error> {
        let damaged = || {
            Error::new(
                ErrorKind::Storage,
                "a session's record is damaged, or was written by another program",
            )
        };
        match (packed.split_first(), keys) {
            (Some((&PLAIN, bytes)), None) => Self::from_bytes(bytes).ok_or_else(damaged),
            (Some((&SEALED, sealed)), Some(keys)) => {
                let (state, sealed) = sealed.split_first().ok_or_else(damaged)?;
                let bytes = keys.open(place, sealed)?;
                match bytes.first() == Some(state) {
                    true => Self::from_bytes(&bytes).ok_or_else(damaged),
                    false => Err(damaged()),
                }
            }
            (Some((&PLAIN, _)), Some(_)) => Ok(Self::Ended),
            (Some((&SEALED, _)), None) => Err(Error::new(
                ErrorKind::InvalidKey,
                "the sessions in this store are encrypted: set their keys with .encrypt(…)",
            )),
            _ => Err(damaged()),
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// Writes seven bits per byte, lowest first (LEB128).
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(rest, 1)?.first()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}
