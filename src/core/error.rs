//! The one error type: opaque, with a kind.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What went wrong, for a program to branch on.
///
/// # Example
/// ```
/// use jamguard::ErrorKind;
/// assert_eq!(ErrorKind::Expired.as_str(), "expired");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A credential is needed and the request has none.
    MissingCredentials,
    /// The request's credential cannot be read: two headers, a bearer scheme without a token.
    InvalidRequest,
    /// The token is not a well-formed compact JWS with JSON objects inside.
    Malformed,
    /// The token is longer than the verifier allows.
    TooLarge,
    /// The token's `alg` is not one of the verifier's.
    UnsupportedAlgorithm,
    /// No verifier is configured for the token's `iss`.
    UnknownIssuer,
    /// No key, or more than one, fits the token's `kid`, `alg` and use.
    UnknownKey,
    /// The signature does not match.
    BadSignature,
    /// `exp` lies in the past.
    Expired,
    /// `nbf` or `iat` lies in the future.
    NotYetValid,
    /// A required claim or header member is absent.
    MissingClaim,
    /// A claim has the wrong value or the wrong JSON type.
    InvalidClaim,
    /// The header's `typ` is not the one configured.
    WrongType,
    /// The token was taken back.
    Revoked,
    /// The token is not in the allow list.
    NotListed,
    /// A refresh token that was rotated away came again: its whole family has ended.
    Reused,
    /// What was to be written changed meanwhile: read it again, and try again.
    Conflict,
    /// The request was answered already, so a change of its session would not be saved.
    AlreadyAnswered,
    /// Another site's page sent the request, with the cookies that browsers add to it.
    CrossSite,
    /// Claims, or a session's data, do not decode into the application's type: the type is wrong, and
    /// not the credential. Answered with 500; the log names the field.
    ClaimsMismatch,
    /// The credential is valid and a policy refuses it.
    InsufficientScope,
    /// The credential is valid, and a policy wants a login that is more recent or has a second
    /// factor (RFC 9470).
    StepUp,
    /// A one-time password or recovery code is not right.
    WrongCode,
    /// A one-time password was right, and was used before.
    UsedCode,
    /// Too many wrong codes: none is looked at for a while.
    LockedOut,
    /// The user has no second factor that could be asked for.
    NotEnrolled,
    /// The user has a second factor: it must be removed before there can be another.
    AlreadyEnrolled,
    /// The route is closed to everybody: no rule of the route table opens it.
    Forbidden,
    /// The request's path can be read in more than one way.
    AmbiguousPath,
    /// The issuer or a store cannot be reached and nothing cached can answer.
    Unavailable,
    /// The other side did not answer in time.
    Timeout,
    /// No connection to the other side.
    Connection,
    /// A store's medium is full, read-only, damaged, or in use by another process; or a key is too
    /// long for it.
    Storage,
    /// JAM refused a request of this server as malformed or not allowed (400). The client is answered
    /// with 502: its own request may be right.
    BadRequest,
    /// JAM, or an OAuth2 provider's API, refused the credential of this server's request (401). The
    /// client is answered with 502: its own credential may be valid.
    Unauthorized,
    /// JAM refused the ID token (401 of `verify`).
    NotVerified,
    /// JAM does not know the app or the record (404), or a key ring the key. The client is answered
    /// with 502: what it asked for may exist.
    NotFound,
    /// The other side answered with a status that the protocol does not name.
    UnexpectedStatus,
    /// The other side answered with a body that the protocol does not allow.
    UnexpectedBody,
    /// A builder was given something that cannot work.
    Configuration,
    /// A key cannot be read, is too weak, or is of the wrong kind.
    InvalidKey,
    /// An OAuth2 callback that belongs to no login begun by this browser: its `state` is missing,
    /// wrong, used up or another browser's, or its `iss` another provider's (RFC 9207).
    InvalidCallback,
    /// The user, or the OAuth2 provider on the user's behalf, said no.
    AccessDenied,
    /// The OAuth2 provider does not accept the code or refresh token (any more): a new login is
    /// needed.
    InvalidGrant,
    /// The OAuth2 provider refuses the client or what it asks for: the set-up is wrong.
    ClientRefused,
    /// Our own fault: the layer is missing.
    Internal,
}

impl ErrorKind {
    /// The kind's stable name in snake case, for logs and tools.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingCredentials => "missing_credentials",
            Self::InvalidRequest => "invalid_request",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::MissingClaim => "missing_claim",
            Self::InvalidClaim => "invalid_claim",
            Self::WrongType => "wrong_type",
            Self::Revoked => "revoked",
            Self::NotListed => "not_listed",
            Self::Reused => "reused",
            Self::Conflict => "conflict",
            Self::AlreadyAnswered => "already_answered",
            Self::CrossSite => "cross_site",
            Self::ClaimsMismatch => "claims_mismatch",
            Self::InsufficientScope => "insufficient_scope",
            Self::StepUp => "step_up",
            Self::WrongCode => "wrong_code",
            Self::UsedCode => "used_code",
            Self::LockedOut => "locked_out",
            Self::NotEnrolled => "not_enrolled",
            Self::AlreadyEnrolled => "already_enrolled",
            Self::Forbidden => "forbidden",
            Self::AmbiguousPath => "ambiguous_path",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Storage => "storage",
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::NotVerified => "not_verified",
            Self::NotFound => "not_found",
            Self::UnexpectedStatus => "unexpected_status",
            Self::UnexpectedBody => "unexpected_body",
            Self::Configuration => "configuration",
            Self::InvalidKey => "invalid_key",
            Self::InvalidCallback => "invalid_callback",
            Self::AccessDenied => "access_denied",
            Self::InvalidGrant => "invalid_grant",
            Self::ClientRefused => "client_refused",
            Self::Internal => "internal",
        }
    }

    /// Whether a credential refused with this kind can never become valid again.
    ///
    /// An unknown key may only be unknown yet, an outage says nothing about the token.
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
                | Self::Reused
        )
    }
}

impl ErrorKind {
    /// Whether the application or its set-up is at fault, and neither a client nor another server.
    #[cfg_attr(not(any(feature = "actix", feature = "tracing")), allow(dead_code))]
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

/// Any failure of this crate: a kind, a message for people, never a secret.
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

/// Boxed: results are passed along on the hot path, errors are rare there.
#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    needs: Needs,
    /// Whether it is about a refresh token, to which token endpoints answer.
    about_grant: bool,
    oauth2_code: Option<Box<str>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What a client may be told that it takes to be let in.
#[derive(Clone, Default)]
pub(crate) struct Needs {
    /// Names with a space in between (RFC 6750 section 3).
    pub(crate) scopes: Option<String>,
    /// Seconds since the login, at most (RFC 9470 section 3).
    pub(crate) max_age: Option<u64>,
    /// Names with a space in between (RFC 9470 section 3).
    pub(crate) acr_values: Option<String>,
}

impl Error {
    /// An error of `kind`, for hooks and fetchers of your own.
    ///
    /// The message may reach logs: put no secret in it.
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

    /// The same error with a longer message: a place before it, a hint behind it.
    pub(crate) fn map_message(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.0.message = change(&self.0.message).into();
        self
    }

    /// The same, about a refresh token that a client sent.
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

    pub(crate) fn configuration(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// The kind, to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What a person reads in a log; for errors that JAM answered, its message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The code that an OAuth2 provider refused with, such as `invalid_grant` (RFC 6749
    /// section 5.2).
    pub fn oauth2_code(&self) -> Option<&str> {
        self.0.oauth2_code.as_deref()
    }

    /// How long to wait before trying again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .finish_non_exhaustive()
    }
}

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
