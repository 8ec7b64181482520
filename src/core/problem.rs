//! What clients learn of each kind of error: status, problem details and challenge.
//!
//! RFC 6750 section 3, RFC 9449 section 7.1, RFC 9457, RFC 9470.

use crate::core::error::{ErrorKind, Needs};

/// The part of an error that the client may see.
pub(super) struct Problem {
    pub(super) status: u16,
    /// The problem's `type`.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) detail: &'static str,
    /// The `WWW-Authenticate` header, bare or with an `error` code.
    challenge: Wire,
}

enum Wire {
    None,
    Bare,
    /// The code, and whether `detail` is sent as its description.
    Code(&'static str, bool),
}

impl Problem {
    pub(super) fn of(kind: ErrorKind) -> Self {
        let invalid_token = |detail| Self {
            status: 401,
            name: "invalid_token",
            title: "Invalid token",
            detail,
            challenge: Wire::Code("invalid_token", true),
        };
        let plain = |status, name, title, detail| Self {
            status,
            name,
            title,
            detail,
            challenge: Wire::None,
        };
        match kind {
            ErrorKind::MissingCredentials => Self {
                status: 401,
                name: "missing_credentials",
                title: "Missing credentials",
                detail: "This resource needs a credential.",
                challenge: Wire::Bare,
            },
            ErrorKind::InvalidRequest => Self {
                status: 400,
                name: "invalid_request",
                title: "Invalid request",
                detail: "The request's credential cannot be read.",
                challenge: Wire::Code("invalid_request", false),
            },
            ErrorKind::InsufficientScope => Self {
                status: 403,
                name: "insufficient_scope",
                title: "Insufficient scope",
                detail: "The credential does not allow this.",
                challenge: Wire::Code("insufficient_scope", false),
            },
            ErrorKind::StepUp => Self {
                status: 401,
                name: "insufficient_user_authentication",
                title: "Insufficient user authentication",
                detail: "This needs a more recent or a stronger login.",
                challenge: Wire::Code("insufficient_user_authentication", true),
            },
            ErrorKind::WrongCode | ErrorKind::UsedCode => Self {
                status: 401,
                name: "invalid_code",
                title: "Invalid code",
                detail: "The code is wrong or expired.",
                challenge: Wire::Code("insufficient_user_authentication", true),
            },
            ErrorKind::InvalidProof => Self {
                status: 401,
                name: "invalid_dpop_proof",
                title: "Invalid DPoP proof",
                detail: "The DPoP proof is invalid.",
                challenge: Wire::Code("invalid_dpop_proof", true),
            },
            ErrorKind::NonceRequired => Self {
                status: 401,
                name: "use_dpop_nonce",
                title: "DPoP nonce required",
                detail: "The DPoP proof needs the nonce of this answer.",
                challenge: Wire::Code("use_dpop_nonce", true),
            },
            ErrorKind::LockedOut => {
                plain(429, "locked_out", "Too many wrong codes", "No code is accepted for a while.")
            }
            ErrorKind::NotEnrolled => {
                plain(409, "not_enrolled", "No second factor", "The user has no second factor.")
            }
            ErrorKind::AlreadyEnrolled => plain(
                409,
                "already_enrolled",
                "Second factor present",
                "The user has a second factor already.",
            ),
            ErrorKind::Forbidden => {
                plain(403, "forbidden", "Forbidden", "This resource is closed.")
            }
            ErrorKind::AmbiguousPath => plain(
                400,
                "ambiguous_path",
                "Ambiguous path",
                "The path of the request can be read in more than one way.",
            ),
            ErrorKind::Expired => invalid_token("The token is expired."),
            ErrorKind::Revoked | ErrorKind::NotListed | ErrorKind::Inactive | ErrorKind::Reused => {
                invalid_token("The token is revoked.")
            }
            ErrorKind::Malformed
            | ErrorKind::TooLarge
            | ErrorKind::UnsupportedAlgorithm
            | ErrorKind::UnknownIssuer
            | ErrorKind::UnknownKey
            | ErrorKind::BadSignature
            | ErrorKind::NotYetValid
            | ErrorKind::MissingClaim
            | ErrorKind::InvalidClaim
            | ErrorKind::WrongType
            | ErrorKind::NotVerified
            | ErrorKind::InvalidGrant => invalid_token("The token is invalid."),
            ErrorKind::InvalidCallback => plain(
                400,
                "invalid_callback",
                "Invalid callback",
                "This login was not begun here, is over, or took too long: log in again.",
            ),
            ErrorKind::AccessDenied => {
                plain(403, "access_denied", "Access denied", "The login was refused.")
            }
            ErrorKind::Conflict => plain(
                409,
                "conflict",
                "Conflict",
                "Another request changed the same thing meanwhile: try again.",
            ),
            ErrorKind::CrossSite => plain(
                403,
                "cross_site",
                "Cross-site request",
                "Another site's page must not do this.",
            ),
            ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::Storage => plain(
                503,
                "unavailable",
                "Temporarily unavailable",
                "The credential cannot be checked at the moment.",
            ),
            // Another server rejected this server's request: its status is never the client's.
            ErrorKind::BadRequest | ErrorKind::Unauthorized | ErrorKind::NotFound => plain(
                502,
                "bad_gateway",
                "Bad gateway",
                "Another server refused a request of this one.",
            ),
            ErrorKind::UnexpectedStatus | ErrorKind::UnexpectedBody => plain(
                502,
                "bad_gateway",
                "Bad gateway",
                "The authentication service answered in an unexpected way.",
            ),
            ErrorKind::AlreadyAnswered
            | ErrorKind::ClaimsMismatch
            | ErrorKind::Configuration
            | ErrorKind::InvalidKey
            | ErrorKind::ClientRefused
            | ErrorKind::Internal => plain(
                500,
                "internal_error",
                "Internal error",
                "The server is not set up correctly.",
            ),
        }
    }

    /// Returns the `error` code of the challenge.
    pub(super) fn code(&self) -> Option<&'static str> {
        match self.challenge {
            Wire::Code(code, _) => Some(code),
            Wire::None | Wire::Bare => None,
        }
    }

    /// Returns the value of `WWW-Authenticate`.
    pub(super) fn wire(&self, needs: &Needs, realm: &str) -> Option<String> {
        let mut value = format!("Bearer realm={}", quoted(realm));
        let (code, described) = match self.challenge {
            Wire::None => return None,
            Wire::Bare => return Some(value),
            Wire::Code(code, described) => (code, described),
        };
        let mut add = |name: &str, text: &str| {
            value.push_str(", ");
            value.push_str(name);
            value.push('=');
            value.push_str(&quoted(text));
        };
        add("error", code);
        if described {
            add("error_description", self.detail);
        }
        if let Some(scopes) = &needs.scopes {
            add("scope", scopes);
        }
        if let Some(seconds) = needs.max_age {
            add("max_age", &seconds.to_string());
        }
        if let Some(values) = &needs.acr_values {
            add("acr_values", values);
        }
        Some(value)
    }
}

/// Writes a quoted-string (RFC 9110 section 5.6.4) and drops all but visible ASCII.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => {}
        }
    }
    out.push('"');
    out
}
