//! Sets of verifying keys and key selection.

use super::certificate::{self, Certificate};
use super::encoding;
use super::error::invalid;
use super::header::Header;
use super::jwk::Jwk;
use super::verifying_key::{KeyId, VerifyingKey};
use crate::core::{Error, ErrorKind, telemetry};
use serde_json::Value;
use std::time::Duration;

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
    /// Parses a JWK set, or a JSON object of key ids and certificates.
    ///
    /// The second form is that of older endpoints of Google: each value is an X.509 certificate or
    /// a public key in PEM. A JWK may hold its key in `x5c` alone. Of a certificate only the key is
    /// used; its dates are not checked here, but by [remote key
    /// sets](crate::jwks::RemoteKeySet). Identical keys are stored once.
    ///
    /// A key that is unknown, malformed, weak, private, symmetric or not for verifying is skipped
    /// with a warning in the log; the other keys are used. A key with another `use` than `sig` or
    /// `jwt-svid` (SPIFFE) is not for verifying.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if the text is neither, contains more than 100 keys, or contains no
    /// usable key; the message then lists the reasons per key, up to ten.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::read(json, None)
    }

    /// Parses a set like [`from_json`](Self::from_json), and skips certificates that are not valid
    /// at `now`.
    pub(crate) fn read(json: &str, now: Option<Duration>) -> Result<Self, Error> {
        let not_json = |_| invalid("not a JWK set: not JSON");
        let set: Value = serde_json::from_str(json).map_err(not_json)?;
        if let Some(entries) = set["keys"].as_array() {
            let entries = entries.iter().enumerate();
            return Self::of(entries.map(|(at, entry)| (name(at, entry), public_key(entry, now))));
        }
        let entries = certificates(&set).ok_or_else(|| invalid(no_keys(&set)))?;
        Self::of(entries.into_iter().map(|(kid, pem)| {
            let key = pem_key(pem, now).map(|key| key.with_key_id(kid));
            (format!("key {}", quoted(kid)), key)
        }))
    }

    /// Collects the usable keys, each with its name in messages.
    fn of(
        keys: impl ExactSizeIterator<Item = (String, Result<VerifyingKey, Error>)>,
    ) -> Result<Self, Error> {
        if keys.len() > MAX_KEYS {
            return Err(invalid(format!(
                "the key set holds {} keys: at most {MAX_KEYS} are accepted",
                keys.len()
            )));
        }
        let mut set = Self::default();
        let mut skipped = Vec::new();
        for (name, key) in keys {
            match key {
                Ok(key) => set.push(key),
                Err(error) => {
                    let why = format!("{name}: {error}");
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
    pub(crate) fn has_candidate(&self, header: &Header) -> bool {
        self.keys.iter().any(|key| fit(key, header).is_some())
    }

    /// Returns whether both sets contain the same keys.
    pub(crate) fn same_keys(&self, other: &Self) -> bool {
        let holds = |all: &Self, some: &Self| some.keys.iter().all(|key| all.contains(key.id()));
        self.len() == other.len() && holds(self, other) && holds(other, self)
    }

    /// Selects the keys that fit a header.
    ///
    /// They are for its algorithm and fit its name best, see [`fit`]. Unless `several` are
    /// asked for, more than one is an error; the same key under several ids is one candidate.
    pub(crate) fn select(
        &self,
        header: &Header,
        several: bool,
    ) -> Result<Vec<&VerifyingKey>, Error> {
        let (mut best, mut found) = (0, Vec::<&VerifyingKey>::new());
        for key in &self.keys {
            match fit(key, header) {
                None => continue,
                Some(fit) if fit < best => continue,
                Some(fit) if fit > best => (best, found) = (fit, vec![key]),
                Some(_) if found.iter().any(|known| known.same_key(key)) => {}
                Some(_) => found.push(key),
            }
        }
        let unknown = |message| Err(Error::new(ErrorKind::UnknownKey, message));
        match found.len() {
            0 => unknown("no key fits the token's kid and alg"),
            2.. if !several => unknown("more than one key fits the token"),
            _ => Ok(found),
        }
    }
}

/// Returns how well a key fits a header; `None` if it does not.
///
/// A header names its key by `kid`, or else by `x5t`. Best is a key of this name, then a key whose
/// `x5t` serves as its `kid`, then a key without a name.
fn fit(key: &VerifyingKey, header: &Header) -> Option<u8> {
    if !key.allows(header.algorithm()) {
        return None;
    }
    match (header.key_id(), header.thumbprint()) {
        (Some(wanted), _) => match (key.key_id(), key.x5t()) {
            (Some(name), _) => (name == wanted).then_some(2),
            (None, Some(x5t)) if x5t == wanted => Some(1),
            (None, _) => Some(0),
        },
        (None, Some(wanted)) => match key.x5t() {
            Some(x5t) => (x5t == wanted).then_some(1),
            None => Some(0),
        },
        (None, None) => Some(0),
    }
}

/// Parses one key of an untrusted set, accepting only public keys.
fn public_key(entry: &Value, now: Option<Duration>) -> Result<VerifyingKey, Error> {
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
    let has_numbers = ["n", "x"].iter().any(|name| entry.get(name).is_some_and(holds));
    // The dates of a certificate say nothing about a key that is published beside it.
    let certified = certificate::first_of_chain(entry, now.filter(|_| !has_numbers))?;
    let Some(certified) = certified else {
        return VerifyingKey::from_public_jwk(&Jwk::from_json(&entry.to_string())?);
    };
    let mut complete = entry.clone();
    if let (false, Some(jwk), Some(members)) =
        (has_numbers, certified.to_jwk(), complete.as_object_mut())
    {
        for (name, value) in jwk.members()? {
            if !members.get(&name).is_some_and(holds) {
                members.insert(name, value);
            }
        }
    }
    let key = VerifyingKey::from_public_jwk(&Jwk::from_json(&complete.to_string())?)?;
    if !key.same_key(&certified) {
        return Err(invalid(
            "the first certificate in the JWK's x5c is of another key (RFC 7517 section 4.7)",
        ));
    }
    let algorithms: Vec<_> = certified.algorithms().collect();
    key.only(&algorithms).ok_or_else(|| invalid("the certificate's key is not for the JWK's alg"))
}

/// Returns the entries of an object of key ids and PEM texts.
fn certificates(set: &Value) -> Option<Vec<(&str, &str)>> {
    let entries = set.as_object().filter(|entries| !entries.is_empty())?.iter();
    let is_pem = |text: &&str| text.trim_start().starts_with("-----BEGIN ");
    entries.map(|(kid, pem)| Some((&**kid, pem.as_str().filter(is_pem)?))).collect()
}

/// Parses a public key or certificate in PEM, for all algorithms that it is for.
fn pem_key(pem: &str, now: Option<Duration>) -> Result<VerifyingKey, Error> {
    let der = encoding::pem_block(pem, &["CERTIFICATE", "PUBLIC KEY"])?;
    match (Certificate::parse(&der), now) {
        (Some(certificate), Some(now)) => {
            certificate.check_dates(now)?;
            VerifyingKey::from_spki(certificate.key)
        }
        _ => VerifyingKey::from_spki(&der),
    }
}

/// Quotes a key id; the debug form escapes characters that would hide or reorder text.
fn quoted(kid: &str) -> String {
    format!("{:?}", kid.chars().take(MAX_NAME).collect::<String>())
}

/// Returns the name of a key in messages.
fn name(at: usize, entry: &Value) -> String {
    match entry.get("kid").and_then(Value::as_str) {
        Some(kid) => format!("key {}", quoted(kid)),
        None => format!("key {} of the list", at + 1),
    }
}

/// Explains why a document without an array 'keys' is not a JWK set.
fn no_keys(set: &Value) -> &'static str {
    match set.as_object() {
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
