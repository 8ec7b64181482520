//! The crate's error type: opaque, with a kind.

use crate::core::debug_fields;
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

/// Defines [`ErrorKind`] with a stable name for each kind.
macro_rules! error_kinds {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $kind:ident = $text:literal,)* }) => {
        $(#[$about])*
        $vis enum $name {
            $($(#[$doc])* $kind,)*
        }

        impl $name {
            /// All kinds, for tests and dashboards.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Returns the kind's stable name in snake case, for logs and tools.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)*
                }
            }
        }
    };
}

error_kinds! {
    /// The kind of an [`Error`], for programs to branch on.
    ///
    /// # Example
    /// ```
    /// use jamguard::ErrorKind;
    /// assert_eq!(ErrorKind::Expired.as_str(), "expired");
    /// ```
    #[non_exhaustive]
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ErrorKind {
        /// The request has no credential, and one is needed.
        MissingCredentials = "missing_credentials",
        /// The request's credential is malformed: two headers, or a bearer scheme without a token.
        InvalidRequest = "invalid_request",
        /// The token is not a well-formed compact JWS with JSON objects inside.
        Malformed = "malformed",
        /// The token is longer than the verifier allows.
        TooLarge = "too_large",
        /// The token's `alg` is not one of the verifier's.
        UnsupportedAlgorithm = "unsupported_algorithm",
        /// No verifier is configured for the token's `iss`.
        UnknownIssuer = "unknown_issuer",
        /// No key, or more than one, fits the token's `kid`, `alg` and use.
        UnknownKey = "unknown_key",
        /// The signature does not match.
        BadSignature = "bad_signature",
        /// `exp` lies in the past.
        Expired = "expired",
        /// `nbf` or `iat` lies in the future.
        NotYetValid = "not_yet_valid",
        /// A required claim or header member is absent.
        MissingClaim = "missing_claim",
        /// A claim has the wrong value or the wrong JSON type.
        InvalidClaim = "invalid_claim",
        /// The header's `typ` is not the one configured.
        WrongType = "wrong_type",
        /// The token was revoked.
        Revoked = "revoked",
        /// The token is not in the allow list.
        NotListed = "not_listed",
        /// The authorization server says that the token is not active (RFC 7662).
        ///
        /// It is expired, revoked, or not a token of that server.
        Inactive = "inactive",
        /// The proof of a DPoP-bound token is missing, malformed, for another request, or used before
        /// (RFC 9449 section 4.3).
        InvalidProof = "invalid_proof",
        /// The DPoP proof lacks a current nonce of this server (RFC 9449 section 9).
        NonceRequired = "nonce_required",
        /// A refresh token that was rotated away was used again: its whole family has ended.
        Reused = "reused",
        /// The record changed since it was read: read it again and retry.
        Conflict = "conflict",
        /// The request was already answered, so a change to its session would not be saved.
        AlreadyAnswered = "already_answered",
        /// A page of another site sent the request, with the cookies that browsers attach.
        CrossSite = "cross_site",
        /// Claims or session data do not decode into the application's type.
        ///
        /// The type is wrong, not the credential. Answered with 500; the log names the field.
        ClaimsMismatch = "claims_mismatch",
        /// The credential is valid, but a policy denies the request.
        InsufficientScope = "insufficient_scope",
        /// The credential is valid, but a policy requires a newer login or a second factor (RFC 9470).
        StepUp = "step_up",
        /// A one-time password or recovery code is wrong.
        WrongCode = "wrong_code",
        /// A one-time password is valid, but was used before.
        UsedCode = "used_code",
        /// Too many wrong codes: no code is checked for a while.
        LockedOut = "locked_out",
        /// The user has no second factor to verify.
        NotEnrolled = "not_enrolled",
        /// The user already has a second factor: remove it before enrolling another.
        AlreadyEnrolled = "already_enrolled",
        /// The route is closed: no rule of the route table allows it.
        Forbidden = "forbidden",
        /// Routers may read the request's path in more than one way.
        AmbiguousPath = "ambiguous_path",
        /// The issuer or a store cannot be reached, and no cached answer exists.
        Unavailable = "unavailable",
        /// The other server did not answer in time.
        Timeout = "timeout",
        /// The connection to the other server failed.
        Connection = "connection",
        /// A store failed: its medium is full, read-only, damaged, or in use by another process.
        ///
        /// Or a key is too long for it.
        Storage = "storage",
        /// JAM rejected a request of this server as malformed or not allowed (400).
        ///
        /// The client receives 502: its own request may be valid.
        BadRequest = "bad_request",
        /// JAM or an OAuth2 provider's API rejected the credential of this server's request (401).
        ///
        /// The client receives 502: its own credential may be valid.
        Unauthorized = "unauthorized",
        /// JAM rejected the ID token (401 of `verify`).
        NotVerified = "not_verified",
        /// JAM does not know the app or the record (404), or a key ring does not know the key.
        ///
        /// The client receives 502: its own target may exist.
        NotFound = "not_found",
        /// The other server answered with a status that the protocol does not define.
        UnexpectedStatus = "unexpected_status",
        /// The other server answered with a body that the protocol does not allow.
        UnexpectedBody = "unexpected_body",
        /// A builder received an invalid configuration.
        Configuration = "configuration",
        /// A key cannot be parsed, is too weak, or is of the wrong kind.
        InvalidKey = "invalid_key",
        /// An OAuth2 callback does not belong to a login that this browser started.
        ///
        /// Its `state` is missing, wrong, already used or another browser's, or its `iss` is another
        /// provider's (RFC 9207).
        InvalidCallback = "invalid_callback",
        /// The user, or the OAuth2 provider on the user's behalf, declined the login.
        AccessDenied = "access_denied",
        /// The OAuth2 provider rejects the code or refresh token: a new login is needed.
        InvalidGrant = "invalid_grant",
        /// The OAuth2 provider rejects the client or its request: the configuration is wrong.
        ///
        /// So does an introspection endpoint that does not accept the client's credentials.
        ClientRefused = "client_refused",
        /// A fault of this server, such as a missing layer.
        Internal = "internal",
    }
}

impl ErrorKind {
    /// Whether a credential rejected with this kind can never become valid again.
    ///
    /// A key may be unknown only for now, and an outage says nothing about the token.
    pub(crate) const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Malformed
                | Self::TooLarge
                | Self::UnsupportedAlgorithm
                | Self::UnknownIssuer
                | Self::BadSignature
                | Self::Expired
                | Self::MissingClaim
                | Self::InvalidClaim
                | Self::WrongType
                | Self::Revoked
                | Self::NotListed
                | Self::Inactive
                | Self::Reused
        )
    }

    /// Whether the application or its configuration is at fault, not a client or another server.
    pub(crate) const fn is_fault(self) -> bool {
        matches!(
            self,
            Self::AlreadyAnswered
                | Self::ClaimsMismatch
                | Self::Configuration
                | Self::InvalidKey
                | Self::ClientRefused
                | Self::Internal
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error of this crate: a kind and a message for people, never a secret.
///
/// # Example
/// ```
/// use jamguard::{ErrorKind, Verifier};
/// let error = Verifier::builder().build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// println!("{error}");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

/// Boxed, because results are returned on the hot path and errors are rare there.
#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    needs: Needs,
    /// Whether it concerns a refresh token: the response is then a token endpoint's.
    about_grant: bool,
    oauth2_code: Option<Box<str>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// Requirements that a challenge may tell the client.
#[derive(Clone, Default)]
pub(crate) struct Needs {
    /// Space-separated scopes (RFC 6750 section 3).
    pub(crate) scopes: Option<String>,
    /// Maximum seconds since the login (RFC 9470 section 3).
    pub(crate) max_age: Option<u64>,
    /// Space-separated `acr` values (RFC 9470 section 3).
    pub(crate) acr_values: Option<String>,
}

impl Error {
    /// Creates an error of `kind`, for your own hooks and fetchers.
    ///
    /// The message may appear in logs: it must not contain secrets.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retry_after: None,
            needs: Needs::default(),
            about_grant: false,
            oauth2_code: None,
            source: None,
        }))
    }

    /// Replaces the message, to add a location before it or a hint after it.
    pub(crate) fn map_message(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.0.message = change(&self.0.message).into();
        self
    }

    /// Marks the error as concerning a refresh token that a client sent.
    pub(crate) fn about_grant(mut self) -> Self {
        self.0.about_grant = true;
        self
    }

    pub(crate) fn is_about_grant(&self) -> bool {
        self.0.about_grant
    }

    pub(crate) fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    pub(crate) fn with_needs(mut self, needs: Needs) -> Self {
        self.0.needs = needs;
        self
    }

    pub(crate) fn needs(&self) -> &Needs {
        &self.0.needs
    }

    #[cfg(feature = "oauth2")]
    pub(crate) fn with_oauth2_code(mut self, code: &str) -> Self {
        self.0.oauth2_code = Some(code.into());
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Maps an error of a store to an outage, so that every failure gets the same response.
    pub(crate) fn into_outage(self, message: &'static str) -> Self {
        if self.kind() == ErrorKind::Unavailable {
            return self;
        }
        Self::new(ErrorKind::Unavailable, message).with_source(self)
    }

    pub(crate) fn configuration(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// Returns the kind, to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the message for logs; for errors from JAM, JAM's message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the OAuth2 provider's error code, such as `invalid_grant` (RFC 6749 section 5.2).
    pub fn oauth2_code(&self) -> Option<&str> {
        self.0.oauth2_code.as_deref()
    }

    /// Returns how long to wait before a retry, if known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

/// Returns a configuration error with this message unless the condition holds.
pub(crate) fn ensure(holds: bool, message: impl Into<Cow<'static, str>>) -> Result<(), Error> {
    match holds {
        true => Ok(()),
        false => Err(Error::configuration(message)),
    }
}

debug_fields!(Error, self, kind = self.0.kind, message = self.0.message);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|s| &**s as _)
    }
}
