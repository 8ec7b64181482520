//! The response to a rejected request, and the only mapping from errors to it.
//!
//! Plain bytes and numbers: axum and actix-web have different `http` types, but get the same
//! responses.

use crate::core::debug_fields;
use crate::core::error::Error;
use crate::core::problem::{Problem, ResourceChallenge};
use std::borrow::Cow;

/// The realm of responses that no layer made.
pub(crate) const REALM: &str = "jamguard";

/// The response to a rejected request: status, headers and body.
///
/// The hook [`AuthenticatorBuilder::on_refusal`](crate::AuthenticatorBuilder::on_refusal) receives
/// the default response and returns the one to send, the same for every framework.
///
/// # Example
/// ```
/// use jamguard::{AuthResponse, Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::MissingCredentials, "no credential");
/// let challenge = AuthResponse::for_error(&error, "api");
/// assert_eq!(challenge.status(), 401);
/// assert_eq!(challenge.header("www-authenticate"), Some("Bearer realm=\"api\""));
/// let own = challenge.with_body("text/plain", "please log in");
/// assert_eq!(own.body(), b"please log in");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AuthResponse {
    status: u16,
    headers: Vec<(Cow<'static, str>, String)>,
    body: Vec<u8>,
}

impl AuthResponse {
    /// Creates an empty response with this status.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Returns the standard response to an error, with a problem body.
    ///
    /// A refresh token that [`RefreshTokens`](crate::RefreshTokens) rejects gets a token endpoint's
    /// response instead: `400 {"error":"invalid_grant"}` (RFC 6749 section 5.2).
    pub fn for_error(error: &Error, realm: &str) -> Self {
        Self::for_resource(error, realm, None)
    }

    /// Returns the standard response to an error at a protected resource.
    pub(crate) fn for_resource(
        error: &Error,
        realm: &str,
        resource: Option<&ResourceChallenge>,
    ) -> Self {
        let problem = Problem::of(error.kind());
        if problem.status == 401 && error.is_about_grant() {
            return Self::invalid_grant();
        }
        let mut answer = Self::new(problem.status);
        if let Some(value) = problem.wire(error.needs(), realm, resource) {
            answer.add_header("www-authenticate", value);
        }
        if matches!(problem.status, 429 | 503) {
            let seconds = error
                .retry_after()
                .map_or(1, |after| after.as_secs() + u64::from(after.subsec_nanos() > 0));
            answer.add_header("retry-after", seconds.max(1).to_string());
        }
        let body = format!(
            r#"{{"type":"{}","title":"{}","status":{},"detail":"{}"}}"#,
            problem.name, problem.title, problem.status, problem.detail
        );
        answer.with_body("application/problem+json", body)
    }

    /// Returns a token endpoint's response to a rejected refresh token (RFC 6749 section 5.2).
    fn invalid_grant() -> Self {
        Self::new(400)
            .with_header("cache-control", "no-store")
            .with_body("application/json", r#"{"error":"invalid_grant"}"#)
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the first header with this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Returns all headers, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(n, v)| (&**n, &**v))
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Replaces the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header, replacing those with the same name.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into().to_ascii_lowercase();
        self.headers.retain(|(n, _)| *n != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Removes a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// Replaces the body and its content type.
    #[must_use]
    pub fn with_body(self, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let mut answer = self.with_header("content-type", content_type);
        answer.body = body.into();
        answer
    }

    /// Adds a header beside others with the same name, as `Set-Cookie` needs.
    pub(crate) fn add_header(&mut self, name: &'static str, value: impl Into<String>) {
        self.headers.push((Cow::Borrowed(name), value.into()));
    }

    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn into_body(self) -> Vec<u8> {
        self.body
    }
}

// Headers may contain cookies.
debug_fields!(AuthResponse, self, status = self.status);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::error::{ErrorKind, Needs};

    fn answer(kind: ErrorKind) -> AuthResponse {
        AuthResponse::for_error(&Error::new(kind, "the precise reason"), "a\"b")
    }

    #[test]
    fn each_kind_has_an_answer_that_hides_the_reason() {
        let cases = [
            (ErrorKind::MissingCredentials, 401, Some(r#"Bearer realm="a\"b""#)),
            (
                ErrorKind::InvalidRequest,
                400,
                Some(r#"Bearer realm="a\"b", error="invalid_request""#),
            ),
            (
                ErrorKind::BadSignature,
                401,
                Some(
                    r#"Bearer realm="a\"b", error="invalid_token", error_description="The token is invalid.""#,
                ),
            ),
            (
                ErrorKind::Expired,
                401,
                Some(
                    r#"Bearer realm="a\"b", error="invalid_token", error_description="The token is expired.""#,
                ),
            ),
            (
                ErrorKind::InsufficientScope,
                403,
                Some(r#"Bearer realm="a\"b", error="insufficient_scope""#),
            ),
            (
                ErrorKind::StepUp,
                401,
                Some(
                    r#"Bearer realm="a\"b", error="insufficient_user_authentication", error_description="This needs a more recent or a stronger login.""#,
                ),
            ),
            (
                ErrorKind::WrongCode,
                401,
                Some(
                    r#"Bearer realm="a\"b", error="insufficient_user_authentication", error_description="The code is wrong or expired.""#,
                ),
            ),
            (ErrorKind::LockedOut, 429, None),
            (ErrorKind::NotEnrolled, 409, None),
            (ErrorKind::AlreadyEnrolled, 409, None),
            (ErrorKind::Forbidden, 403, None),
            (ErrorKind::AmbiguousPath, 400, None),
            (ErrorKind::Unavailable, 503, None),
            (ErrorKind::InvalidCallback, 400, None),
            (ErrorKind::AccessDenied, 403, None),
            (ErrorKind::ClientRefused, 500, None),
            (ErrorKind::Internal, 500, None),
        ];
        for (kind, status, challenge) in cases {
            let answer = answer(kind);
            assert_eq!(answer.status(), status, "{kind}");
            assert_eq!(answer.header("www-authenticate"), challenge, "{kind}");
            let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            assert_eq!(body["status"], status, "{kind}");
            assert!(!String::from_utf8_lossy(answer.body()).contains("precise"));
        }
        for kind in [ErrorKind::Unavailable, ErrorKind::LockedOut] {
            assert_eq!(answer(kind).header("retry-after"), Some("1"));
        }
        // A used code is answered like a wrong one, to reveal nothing about it.
        assert_eq!(answer(ErrorKind::UsedCode), answer(ErrorKind::WrongCode));
    }

    /// The status of every kind: a new kind does not compile without one.
    macro_rules! statuses {
        ($($kind:ident => $status:literal,)*) => {{
            // No wildcard, so that every kind must be listed.
            fn status(kind: ErrorKind) -> u16 {
                match kind { $(ErrorKind::$kind => $status,)* }
            }
            [$(ErrorKind::$kind),*].map(|kind| (kind, status(kind)))
        }};
    }

    #[test]
    fn each_kind_has_a_status_and_upstream_rejections_are_502() {
        let statuses = statuses! {
            AlreadyAnswered => 500,
            MissingCredentials => 401,
            InvalidRequest => 400,
            Malformed => 401,
            TooLarge => 401,
            UnsupportedAlgorithm => 401,
            UnknownIssuer => 401,
            UnknownKey => 401,
            BadSignature => 401,
            Expired => 401,
            NotYetValid => 401,
            MissingClaim => 401,
            InvalidClaim => 401,
            WrongType => 401,
            Revoked => 401,
            NotListed => 401,
            Inactive => 401,
            InvalidProof => 401,
            NonceRequired => 401,
            Reused => 401,
            Conflict => 409,
            CrossSite => 403,
            ClaimsMismatch => 500,
            InsufficientScope => 403,
            StepUp => 401,
            WrongCode => 401,
            UsedCode => 401,
            LockedOut => 429,
            NotEnrolled => 409,
            AlreadyEnrolled => 409,
            Forbidden => 403,
            AmbiguousPath => 400,
            Unavailable => 503,
            Timeout => 503,
            Connection => 503,
            Storage => 503,
            BadRequest => 502,
            Unauthorized => 502,
            NotVerified => 401,
            NotFound => 502,
            UnexpectedStatus => 502,
            UnexpectedBody => 502,
            Configuration => 500,
            InvalidKey => 500,
            InvalidCallback => 400,
            AccessDenied => 403,
            InvalidGrant => 401,
            ClientRefused => 500,
            Internal => 500,
        };
        for (kind, status) in statuses {
            let answer = answer(kind);
            assert_eq!(answer.status(), status, "{kind}");
            assert_eq!(kind.is_fault(), status == 500, "{kind}");
            let challenged = answer.header("www-authenticate").is_some();
            assert!(!challenged || matches!(status, 400 | 401 | 403), "{kind}");
        }
    }

    #[test]
    fn step_up_challenge_lists_the_requirements() {
        let needs = Needs {
            scopes: Some("orders.read orders.write".to_owned()),
            max_age: Some(300),
            acr_values: Some("phr".to_owned()),
        };
        let error = Error::new(ErrorKind::StepUp, "the precise reason").with_needs(needs);
        let answer = AuthResponse::for_error(&error, "api");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(
                r#"Bearer realm="api", error="insufficient_user_authentication", scope="orders.read orders.write", error_description="This needs a more recent or a stronger login.", max_age="300", acr_values="phr""#
            )
        );
    }
}
