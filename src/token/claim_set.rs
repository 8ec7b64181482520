//! Claims of a token or session, shared between all readers.

use super::registered::{Leniency, RegisteredClaims};
use crate::core::{Error, ErrorKind, decode::decode, hash::seeded_hash};
use serde::de::DeserializeOwned;
use std::any::{Any, TypeId};
use std::hash::{Hash, Hasher};
use std::{borrow::Cow, ops::Range, sync::OnceLock};

/// Claims as JSON text, with the types they were decoded into.
pub(crate) struct ClaimSet {
    /// One strict JSON object.
    text: Box<str>,
    issuer: Option<Text>,
    subject: Option<Text>,
    decoded: Decoded,
    /// Hash of the text, computed on first use.
    hash: OnceLock<u64>,
}

/// Claims are equal if their texts are equal.
impl PartialEq for ClaimSet {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ClaimSet {}

impl Hash for ClaimSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let hash = self.hash.get_or_init(|| seeded_hash(self.text.as_bytes()));
        state.write_u64(*hash);
    }
}

impl ClaimSet {
    /// Creates a set from validated text that contains the two claims.
    pub(crate) fn new(text: String, issuer: Option<Text>, subject: Option<Text>) -> Self {
        Self {
            text: text.into_boxed_str(),
            issuer,
            subject,
            decoded: Decoded::default(),
            hash: OnceLock::new(),
        }
    }

    /// Copies the set without the decoded types.
    pub(crate) fn copy(&self) -> Self {
        Self::new(self.text.to_string(), self.issuer.clone(), self.subject.clone())
    }

    /// Parses claims with the strictness that applies to tokens.
    ///
    /// # Errors
    /// If the text is not a JSON object, repeats a member, or has a registered claim of the wrong
    /// type.
    pub(crate) fn parse(text: String) -> Result<Self, Error> {
        Self::parse_leniently(text, Leniency::default())
    }

    /// Parses claims that a verifier accepted by its own rules, with the application's additions.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(crate) fn parse_verified(text: String) -> Result<Self, Error> {
        Self::parse_leniently(text, Leniency::ALL)
    }

    fn parse_leniently(text: String, lenient: Leniency) -> Result<Self, Error> {
        let (issuer, subject) = {
            let claims = RegisteredClaims::parse_leniently(&text, &[], lenient)?;
            let place = |claim: Option<Cow<'_, str>>| claim.map(|claim| Text::new(claim, &text));
            (place(claims.issuer), place(claims.subject))
        };
        Ok(Self::new(text, issuer, subject))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_ref().map(|issuer| issuer.of(&self.text))
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.subject.as_ref().map(|subject| subject.of(&self.text))
    }

    /// Decodes the claims into `T` once and shares the result.
    pub(crate) fn decode<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        if let Some(value) = self.decoded.get() {
            return Ok(value);
        }
        let value: T = decode("the claims", &self.text)?;
        // Inserted just above.
        self.keep(value).ok_or_else(|| Error::new(ErrorKind::Internal, "decoded claims are gone"))
    }

    /// Returns the `T` that [`decode`](Self::decode) or [`keep`](Self::keep) stored.
    pub(crate) fn decoded<T: 'static>(&self) -> Option<&T> {
        self.decoded.get()
    }

    /// Stores a value beside the claims, unless there is one of its type. Returns the stored value.
    pub(crate) fn keep<T: Send + Sync + 'static>(&self, value: T) -> Option<&T> {
        self.decoded.insert(value);
        self.decoded.get()
    }

    /// Returns the size in bytes, with an allowance for decoded claims.
    pub(crate) fn weight(&self) -> usize {
        let own = |text: &Option<Text>| text.as_ref().map_or(0, Text::weight);
        2 * self.text.len() + own(&self.issuer) + own(&self.subject)
    }
}

/// A string of the payload: its range, or a copy if it was escaped.
#[derive(Clone)]
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

    pub(crate) fn of<'a>(&'a self, payload: &'a str) -> &'a str {
        match self {
            Self::At(place) => payload.get(place.clone()).unwrap_or_default(),
            Self::Own(text) => text,
        }
    }

    /// Returns the size of its own copy in bytes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::At(_) => 0,
            Self::Own(text) => text.len(),
        }
    }
}

/// A cache of claims decoded into the application's types, one value per type.
///
/// An append-only list, so that readers need no lock.
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
    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        let mut cell = &self.first;
        while let Some(slot) = cell.get() {
            if slot.type_id == TypeId::of::<T>() {
                return slot.value.downcast_ref();
            }
            cell = &slot.next;
        }
        None
    }

    pub(crate) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        let mut slot = Box::new(Slot {
            type_id: TypeId::of::<T>(),
            value: Box::new(value),
            next: OnceLock::new(),
        });
        let mut cell = &self.first;
        // Another thread may have filled this cell: continue behind it, or stop if it has this
        // type.
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
