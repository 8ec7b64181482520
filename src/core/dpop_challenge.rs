//! The challenge of the scheme `DPoP` (RFC 9449 section 7.1), beside `Bearer` or in its place.

use crate::core::challenge::AuthResponse;
use crate::core::error::{Error, ErrorKind};
use crate::core::problem::Problem;

const CHALLENGE: &str = "www-authenticate";

impl AuthResponse {
    /// Adds the challenge of the scheme `DPoP` to the response to an error.
    ///
    /// It follows `Bearer` in the same header line. It replaces `Bearer`, with the same parameters, if
    /// bearer tokens are not accepted (`required`) or the error is about the proof: clients look for
    /// `use_dpop_nonce` in a single challenge only.
    #[must_use]
    pub(crate) fn with_dpop(self, error: &Error, algorithms: &str, required: bool) -> Self {
        let Some(bearer) = self.header(CHALLENGE) else {
            return self;
        };
        let about_proof =
            matches!(error.kind(), ErrorKind::InvalidProof | ErrorKind::NonceRequired);
        let value = match bearer.strip_prefix("Bearer ") {
            Some(parameters) if required || about_proof => {
                format!(r#"DPoP {parameters}, algs="{algorithms}""#)
            }
            _ => {
                let code = Problem::of(error.kind()).code();
                let code = code.map(|code| format!(r#", error="{code}""#)).unwrap_or_default();
                format!(r#"{bearer}, DPoP algs="{algorithms}"{code}"#)
            }
        };
        self.with_header(CHALLENGE, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(kind: ErrorKind, required: bool) -> Option<String> {
        let error = Error::new(kind, "the precise reason");
        let answer = AuthResponse::for_error(&error, "api").with_dpop(&error, "ES256", required);
        answer.header(CHALLENGE).map(str::to_owned)
    }

    #[test]
    fn dpop_stands_beside_bearer_in_one_line() {
        assert_eq!(
            challenge(ErrorKind::MissingCredentials, false).as_deref(),
            Some(r#"Bearer realm="api", DPoP algs="ES256""#)
        );
        assert_eq!(
            challenge(ErrorKind::Expired, false).as_deref(),
            Some(
                r#"Bearer realm="api", error="invalid_token", error_description="The token is expired.", DPoP algs="ES256", error="invalid_token""#
            )
        );
        assert_eq!(challenge(ErrorKind::Unavailable, false), None);
    }

    #[test]
    fn dpop_stands_alone_for_proofs_and_where_it_is_required() {
        assert_eq!(
            challenge(ErrorKind::NonceRequired, false).as_deref(),
            Some(
                r#"DPoP realm="api", error="use_dpop_nonce", error_description="The DPoP proof needs the nonce of this answer.", algs="ES256""#
            )
        );
        assert_eq!(
            challenge(ErrorKind::MissingCredentials, true).as_deref(),
            Some(r#"DPoP realm="api", algs="ES256""#)
        );
    }
}
