//! Sets of verifying keys and key selection.

use super::algorithm::Algorithm;
use super::error::invalid;
use super::jwk::Jwk;
use super::verifying_key::{KeyId, VerifyingKey};
use crate::core::{Error, ErrorKind, telemetry};
use serde_json::Value;

/// A fixed set of verifying keys (a JWK set, RFC 7517 section 5).
///
/// # Example
/// ```
/// use jamguard::jose::KeySet;
/// let keys = KeySet::from_json(
///     r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
/// )?;
/// assert_eq!(keys.len(), 1);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

/// Members that only private and symmetric keys have (RFC 7518 section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Reasons listed in one message.
const MAX_REASONS: usize = 10;
/// Characters of a key id shown in a message.
const MAX_NAME: usize = 64;
/// Upper bound on keys in a set; legitimate issuers publish fewer.
const MAX_KEYS: usize = 100;

impl KeySet {
    /// Parses a JWK set. Identical keys are stored once.
    ///
    /// A key that is unknown, malformed, weak, private, symmetric or not for verifying is skipped
    /// with a warning in the log; the other keys are used.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if the text is not a JWK set, contains more than 100 keys, or
    /// contains no usable key; the message then lists the reasons per key, up to ten.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let not_json = |_| invalid("not a JWK set: not JSON");
        let set: Value = serde_json::from_str(json).map_err(not_json)?;
        let entries = set["keys"].as_array().ok_or_else(|| invalid(no_keys(&set)))?;
        if entries.len() > MAX_KEYS {
            return Err(invalid("the JWK set holds more than 100 keys"));
        }
        let mut set = Self::default();
        let mut skipped = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            match public_key(entry) {
                Ok(key) => set.push(key),
                Err(error) => {
                    let why = format!("{}: {error}", name(at, entry));
                    telemetry::warn("a key of a JWK set was skipped", &why);
                    skipped.push(why);
                }
            }
        }
        if !set.is_empty() {
            return Ok(set);
        }
        let more = skipped.len().saturating_sub(MAX_REASONS);
        skipped.truncate(MAX_REASONS);
        let why = match (skipped.is_empty(), more) {
            (true, _) => ": it is empty".to_owned(),
            (_, 0) => format!("; {}", skipped.join("; ")),
            _ => format!("; {}; and {more} more", skipped.join("; ")),
        };
        Err(invalid(format!("no key of the JWK set can be used{why}")))
    }

    /// Returns the public keys as a JWK set; secrets are left out.
    pub fn to_json(&self) -> String {
        let keys: Vec<&Jwk> = self.keys.iter().filter_map(VerifyingKey::to_jwk).collect();
        serde_json::json!({ "keys": keys }).to_string()
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether the set has no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns an iterator over the keys.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter()
    }

    /// Adds a key, unless the set already contains it under the same `kid`.
    pub fn push(&mut self, key: VerifyingKey) {
        // A secret has one id under all its names.
        let same = |known: &VerifyingKey| known.id() == key.id() && known.key_id() == key.key_id();
        if !self.keys.iter().any(same) {
            self.keys.push(key);
        }
    }

    pub(crate) fn contains(&self, id: &KeyId) -> bool {
        self.keys.iter().any(|key| key.id() == id)
    }

    pub(crate) fn has_key_id(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.key_id() == Some(kid))
    }

    /// Returns whether any key could verify a token with this header, if it were the only key.
    pub(crate) fn has_candidate(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        let named = |key: &VerifyingKey| match (kid, key.key_id()) {
            (Some(wanted), Some(name)) => wanted == name,
            _ => true,
        };
        self.keys.iter().any(|key| key.allows(algorithm) && named(key))
    }

    /// Returns the different keys for an algorithm, whatever their ids.
    pub(crate) fn candidates(&self, algorithm: Algorithm) -> Vec<&VerifyingKey> {
        let mut found: Vec<&VerifyingKey> = Vec::new();
        for key in self.keys.iter().filter(|key| key.allows(algorithm)) {
            if !found.iter().any(|known| known.same_key(key)) {
                found.push(key);
            }
        }
        found
    }

    /// Returns whether both sets contain the same keys.
    pub(crate) fn same_keys(&self, other: &Self) -> bool {
        let holds = |all: &Self, some: &Self| some.keys.iter().all(|key| all.contains(key.id()));
        self.len() == other.len() && holds(self, other) && holds(other, self)
    }

    /// Selects the only key for a header: by `kid` if present, then by algorithm.
    ///
    /// A key without a `kid` fits if no key for the algorithm has the header's `kid`. Several
    /// candidates are an error and never tried in turn; the same key under several ids is one
    /// candidate.
    pub(crate) fn select(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<&VerifyingKey, Error> {
        let only = |name: Option<Option<&str>>| {
            let mut fitting = self.keys.iter().filter(|key| {
                key.allows(algorithm) && name.is_none_or(|name| key.key_id() == name)
            });
            match fitting.next() {
                None => Ok(None),
                Some(key) if fitting.all(|other| other.same_key(key)) => Ok(Some(key)),
                Some(_) => {
                    Err(Error::new(ErrorKind::UnknownKey, "more than one key fits the token"))
                }
            }
        };
        let mut found = only(kid.map(Some))?;
        if found.is_none() && kid.is_some() {
            found = only(Some(None))?;
        }
        found
            .ok_or_else(|| Error::new(ErrorKind::UnknownKey, "no key fits the token's kid and alg"))
    }
}

/// Parses one key of an untrusted set, accepting only public keys.
fn public_key(entry: &Value) -> Result<VerifyingKey, Error> {
    // Some issuers write absent members as null or empty.
    let holds = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    if PRIVATE.iter().any(|name| entry.get(name).is_some_and(holds)) {
        return Err(invalid("a published set must not hold private or symmetric keys"));
    }
    VerifyingKey::from_public_jwk(&Jwk::from_json(&entry.to_string())?)
}

/// Returns the name of a key in messages.
fn name(at: usize, entry: &Value) -> String {
    match entry.get("kid").and_then(Value::as_str) {
        // The debug form escapes characters that would hide or reorder text.
        Some(kid) => format!("key {:?}", kid.chars().take(MAX_NAME).collect::<String>()),
        None => format!("key {} of the list", at + 1),
    }
}

/// Explains why a document without an array 'keys' is not a JWK set.
fn no_keys(set: &Value) -> &'static str {
    let is_certificate = |value: &Value| {
        let text = value.as_str().map(str::trim_start);
        text.is_some_and(|text| text.starts_with("-----BEGIN CERTIFICATE"))
    };
    match set.as_object() {
        Some(members) if members.values().any(is_certificate) => {
            "not a JWK set but certificates: give the issuer's JWK set, which its discovery \
             document names by jwks_uri, or load each certificate by VerifyingKey::from_pem and \
             .with_key_id(…)"
        }
        Some(members) if members.contains_key("kty") => {
            "not a JWK set: it has no array 'keys'; for a single JWK use VerifyingKey::from_jwk"
        }
        _ => "not a JWK set: it has no array 'keys'",
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self { keys: vec![key] }
    }
}

impl FromIterator<VerifyingKey> for KeySet {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        let mut set = Self::default();
        keys.into_iter().for_each(|key| set.push(key));
        set
    }
}
