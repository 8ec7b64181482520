//! Claims of new tokens.

use crate::core::{Error, ErrorKind, clock::system_time, debug_fields, ensure, random::random};
use crate::token::list::TokenList;
use crate::token::registered::{Audience, MAX_DATE, RegisteredClaims};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// Claims that the issuer sets; the data must not contain them.
const SET: [&str; 3] = ["jti", "iat", "exp"];

/// The claims of a new token: `jti`, `iat` and `exp`, then the application's data.
///
/// Created by [`Issuer::claims`](crate::Issuer::claims), signed by
/// [`Issuer::issue`](crate::Issuer::issue).
///
/// # Example
/// ```
/// # async fn example(issuer: jamguard::Issuer) -> Result<(), jamguard::Error> {
/// let claims = issuer.claims(&serde_json::json!({"sub": "42"}))?;
/// println!("{} until {:?}", claims.token_id(), claims.expires_at());
/// let token = issuer.issue(&claims).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct NewClaims {
    token_id: String,
    issued_at: u64,
    expires: u64,
    data: Map<String, Value>,
}

impl NewClaims {
    pub(super) fn new<T: Serialize + ?Sized>(
        data: &T,
        issued_at: u64,
        lifetime: u64,
    ) -> Result<Self, Error> {
        let Value::Object(data) = serde_json::to_value(data).map_err(unwritable)? else {
            return Err(not_an_object());
        };
        if let Some(name) = SET.into_iter().find(|name| data.contains_key(*name)) {
            return Err(Error::configuration(format!(
                "the data has a member '{name}', which the issuer sets: rename it, or leave it out"
            )));
        }
        Ok(Self {
            token_id: token_id()?,
            issued_at,
            expires: issued_at.saturating_add(lifetime),
            data,
        })
    }

    /// Returns the `jti` claim, a random UUID.
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// Returns when the token will expire.
    pub fn expires_at(&self) -> SystemTime {
        system_time(Duration::from_secs(self.expires))
    }
}

impl Serialize for NewClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(SET.len() + self.data.len()))?;
        map.serialize_entry("jti", &self.token_id)?;
        map.serialize_entry("iat", &self.issued_at)?;
        map.serialize_entry("exp", &self.expires)?;
        for (name, value) in &self.data {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

// Leaves the data out, which may be personal.
debug_fields!(NewClaims, self, token_id = self.token_id, expires = self.expires);

fn not_an_object() -> Error {
    Error::configuration(
        "claims must be a JSON object: give a struct with named fields, or a map with string keys",
    )
}

fn unwritable(error: serde_json::Error) -> Error {
    // Only the kind of serde's error is reported: its message may quote a value.
    let what = match error.classify() {
        serde_json::error::Category::Data => "they cannot be represented in JSON",
        _ => "their Serialize failed",
    };
    Error::configuration(format!("the claims cannot be written: {what}"))
}

/// Returns a random UUID, version 4 (RFC 9562 section 5.4).
fn token_id() -> Result<String, Error> {
    let bits = u128::from_be_bytes(random()?);
    let version_4 = bits & !(0xf << 76) | 0x4 << 76;
    let id = version_4 & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{id:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}

/// Serializes claims to JSON text; numbers stay as `T` wrote them.
pub(super) fn to_text<T: Serialize + ?Sized>(claims: &T) -> Result<String, Error> {
    let text = serde_json::to_string(claims).map_err(unwritable)?;
    if text.starts_with('{') { Ok(text) } else { Err(not_an_object()) }
}

/// The claims that an issuer adds, and the limits that it enforces.
pub(super) struct Terms {
    pub(super) issuer: Option<Box<str>>,
    pub(super) audiences: Vec<Box<str>>,
    /// Seconds, as are the following durations.
    pub(super) lifetime: u64,
    pub(super) max_lifetime: u64,
    /// Tolerated clock difference of verifiers.
    pub(super) leeway: u64,
    /// How long a key's tokens stay valid after the next key starts to sign.
    pub(super) overlap: u64,
    pub(super) deny: Vec<TokenList>,
    pub(super) allow: Vec<TokenList>,
}

impl Terms {
    /// Adds missing claims in the order jti, iat, exp, iss, aud, before the given ones.
    ///
    /// Also returns `exp` in Unix seconds.
    pub(super) fn complete(&self, own: &str, now: u64) -> Result<(String, u64), Error> {
        let given = RegisteredClaims::parse(own, &[]).map_err(|error| match error.kind() {
            ErrorKind::InvalidClaim => Error::configuration(format!("{error}: it is a claim")),
            _ => Error::configuration("the claims name a member twice, or nest too deeply"),
        })?;
        let mut added: Vec<(&str, Value)> = Vec::with_capacity(5);
        match given.token_id.as_deref() {
            None => added.push(("jti", token_id()?.into())),
            Some(id) => {
                ensure(!id.is_empty(), "the claim 'jti' is empty: leave it out to get a new one")?
            }
        }
        match given.issued_at {
            None => added.push(("iat", now.into())),
            Some(at) => {
                ensure(at <= now.saturating_add(self.leeway), "the claim 'iat' lies in the future")?
            }
        }
        let expires = given.expires.unwrap_or_else(|| {
            let expires = now.saturating_add(self.lifetime);
            added.push(("exp", expires.into()));
            expires
        });
        self.check_lifetime(expires, now)?;
        for list in self.deny.iter().chain(&self.allow) {
            list.check_lifetime(Some(expires), given.issued_in.or(Some(now)))?;
        }
        if let Some(issuer) = &self.issuer {
            match given.issuer.as_deref() {
                None => added.push(("iss", (**issuer).into())),
                Some(given) => ensure(
                    *given == **issuer,
                    "the claim 'iss' is not this issuer's: leave it out",
                )?,
            }
        }
        let is_ours = |given: &str| self.audiences.iter().any(|ours| **ours == *given);
        let names_ours = match (&given.audience, &self.audiences[..]) {
            (_, []) => true,
            (Audience::Absent, ours) => {
                added.push(("aud", if let [one] = ours { json!(one) } else { json!(ours) }));
                true
            }
            (Audience::One(given), _) => is_ours(given),
            (Audience::Many(given), _) => given.iter().any(|given| is_ours(given)),
        };
        ensure(names_ours, "the claim 'aud' names none of this issuer's audiences: leave it out")?;
        if added.is_empty() {
            return Ok((own.to_owned(), expires));
        }
        let mut text = String::with_capacity(own.len() + 256);
        text.push('{');
        for (name, value) in added {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\"{name}\":{value},");
        }
        // Serialized text may contain spaces here, for example from a raw value.
        let rest = own[1..].trim_ascii_start();
        if rest.starts_with('}') {
            text.pop();
        }
        text.push_str(rest);
        Ok((text, expires))
    }

    fn check_lifetime(&self, expires: u64, now: u64) -> Result<(), Error> {
        let lifetime = expires.saturating_sub(now);
        ensure(
            lifetime > 0,
            "the claim 'exp' lies in the past: a lifetime is a second or more; other data needs \
             another name",
        )?;
        ensure(
            lifetime <= self.max_lifetime && expires <= MAX_DATE,
            "the token would live for more than a year: give it a shorter lifetime, or build the \
             issuer with .danger_lifetime_over_a_year()",
        )?;
        ensure(
            lifetime.saturating_add(self.leeway) <= self.overlap,
            "the token would outlive its key: give the key ring an .overlap(…) of the longest \
             lifetime and the leeway",
        )
    }
}
