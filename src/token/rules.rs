//! Verification rules for headers and claims (RFC 7519 section 4.1, RFC 8725 section 3).

use super::audiences::Audiences;
use super::confirmation::Confirmation;
use super::issuers::Issuers;
use super::registered::{Expected, Leniency, RegisteredClaims, TextRule, missing, wrong};
use crate::core::{Error, ErrorKind, ensure, mismatch};
use crate::jose::{Algorithm, Header, header::is_type, not_allowed};
use std::time::Duration;

pub(crate) const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);
pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(3600);
/// Longest token that any verifier may accept, in bytes.
pub(crate) const MAX_TOKEN_LEN: usize = 1024 * 1024;

pub(crate) struct Rules {
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) issuers: Issuers,
    pub(crate) audiences: Audiences,
    pub(crate) token_type: Option<Box<str>>,
    /// Required `typ` of tokens that have one.
    pub(crate) token_type_if_present: Option<Box<str>>,
    pub(crate) required: Vec<Box<str>>,
    /// Pairs of claims of which one must be present.
    pub(crate) required_either: Vec<[Box<str>; 2]>,
    /// String claims that are checked, or that other rules read.
    pub(crate) texts: Vec<TextRule>,
    /// Whether a token that is bound to a key (`cnf`) is a bearer token, accepted without a proof.
    pub(crate) accept_bound: bool,
    /// Declared by the application: the issuer names only verified e-mail addresses.
    pub(crate) issuer_verifies_emails: bool,
    pub(crate) require_kid: bool,
    /// Whether several keys are tried for a token without `kid`.
    pub(crate) try_several_keys: bool,
    pub(crate) lenient: Leniency,
    /// ARNs of the AWS load balancers whose tokens are accepted; empty for JWTs in standard form.
    pub(crate) load_balancers: Vec<Box<str>>,
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
        self.issuers.check_settings()?;
        self.audiences.check_settings()?;
        ensure(
            !has_blank(&self.required) && self.texts.iter().all(|rule| !rule.claim.is_empty()),
            "an empty claim name in .require([…])",
        )?;
        let no_text =
            |rule: &TextRule| matches!(&rule.expected, Expected::OneOf(texts) if texts.is_empty());
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

    /// Parses the claims that these rules read.
    pub(crate) fn read_claims<'a>(&self, payload: &'a str) -> Result<RegisteredClaims<'a>, Error> {
        RegisteredClaims::parse_leniently(payload, &self.texts, self.lenient)
    }

    pub(crate) fn check_issuer(&self, claims: &RegisteredClaims<'_>) -> Result<(), Error> {
        self.issuers.check(claims, &self.texts)
    }

    /// Returns what a token with these claims is bound to; `None` for a bearer token.
    pub(crate) fn confirmation(
        &self,
        claims: &RegisteredClaims<'_>,
        payload: &str,
    ) -> Option<Box<Confirmation>> {
        let is_bound = claims.has("cnf") && !self.accept_bound;
        is_bound.then(|| Box::new(Confirmation::of(payload)))
    }

    /// Checks the claims and returns the validity period, which is not checked here.
    pub(crate) fn check_claims(&self, claims: &RegisteredClaims<'_>) -> Result<Window, Error> {
        self.check_issuer(claims)?;
        self.audiences.check(claims, &self.texts)?;
        if self.require_exp && claims.expires.is_none() {
            return Err(missing("exp"));
        }
        if let Some(name) = self.required.iter().find(|name| !claims.has(name)) {
            return Err(missing(name));
        }
        let lacks_both = |pair: &&[Box<str>; 2]| !pair.iter().any(|name| claims.has(name));
        if let Some([one, other]) = self.required_either.iter().find(lacks_both) {
            return Err(missing(&format!("{one}' or '{other}")));
        }
        for (rule, found) in self.texts.iter().zip(&claims.texts) {
            let how = match (found, &rule.expected) {
                (_, Expected::Any) => None,
                _ if !claims.has(&rule.claim) && rule.expected.is_optional() => None,
                _ if !claims.has(&rule.claim) => return Err(missing(&rule.claim)),
                (Some(found), expected) => expected.mismatch(found),
                (None, _) => Some("expected a string, received another JSON type".to_owned()),
            };
            if let Some(how) = how {
                return Err(wrong(&rule.claim, &how));
            }
        }
        Ok(Window {
            expires: claims.expires,
            begins: claims.not_before.max(claims.issued_at).unwrap_or(0),
        })
    }
}
