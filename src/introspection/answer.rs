//! Parsing of an introspection endpoint's answers (RFC 7662 section 2.2).

use crate::core::{Error, ErrorKind, http::HttpAnswer, json, mismatch};
use crate::token::introspector::KIND_MEMBERS;
use serde_json::{Map, Value};

/// Much longer than any answer.
pub(super) const MAX_BODY: usize = 64 * 1024;
const MAX_CODE: usize = 64;

/// Names of access tokens, in lower case.
const ACCESS_TOKENS: [&str; 5] = ["bearer", "dpop", "access_token", "access", "at+jwt"];

/// Which kinds of token an answer may be about.
pub(super) struct Kinds {
    /// Names of access tokens besides the usual ones.
    pub(super) names: Vec<String>,
    /// Whether an answer that names no kind is accepted.
    pub(super) accept_unnamed: bool,
}

/// Returns the body of a successful answer.
///
/// # Errors
/// [`ErrorKind::ClientRefused`] if the endpoint rejects the client, [`ErrorKind::Unavailable`] if it
/// is overloaded or down, [`ErrorKind::UnexpectedStatus`] and [`ErrorKind::UnexpectedBody`]
/// otherwise.
pub(super) fn body<'a>(answer: &'a HttpAnswer, token: &str) -> Result<&'a str, Error> {
    let (place, status) = (&answer.place, answer.status);
    let text = answer.body.as_deref().and_then(|body| std::str::from_utf8(body).ok());
    let code = text.and_then(|text| error_code(text, token));
    match (status, code.as_deref()) {
        (200, _) => text.ok_or_else(|| {
            unexpected(format!("{place} answered more than 64 KiB, or no UTF-8 text"))
        }),
        (401 | 403, _) | (_, Some("invalid_client" | "unauthorized_client")) => {
            let code = code.map_or(String::new(), |code| format!(", {code}"));
            Err(Error::new(
                ErrorKind::ClientRefused,
                format!(
                    "the introspection endpoint {place} rejects this server's own credentials \
                     ({status}{code}): check the client id, its secret or key and how they are \
                     sent, and that the client may introspect tokens"
                ),
            ))
        }
        (300..=399, _) => Err(Error::new(
            ErrorKind::UnexpectedStatus,
            format!(
                "{place} answered with a redirect ({status}), which is not followed: give the \
                 endpoint's own URL"
            ),
        )),
        (429 | 502..=504, _) => {
            let busy = Error::new(ErrorKind::Unavailable, format!("{place} answered {status}"));
            Err(match answer.retry_after {
                Some(after) => busy.with_retry_after(after),
                None => busy,
            })
        }
        (_, Some(code)) => Err(Error::new(
            ErrorKind::UnexpectedStatus,
            format!(
                "{place} answered {status}, {code}, instead of saying whether the token is active; \
                 if it does not introspect its own JWTs, verify them with keys: call .discover(…) \
                 or .jwks_url(…) too"
            ),
        )),
        (_, None) => Err(Error::new(
            ErrorKind::UnexpectedStatus,
            format!("{place} answered {status} instead of 200"),
        )),
    }
}

/// Returns the OAuth2 error code of a body (RFC 6749 section 5.2).
fn error_code(body: &str, token: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let code = body.get("error")?.as_str()?;
    let sound = |b: u8| b.is_ascii_lowercase() || b == b'_';
    let harmless = code.bytes().all(sound) && !code.contains(token);
    ((1..=MAX_CODE).contains(&code.len()) && harmless).then(|| code.to_owned())
}

/// Checks that an answer, strictly parsed, is about an active access token.
///
/// # Errors
/// [`ErrorKind::Inactive`] and [`ErrorKind::WrongType`] reject the token. An answer without a
/// boolean `active` says nothing about it: [`ErrorKind::UnexpectedBody`].
pub(super) fn check_active(text: &str, kinds: &Kinds) -> Result<(), Error> {
    let strict = json::object(text, |_, _| {});
    let parsed = strict.and_then(|_| serde_json::from_str::<Map<String, Value>>(text));
    let members = parsed.map_err(|_| {
        unexpected(
            "the answer of the introspection endpoint is not a JSON object, or has a member twice",
        )
    })?;
    match members.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => {
            return Err(Error::new(
                ErrorKind::Inactive,
                "the authorization server says that the token is not active: it is expired, \
                 revoked, or not a token of that server",
            ));
        }
        _ => {
            return Err(unexpected(
                "the answer of the introspection endpoint has no boolean 'active' (RFC 7662 \
                 section 2.2)",
            ));
        }
    }
    kinds.check(&members)
}

impl Kinds {
    /// Checks that the answer is about an access token.
    ///
    /// Servers call their refresh tokens active too, and send the same members for them.
    fn check(&self, members: &Map<String, Value>) -> Result<(), Error> {
        let named = KIND_MEMBERS.map(|name| (name, members.get(name).and_then(Value::as_str)));
        let named: Vec<_> =
            named.into_iter().filter_map(|(name, kind)| Some((name, kind?))).collect();
        if let Some((name, kind)) = named.iter().find(|(_, kind)| !self.is_access_token(kind)) {
            let how = mismatch(&["Bearer", "access_token"], &[kind]);
            return Err(Error::new(
                ErrorKind::WrongType,
                format!(
                    "the introspected token is not an access token: its '{name}' is wrong: {how}; \
                     if the server means access tokens by it, call .token_type(…)"
                ),
            ));
        }
        if named.is_empty() && !self.accept_unnamed {
            return Err(Error::new(
                ErrorKind::WrongType,
                "the answer of the introspection endpoint does not name the token's kind \
                 ('token_type'), so that it may be about a refresh token; if the server introspects \
                 access tokens only, call .danger_accept_missing_token_type()",
            ));
        }
        Ok(())
    }

    fn is_access_token(&self, kind: &str) -> bool {
        ACCESS_TOKENS.iter().any(|known| kind.eq_ignore_ascii_case(known))
            || self.names.iter().any(|known| kind.eq_ignore_ascii_case(known))
    }
}

pub(super) fn unexpected(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::UnexpectedBody, message)
}
