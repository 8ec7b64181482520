//! [`Confirmation`]: the key or certificate that a token is bound to, its claim `cnf` (RFC 7800).

use crate::core::{Error, ErrorKind, hash::Sha256};
use crate::jose::encoding;
use serde_json::Value;

/// What a token is bound to. Each of it must be proven.
#[derive(Clone, Default)]
pub(crate) struct Confirmation {
    /// `jkt`: the thumbprint of the key of DPoP proofs (RFC 9449 section 6.1).
    pub(crate) key: Option<Box<str>>,
    /// `x5t#S256`: the hash of the client certificate (RFC 8705 section 3.1).
    pub(crate) certificate: Option<Sha256>,
    /// Whether it is bound to anything else, which cannot be proven here.
    pub(crate) to_other: bool,
}

impl Confirmation {
    /// Reads the `cnf` of claims that have one.
    pub(crate) fn of(claims: &str) -> Self {
        let mut found = Self::default();
        let claims: Option<Value> = serde_json::from_str(claims).ok();
        let Some(members) = claims.as_ref().and_then(|claims| claims.get("cnf")?.as_object())
        else {
            return Self::unproven();
        };
        for (name, value) in members {
            let mut hash = Sha256::default();
            let text =
                value.as_str().filter(|text| encoding::decode_exact(text, &mut hash).is_some());
            match (&**name, text) {
                ("jkt", Some(text)) => found.key = Some(text.into()),
                ("x5t#S256", Some(_)) => found.certificate = Some(hash),
                _ => found.to_other = true,
            }
        }
        found.to_other |= members.is_empty();
        found
    }

    /// Bound to something that cannot be proven here.
    pub(crate) fn unproven() -> Self {
        Self { to_other: true, ..Self::default() }
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.key.as_ref().map_or(0, |key| key.len())
    }
}

/// Returns the error for a bound token where no proof is verified.
pub(crate) fn not_a_bearer_token() -> Error {
    Error::new(
        ErrorKind::InvalidClaim,
        "the token is bound to a key of its client ('cnf', RFC 7800) and cannot be used as a bearer \
         token: the proof of that key (DPoP, RFC 9449; a TLS client certificate, RFC 8705) is not \
         verified here; for requests, AuthenticatorBuilder::dpop and client_certificates verify it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_proven_is_noted() {
        let hash = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        for (cnf, key, certificate, to_other) in [
            (format!(r#"{{"jkt":"{hash}"}}"#), true, false, false),
            (format!(r#"{{"x5t#S256":"{hash}"}}"#), false, true, false),
            (format!(r#"{{"jkt":"{hash}","x5t#S256":"{hash}"}}"#), true, true, false),
            (format!(r#"{{"jkt":"{hash}","kid":"a"}}"#), true, false, true),
            (format!(r#"{{"jkt":"{hash}="}}"#), false, false, true),
            (r#"{"jkt":"short"}"#.to_owned(), false, false, true),
            (r#"{"jkt":1}"#.to_owned(), false, false, true),
            (r#"{"x5t#S256":null}"#.to_owned(), false, false, true),
            (r#"{"jwk":{}}"#.to_owned(), false, false, true),
            ("{}".to_owned(), false, false, true),
            ("null".to_owned(), false, false, true),
            (format!("\"{hash}\""), false, false, true),
        ] {
            let found = Confirmation::of(&format!(r#"{{"cnf":{cnf}}}"#));
            let found = (found.key.is_some(), found.certificate.is_some(), found.to_other);
            assert_eq!(found, (key, certificate, to_other), "{cnf}");
        }
    }
}
