//! What a session begins with.

use super::methods::Methods;
use super::record::{Body, Data, HANDLE, Tokens, plain_claims};
use crate::core::error::{Error, ErrorKind};
use crate::core::random::random;
use crate::core::secret::Secret;
use crate::token::claim_set::ClaimSet;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A device's label is cut there: it is often what a browser says of itself.
const MAX_DEVICE: usize = 256;
/// All that is kept besides the data.
const MAX_DETAILS: usize = 64 << 10;

/// Who a session is for, and what it begins with.
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
    claims: Option<Result<String, Error>>,
    data: Option<Result<String, Error>>,
    device: Option<Arc<str>>,
    tokens: Option<Arc<Tokens>>,
    methods: Option<Methods>,
    grant: Option<Arc<Secret>>,
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
    /// A session of this user's. Any text is one; [`clear`](crate::Sessions::clear) and
    /// [`list`](crate::Sessions::list) find the session by it.
    pub fn of(key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into().into()),
            ..Self::default()
        }
    }

    /// A session of nobody who is logged in, such as a guest's cart.
    pub fn guest() -> Self {
        Self::default()
    }

    /// The application's data; JSON's `null` unless set, or what the session had before its login.
    pub fn data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        self.data = Some(to_json(data));
        self
    }

    /// The application's data as JSON, if there is none yet.
    pub(crate) fn or_data(mut self, data: String) -> Self {
        self.data.get_or_insert(Ok(data));
        self
    }

    /// The claims that [`Identity`](crate::Identity) and [`Claims<T>`](crate::Claims) show, a JSON
    /// object; `{"sub": key}` unless set.
    pub fn claims<T: Serialize + ?Sized>(mut self, claims: &T) -> Self {
        self.claims = Some(to_json(claims));
        self
    }

    /// The claims as JSON.
    #[cfg_attr(
        not(all(feature = "client", any(feature = "tower", feature = "actix"))),
        allow(dead_code)
    )]
    pub(crate) fn claims_text(mut self, text: String) -> Self {
        self.claims = Some(Ok(text));
        self
    }

    /// Whose it is to be.
    pub(crate) fn user(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The label of its device, if it has none.
    pub(crate) fn or_device(self, label: &str) -> Self {
        match &self.device {
            Some(_) => self,
            None => self.device(label),
        }
    }

    /// What the user knows the device by; cut after 256 bytes.
    pub fn device(mut self, label: &str) -> Self {
        let mut end = label.len().min(MAX_DEVICE);
        while !label.is_char_boundary(end) {
            end -= 1;
        }
        self.device = Some(label[..end].into());
        self
    }

    /// The tokens of the login, for calls on the user's behalf.
    #[cfg_attr(
        not(all(feature = "client", any(feature = "tower", feature = "actix"))),
        allow(dead_code)
    )]
    pub(crate) fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(Arc::new(tokens));
        self
    }

    /// By which methods the user has proved who they are already.
    pub(crate) fn proved_by(mut self, methods: Option<Methods>) -> Self {
        self.methods = methods;
        self
    }

    /// What an OAuth2 login left, as its own text.
    #[cfg_attr(
        not(all(feature = "oauth2", any(feature = "tower", feature = "actix"))),
        allow(dead_code)
    )]
    pub(crate) fn grant(mut self, grant: Secret) -> Self {
        self.grant = Some(Arc::new(grant));
        self
    }

    /// Whether the data stays as it was before a login.
    pub(super) fn keeps_data(&self) -> bool {
        self.data.is_none()
    }

    /// The session that it begins. What is not said stays as it was `before` the login.
    pub(super) fn into_body(
        self,
        before: Option<&Body>,
        now: u64,
        max_bytes: usize,
    ) -> Result<Body, Error> {
        let (data, revision) = match (self.data, before) {
            (Some(data), _) => (Arc::new(check_data(data?, max_bytes)?), 0),
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
            device: self
                .device
                .or_else(|| before.and_then(|before| before.device.clone())),
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
    /// The same, once the user has proved who they are by these methods too.
    pub(super) fn proved_by(mut self, methods: &Methods) -> Result<Self, Error> {
        let methods = methods.after(self.methods.as_ref());
        self.claims = methods.added_to(&self.claims)?;
        self.methods = Some(methods);
        self.check_details()?;
        Ok(self)
    }

    fn check_details(&self) -> Result<(), Error> {
        if self.details() <= MAX_DETAILS {
            return Ok(());
        }
        Err(Error::configuration(
            "a session's key, claims and tokens are over 64 KiB together: keep less in it",
        ))
    }
}

pub(super) fn read_claims(text: String) -> Result<Arc<ClaimSet>, Error> {
    match ClaimSet::parse(text) {
        Ok(claims) => Ok(Arc::new(claims)),
        Err(error) => Err(Error::configuration(
            "a session's claims are no JSON object, or a registered claim in them has the wrong type",
        )
        .with_source(error)),
    }
}

pub(super) fn check_data(text: String, max_bytes: usize) -> Result<Data, Error> {
    if text.len() <= max_bytes {
        return Ok(Data::new(text));
    }
    Err(Error::configuration(format!(
        "a session's data has {} bytes as JSON, over the {max_bytes} that it may have: keep less in \
         it, or raise .max_bytes(…)",
        text.len()
    )))
}

/// What an operation says of an id that is nobody's.
pub(super) fn gone() -> Error {
    Error::new(
        ErrorKind::Revoked,
        "no such session: it ended, or never was",
    )
}

pub(super) fn expired() -> Error {
    Error::new(ErrorKind::Expired, "the session is expired")
}

pub(crate) fn conflict() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the session changed since it was read: read it again, and try again",
    )
}

pub(crate) fn too_busy() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the session is changed by too many at once",
    )
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").finish_non_exhaustive()
    }
}
