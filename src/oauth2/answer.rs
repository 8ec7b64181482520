//! Parsing of a provider's responses.

use super::exposed::Exposed;
use super::tokens::{Parts, TokenResponse};
use crate::core::quote::{quoted, visible};
use crate::core::{Error, ErrorKind, Secret, http::HttpAnswer, json};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// Much longer than any token response.
pub(super) const MAX_BODY: usize = 256 * 1024;
const MAX_CODE: usize = 64;
/// One year: bounds mistaken values, and sums of times cannot overflow.
const MAX_LIFETIME: u64 = 366 * 24 * 3600;

/// What the parser needs to know about the request.
pub(super) struct Asked<'a> {
    pub(super) scopes: &'a [String],
    /// Values that no error may repeat.
    pub(super) secrets: Vec<&'a str>,
    /// When the request was sent, in Unix milliseconds.
    pub(super) sent: u64,
    pub(super) comma: bool,
    /// The provider's name for bearer tokens, besides `Bearer`.
    pub(super) token_type: Option<&'a str>,
    /// Whether the tokens must be bound to the client's DPoP key.
    pub(super) dpop: bool,
}

/// Parses the tokens of a token endpoint's response.
///
/// # Errors
/// The error that the provider names, with any status (RFC 6749 section 5.2; some servers send it
/// with 200); [`ErrorKind::UnexpectedStatus`], [`ErrorKind::UnexpectedBody`],
/// [`ErrorKind::Unavailable`].
pub(super) fn tokens(answer: &HttpAnswer, asked: &Asked<'_>) -> Result<TokenResponse, Error> {
    let members = members(answer, &asked.secrets)?;
    read_tokens(members, asked)
}

/// Returns the members of a successful response, which is a JSON object.
fn members(answer: &HttpAnswer, secrets: &[&str]) -> Result<Map<String, Value>, Error> {
    check_status(answer)?;
    let members = answer.body.as_deref().and_then(|body| object(body));
    let error = members.as_ref().and_then(|members| members.get("error"));
    if let Some(error) = error.filter(|error| !is_empty(error)) {
        let text = |name: &str| members.as_ref()?.get(name)?.as_str();
        return Err(refusal(error.as_str(), text("error_description"), secrets));
    }
    match (answer.status, members, &answer.body) {
        (200..=299, Some(members), _) => Ok(members),
        (200..=299, None, Some(_)) => Err(unexpected("the provider's answer is not a JSON object")),
        (200..=299, None, None) => Err(too_long()),
        _ => Err(status(answer, ErrorKind::UnexpectedStatus, " without an OAuth2 error")),
    }
}

/// Rejects statuses whose body is not to be read: redirects, 429 and 5xx.
fn check_status(answer: &HttpAnswer) -> Result<(), Error> {
    if let 300..=399 = answer.status {
        return Err(Error::new(
            ErrorKind::UnexpectedStatus,
            format!(
                "{} answered with a redirect ({}), which is not followed: give the endpoint's own \
                 URL",
                answer.place, answer.status
            ),
        ));
    }
    if answer.status >= 500 || answer.status == 429 {
        let busy = status(answer, ErrorKind::Unavailable, "");
        return Err(match answer.retry_after {
            Some(after) => busy.with_retry_after(after.min(Duration::from_secs(3600))),
            None => busy,
        });
    }
    Ok(())
}

/// Decodes JSON from the provider.
pub(super) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    // serde's message may quote a value, which may be secret.
    serde_json::from_slice(json).map_err(|_| {
        let message = format!("the provider's JSON is not {}", std::any::type_name::<T>());
        Error::new(ErrorKind::ClaimsMismatch, message)
    })
}

/// Returns the body of a successful response of the provider's API.
pub(super) fn body(answer: &HttpAnswer) -> Result<&[u8], Error> {
    if answer.status == 401 {
        let message = "the provider does not accept the access token";
        return Err(Error::new(ErrorKind::Unauthorized, message));
    }
    check_status(answer)?;
    match (answer.status, &answer.body) {
        (200..=299, Some(body)) => Ok(body),
        (200..=299, None) => Err(too_long()),
        _ => Err(status(answer, ErrorKind::UnexpectedStatus, "")),
    }
}

/// Whether a member is empty: some providers send absent members as null or "".
fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// Parses an object and rejects duplicate members: of two access tokens, neither can be trusted.
fn object(body: &[u8]) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(body).ok()?;
    json::object(text, |_, _| {}).ok()?;
    serde_json::from_str(text).ok()
}

fn read_tokens(mut members: Map<String, Value>, asked: &Asked<'_>) -> Result<TokenResponse, Error> {
    let access_token = secret(&mut members, "access_token")?
        .ok_or_else(|| unexpected("the provider's answer has no access_token"))?;
    let known = |name: &str| {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        match asked.dpop {
            true => is("DPoP"),
            false => is("Bearer") || asked.token_type.is_some_and(is),
        }
    };
    let token_type = match members.remove("token_type").filter(|found| !is_empty(found)) {
        Some(Value::String(name)) if known(&name) => name,
        // Tokens without the client's binding can be used by a thief (RFC 9449 section 5).
        found if asked.dpop => {
            let found = if found.is_some() { "another token_type" } else { "no token_type" };
            return Err(Error::new(
                ErrorKind::UnexpectedBody,
                format!(
                    "the provider's answer has {found}, expected DPoP: it does not bind tokens to                      the client's key; register the client for DPoP there, or omit .dpop_key(…)"
                ),
            ));
        }
        // Required, but some providers omit it.
        None => "Bearer".to_owned(),
        // A token of an unknown type must not be used (RFC 6749 section 7.1).
        Some(found) => {
            let found = found.as_str().filter(|text| {
                let secrets = &asked.secrets;
                text.len() <= MAX_CODE && !secrets.iter().any(|secret| repeats(text, secret))
            });
            let found = found.and_then(|text| quoted(text, &[]));
            return Err(Error::new(
                ErrorKind::UnexpectedBody,
                format!(
                    "the provider's answer has the token_type {}, expected {}: if the \
                     provider means bearer tokens by it, set it with Provider::token_type(…)",
                    found.map_or("of another kind".to_owned(), |text| format!("'{text}'")),
                    asked.token_type.unwrap_or("Bearer"),
                ),
            ));
        }
    };
    Ok(TokenResponse::new(Parts {
        access_token: Exposed(access_token),
        token_type,
        refresh_token: secret(&mut members, "refresh_token")?.map(Exposed),
        id_token: secret(&mut members, "id_token")?.map(Exposed),
        received: asked.sent,
        expires_in: lifetime(members.remove("expires_in"))?,
        scopes: scopes(members.remove("scope"), asked)?,
        rest: Zeroizing::new(Value::Object(members).to_string()),
    }))
}

fn secret(members: &mut Map<String, Value>, name: &'static str) -> Result<Option<Secret>, Error> {
    match members.remove(name).filter(|value| !is_empty(value)) {
        None => Ok(None),
        Some(Value::String(text)) => {
            let secret = Secret::new(text);
            // It is sent in headers (RFC 6749 appendix A.12: visible characters).
            let visible = |b: u8| (0x20..=0x7e).contains(&b);
            match secret.expose().bytes().all(visible) {
                true => Ok(Some(secret)),
                false => {
                    Err(unexpected("a token in the provider's answer contains invalid characters"))
                }
            }
        }
        Some(_) => Err(unexpected("a token of the provider is not a string")),
    }
}

/// Parses a number of seconds; some providers send a string or a float.
fn lifetime(value: Option<Value>) -> Result<Option<u64>, Error> {
    let Some(value) = value.filter(|value| !is_empty(value)) else {
        return Ok(None);
    };
    let seconds = match &value {
        Value::Number(number) => {
            number.as_u64().or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
        }
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let seconds = seconds.ok_or_else(|| {
        unexpected("expires_in in the provider's answer is not a number of seconds")
    })?;
    Ok(Some(seconds.min(MAX_LIFETIME)))
}

fn scopes(value: Option<Value>, asked: &Asked<'_>) -> Result<Vec<String>, Error> {
    match value {
        None | Some(Value::Null) => Ok(asked.scopes.to_vec()),
        Some(Value::String(text)) => {
            let names = text.split(|c| c == ' ' || (asked.comma && c == ','));
            let names = names.filter(|name| !name.is_empty());
            Ok(names.map(str::to_owned).collect())
        }
        // A list of strings.
        Some(names) => serde_json::from_value(names).map_err(|_| {
            unexpected("scope in the provider's answer is neither a string nor a list")
        }),
    }
}

/// Builds the error that a provider names in a response or callback.
pub(super) fn refusal(code: Option<&str>, words: Option<&str>, secrets: &[&str]) -> Error {
    let sound = |b: u8| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b);
    let harmless = |text: &str| !secrets.iter().any(|secret| repeats(text, secret));
    let code = code.filter(|code| {
        (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(sound) && harmless(code)
    });
    let kind = match code {
        Some("invalid_grant" | "expired_token" | "bad_verification_code" | "bad_refresh_token") => {
            ErrorKind::InvalidGrant
        }
        Some(
            "access_denied"
            | "login_required"
            | "consent_required"
            | "interaction_required"
            | "account_selection_required",
        ) => ErrorKind::AccessDenied,
        Some(
            "temporarily_unavailable" | "server_error" | "authorization_pending" | "slow_down",
        ) => ErrorKind::Unavailable,
        _ => ErrorKind::ClientRefused,
    };
    let mut message = format!("the provider refused: {}", code.unwrap_or("an error"));
    let words = words.filter(|words| harmless(words));
    if let Some(words) = words.and_then(|words| quoted(words, &[])) {
        message.push_str(&format!(" ({words})"));
    }
    let error = Error::new(kind, message);
    match code {
        Some(code) => error.with_oauth2_code(code),
        None => error,
    }
}

/// Whether a text contains a secret: plain, form-encoded or broken by invisible characters.
fn repeats(text: &str, secret: &str) -> bool {
    let text = visible(text);
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let readings = [decoded(&text), decoded(&text.replace('+', " ")), text];
    let repeated = |reading: &String| reading.contains(secret) || reading.contains(&encoded);
    !secret.is_empty() && readings.iter().any(repeated)
}

fn status(answer: &HttpAnswer, kind: ErrorKind, note: &str) -> Error {
    Error::new(kind, format!("{} answered {}{note}", answer.place, answer.status))
}

fn too_long() -> Error {
    unexpected("the provider's answer is over 256 KiB")
}

fn unexpected(message: &'static str) -> Error {
    Error::new(ErrorKind::UnexpectedBody, message)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// GitHub separates granted scopes by commas; elsewhere a comma is part of a scope.
    #[test]
    fn commas_separate_scopes_at_github() {
        let granted = |comma| {
            let asked = Asked {
                scopes: &[],
                secrets: Vec::new(),
                sent: 0,
                comma,
                token_type: None,
                dpop: false,
            };
            scopes(Some("repo,gist user".into()), &asked).unwrap()
        };
        assert_eq!(granted(true), ["repo", "gist", "user"]);
        assert_eq!(granted(false), ["repo,gist", "user"]);
        assert!(super::super::provider::Provider::github().comma);
    }
}
