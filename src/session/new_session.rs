//! [`NewSession`]: the contents of a new session.

use super::amr::Methods;
use super::loaded::Loaded;
use super::record::{Body, Data, HANDLE, plain_claims};
use super::tokens::Tokens;
use crate::core::{Error, ErrorKind, Secret, debug_fields, ensure, random::random};
use crate::token::claim_set::ClaimSet;
use serde::Serialize;
use std::sync::Arc;

/// Bytes of a device label, which is often a browser's `User-Agent`; the rest is cut.
const MAX_DEVICE: usize = 256;
/// Maximum size of everything but the data, in bytes.
const MAX_DETAILS: usize = 64 << 10;

/// The user of a new session and its initial contents.
///
/// # Example
/// ```
/// use jamguard::NewSession;
///
/// #[derive(serde::Serialize)]
/// struct Cart { items: Vec<String> }
///
/// let new = NewSession::of("ann@example.com")
///     .data(&Cart { items: vec![] })
///     .claims(&serde_json::json!({"sub": "ann@example.com", "role": "admin"}))
///     .device("Firefox on Linux");
/// ```
#[must_use]
#[derive(Clone, Default)]
pub struct NewSession {
    key: Option<Arc<str>>,
    /// As JSON.
    pub(crate) claims: Option<Result<String, Error>>,
    pub(super) data: Option<Result<String, Error>>,
    pub(super) device: Option<Arc<str>>,
    /// The tokens of a JAM login.
    pub(crate) tokens: Option<Arc<Tokens>>,
    pub(super) methods: Option<Methods>,
    /// The OAuth2 grant of a login.
    pub(crate) grant: Option<Arc<Secret>>,
}

pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| {
        // serde's message may quote the data.
        Error::configuration(format!(
            "{} cannot be kept in a session: it must serialize as JSON",
            std::any::type_name::<T>()
        ))
    })
}

impl NewSession {
    /// Creates a session for this user.
    ///
    /// The key may be any text; [`end_all`](crate::Sessions::end_all) and
    /// [`devices`](crate::Sessions::devices) find the session by it.
    pub fn of(key: impl Into<String>) -> Self {
        Self { key: Some(key.into().into()), ..Self::default() }
    }

    /// Creates a session without a user, such as a guest's cart.
    pub fn guest() -> Self {
        Self::default()
    }

    /// Sets the application's data. Default: JSON `null`, or at a login the data from before it.
    pub fn data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        self.data = Some(to_json(data));
        self
    }

    /// Sets the claims, a JSON object. Default: `{"sub": key}`, for a guest `{}`.
    ///
    /// [`Identity`](crate::Identity) and [`Claims<T>`](crate::Claims) show them.
    pub fn claims<T: Serialize + ?Sized>(mut self, claims: &T) -> Self {
        self.claims = Some(to_json(claims));
        self
    }

    /// Returns the user's key.
    pub(crate) fn user(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether this login continues the session that was read, with its data.
    ///
    /// The rule of every login: a guest's session becomes that of the user who logs in, and a
    /// user's own session goes on. Another user's session ends, and its data never passes over.
    pub(crate) fn continues(&self, read: &Loaded) -> bool {
        read.key().is_none_or(|user| Some(user) == self.user())
    }

    /// Sets the label by which the user knows the device, cut to 256 bytes.
    pub fn device(mut self, label: &str) -> Self {
        let mut end = label.len().min(MAX_DEVICE);
        while !label.is_char_boundary(end) {
            end -= 1;
        }
        self.device = Some(label[..end].into());
        self
    }

    /// Returns whether the data from before the login stays.
    pub(super) fn keeps_data(&self) -> bool {
        self.data.is_none()
    }

    /// Creates the session. Parts that are not set are taken from `before` the login.
    pub(super) fn into_body(
        self,
        before: Option<&Body>,
        now: u64,
        max_bytes: usize,
    ) -> Result<Body, Error> {
        let (data, revision) = match (self.data, before) {
            (Some(data), _) => (check_data(data?, max_bytes)?, 0),
            (None, Some(before)) => (before.data.clone(), before.revision),
            (None, None) => (Arc::new(Data::new("null".to_owned())), 0),
        };
        let claims = match self.claims {
            Some(claims) => claims?,
            None => plain_claims(self.key.as_deref()),
        };
        let body = Body {
            created: now,
            last_seen: now,
            revision,
            handle: match before {
                Some(before) => before.handle,
                None => random::<HANDLE>()?,
            },
            device: self.device.or_else(|| before.and_then(|before| before.device.clone())),
            key: self.key,
            claims: read_claims(claims)?,
            methods: None,
            tokens: self.tokens,
            grant: self.grant,
            data,
        };
        let body = match &self.methods {
            Some(methods) => body.proved_by(methods)?,
            None => body,
        };
        body.check_details()?;
        Ok(body)
    }
}

impl Body {
    /// Adds methods by which the user has authenticated since.
    pub(super) fn proved_by(mut self, methods: &Methods) -> Result<Self, Error> {
        let methods = methods.after(self.methods.as_ref());
        self.claims = methods.added_to(&self.claims)?;
        self.methods = Some(methods);
        self.check_details()?;
        Ok(self)
    }

    fn check_details(&self) -> Result<(), Error> {
        ensure(
            self.details_len() <= MAX_DETAILS,
            "a session's key, claims and tokens are over 64 KiB together: keep less in it",
        )
    }
}

pub(super) fn read_claims(text: String) -> Result<Arc<ClaimSet>, Error> {
    match ClaimSet::parse(text) {
        Ok(claims) => Ok(Arc::new(claims)),
        Err(error) => Err(Error::configuration(
            "a session's claims are not a JSON object, or a registered claim in them has the wrong type",
        )
        .with_source(error)),
    }
}

pub(super) fn check_data(text: String, max_bytes: usize) -> Result<Arc<Data>, Error> {
    if text.len() <= max_bytes {
        return Ok(Arc::new(Data::new(text)));
    }
    Err(Error::configuration(format!(
        "a session's data has {} bytes as JSON, over the limit of {max_bytes}: keep less in it, or \
         raise .max_bytes(…)",
        text.len()
    )))
}

/// Returns the error for an id without a session.
pub(super) fn gone() -> Error {
    Error::new(ErrorKind::Revoked, "no such session: it ended or never existed")
}

pub(super) fn expired() -> Error {
    Error::new(ErrorKind::Expired, "the session is expired")
}

pub(crate) fn conflict() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the session changed since it was read: read it again and retry",
    )
}

debug_fields!(NewSession, self);
