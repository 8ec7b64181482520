//! Verification rules for headers and claims (RFC 7519 section 4.1, RFC 8725 section 3).

use super::protected_resource::ProtectedResource;
use super::registered::{Audience, RegisteredClaims, TextRule};
use crate::core::{Error, ErrorKind, ensure, mismatch};
use crate::jose::{Algorithm, Header, header::is_type, not_allowed};
use std::{borrow::Cow, time::Duration};

pub(crate) const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);
pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(3600);
/// Longest token that any verifier may accept, in bytes.
pub(crate) const MAX_TOKEN_LEN: usize = 1024 * 1024;

pub(crate) struct Rules {
    pub(crate) algorithms: Vec<Algorithm>,
    /// Accepted issuers; empty accepts any.
    pub(crate) issuers: Vec<Box<str>>,
    /// Accepted audiences; empty accepts any.
    pub(crate) audiences: Vec<Box<str>>,
    /// The protected resource that may be the audience instead.
    pub(crate) resource: Option<ProtectedResource>,
    pub(crate) token_type: Option<Box<str>>,
    /// Required `typ` of tokens that have one.
    pub(crate) token_type_if_present: Option<Box<str>>,
    pub(crate) required: Vec<Box<str>>,
    /// Claims that must be present as strings.
    pub(crate) texts: Vec<TextRule>,
    /// Whether a key-bound token (`cnf`) passes without a proof of that key.
    pub(crate) accept_bound: bool,
    /// Declared by the application: the issuer names only verified e-mail addresses.
    pub(crate) issuer_verifies_emails: bool,
    pub(crate) require_kid: bool,
    pub(crate) require_exp: bool,
    /// Whether `exp` is compared with the clock.
    pub(crate) check_exp: bool,
    /// Seconds.
    pub(crate) leeway: u64,
    pub(crate) max_len: usize,
}

/// The validity period of a verified token, checked at each use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Unix seconds of `exp`.
    pub(crate) expires: Option<u64>,
    /// Unix seconds, the later of `nbf` and `iat`.
    pub(crate) begins: u64,
}

impl Window {
    /// Checks that the token is valid at `now`, with leeway (RFC 7519 sections 4.1.4 and 4.1.5).
    pub(crate) fn check(self, now: Duration, rules: &Rules) -> Result<(), Error> {
        let (now, leeway) = (now.as_secs(), rules.leeway);
        let expired = |expires: u64| rules.check_exp && now >= expires.saturating_add(leeway);
        if self.expires.is_some_and(expired) {
            return Err(Error::new(ErrorKind::Expired, "the token is expired"));
        }
        if now.saturating_add(leeway) < self.begins {
            return Err(Error::new(
                ErrorKind::NotYetValid,
                "the token is not valid yet (nbf or iat)",
            ));
        }
        Ok(())
    }
}

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::MissingClaim, format!("the token lacks the required '{name}'"))
}

fn wrong(name: &str, how: &str) -> Error {
    Error::new(ErrorKind::InvalidClaim, format!("the token's '{name}' is wrong: {how}"))
}

/// Returns the second spelling of an issuer's `iss`. Google documents two of its own.
pub(crate) fn other_spelling(issuer: &str) -> Option<&'static str> {
    (issuer == "https://accounts.google.com").then_some("accounts.google.com")
}

/// Returns whether a `typ` names a kind of token other than an access or ID token.
///
/// RFC 8725 section 3.11 gives each kind a media type that ends in `+jwt` (RFC 9901 adds
/// `+sd-jwt`). A list of known kinds would accept future ones, so every such ending is rejected
/// except `at+jwt`, the only one that authenticates a request. Other types are free text invented
/// by issuers.
fn is_foreign_kind(typ: &str) -> bool {
    let foreign = |(_, suffix): (&str, &str)| {
        suffix.eq_ignore_ascii_case("jwt") || suffix.eq_ignore_ascii_case("sd-jwt")
    };
    typ.rsplit_once('+').is_some_and(foreign) && !is_type(typ, "at+jwt")
}

impl Rules {
    /// Checks the settings that the rules were made from, for a message that says what to change.
    pub(super) fn check_settings(&self) -> Result<(), Error> {
        let has_blank = |names: &[Box<str>]| names.iter().any(|name| name.trim().is_empty());
        ensure(
            !has_blank(&self.issuers),
            "an empty issuer: give .issuer(…) the exact text of the iss claim",
        )?;
        ensure(
            !has_blank(&self.audiences),
            "an empty audience: give .audience(…) the name of this service",
        )?;
        ensure(
            !has_blank(&self.required) && self.texts.iter().all(|rule| !rule.claim.is_empty()),
            "an empty claim name in .require([…])",
        )?;
        let no_text = |rule: &TextRule| rule.expected.as_ref().is_some_and(Vec::is_empty);
        ensure(
            !self.texts.iter().any(no_text),
            "no token kind: give .token_kind(…) the accepted kinds, such as [\"access\"]",
        )?;
        ensure(
            self.token_type.as_ref().is_none_or(|typ| !typ.is_empty()),
            "an empty token type: give .token_type(…) the typ, such as at+jwt",
        )?;
        ensure(
            (64..=MAX_TOKEN_LEN).contains(&self.max_len),
            "the longest token must be between 64 bytes and 1 MiB",
        )
    }

    /// Whether a token must name an audience.
    pub(crate) fn has_audience(&self) -> bool {
        !self.audiences.is_empty() || self.resource.is_some()
    }

    /// Checks the header, which needs no key.
    pub(crate) fn check_header(&self, header: &Header) -> Result<(), Error> {
        if !self.algorithms.contains(&header.algorithm()) {
            return Err(not_allowed(&self.algorithms, header.algorithm()));
        }
        let typ = header.token_type();
        let wrong_type = |expected: &str| {
            let how = mismatch(&[expected], typ.as_slice());
            Error::new(ErrorKind::WrongType, format!("the token's typ is wrong: {how}"))
        };
        match &self.token_type {
            Some(expected) if !typ.is_some_and(|typ| is_type(typ, expected)) => {
                return Err(wrong_type(expected));
            }
            None if typ.is_some_and(is_foreign_kind) => {
                let how = mismatch(&["JWT", "at+jwt"], typ.as_slice());
                return Err(Error::new(
                    ErrorKind::WrongType,
                    format!(
                        "the token's typ names a kind of token for another purpose, which needs a \
                         verifier with .token_type(…): {how}"
                    ),
                ));
            }
            _ => {}
        }
        if let Some(expected) = &self.token_type_if_present
            && typ.is_some_and(|typ| !is_type(typ, expected))
        {
            return Err(wrong_type(expected));
        }
        if self.require_kid && header.key_id().is_none() {
            return Err(missing("kid"));
        }
        Ok(())
    }

    pub(crate) fn check_issuer(&self, issuer: Option<&str>) -> Result<(), Error> {
        match issuer {
            _ if self.issuers.is_empty() => Ok(()),
            None => Err(missing("iss")),
            Some(found) if self.issuers.iter().any(|ours| **ours == *found) => Ok(()),
            Some(found) => Err(wrong("iss", &mismatch(&self.issuers, &[found]))),
        }
    }

    /// Checks the claims and returns the validity period, which is not checked here.
    pub(crate) fn check_claims(&self, claims: &RegisteredClaims<'_>) -> Result<Window, Error> {
        self.check_issuer(claims.issuer.as_deref())?;
        if self.has_audience() {
            let named = |found: &str| self.resource.as_ref().is_some_and(|r| r.is_named_by(found));
            let ours = |found: &Cow<'_, str>| {
                self.audiences.iter().any(|ours| **ours == **found) || named(found)
            };
            let found = match &claims.audience {
                Audience::Absent => return Err(missing("aud")),
                Audience::One(found) => std::slice::from_ref(found),
                Audience::Many(found) => found,
            };
            if !found.iter().any(ours) {
                let resource = self.resource.as_ref().map(ProtectedResource::identifier);
                let expected: Vec<&str> =
                    self.audiences.iter().map(|ours| &**ours).chain(resource).collect();
                return Err(wrong("aud", &mismatch(&expected, found)));
            }
        }
        if self.require_exp && claims.expires.is_none() {
            return Err(missing("exp"));
        }
        if !self.accept_bound && claims.has("cnf") {
            return Err(Error::new(
                ErrorKind::InvalidClaim,
                "the token is bound to a key of its client ('cnf', RFC 7800) and cannot be used as \
                 a bearer token: the proof of that key (DPoP, RFC 9449; a TLS client certificate, \
                 RFC 8705) is not verified here",
            ));
        }
        if let Some(name) = self.required.iter().find(|name| !claims.has(name)) {
            return Err(missing(name));
        }
        for (rule, found) in self.texts.iter().zip(&claims.texts) {
            let how = match (found, &rule.expected) {
                _ if !claims.has(&rule.claim) => return Err(missing(&rule.claim)),
                (Some(found), Some(expected)) if !expected.iter().any(|text| **text == **found) => {
                    mismatch(expected, &[found])
                }
                (Some(found), None) if found.is_empty() => "it is empty".to_owned(),
                (Some(_), _) => continue,
                (None, _) => "expected a string, received another JSON type".to_owned(),
            };
            return Err(wrong(&rule.claim, &how));
        }
        Ok(Window {
            expires: claims.expires,
            begins: claims.not_before.max(claims.issued_at).unwrap_or(0),
        })
    }
}
