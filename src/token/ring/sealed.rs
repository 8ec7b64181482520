//! Stored form of a ring: encrypted and bound to its key in the store.

use super::keys::{Entry, Keys, Material, Pair};
use crate::core::{Error, ErrorKind};
use crate::jose::{SigningKey, encoding};
use crate::store::SealingKeys;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
struct Stored {
    keys: Vec<StoredKey>,
}

/// Dates in Unix seconds.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredKey {
    kid: String,
    since: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    retired: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    /// When the revocation may be forgotten; if absent, the next two fields are present.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    alg: String,
    /// PKCS#8 or a secret's bytes, in base64url.
    #[serde(skip_serializing_if = "String::is_empty")]
    private: Zeroizing<String>,
}

pub(super) fn seal(keys: &Keys, sealing: &SealingKeys, place: &str) -> Result<Vec<u8>, Error> {
    let mut stored = Stored { keys: Vec::new() };
    let mut length = 16;
    for entry in keys.entries() {
        let mut key = StoredKey {
            kid: entry.kid.clone(),
            since: entry.since,
            retired: entry.retired,
            expires: entry.expires,
            ..StoredKey::default()
        };
        match &entry.what {
            Material::Revoked(until) => key.revoked = Some(*until),
            Material::Pair(pair) => {
                key.alg = pair.signing.algorithm().name().to_owned();
                let private = pair.signing.to_private_bytes()?;
                key.private = Zeroizing::new(encoding::encode(&*private));
            }
        }
        // A key's id, dates and punctuation fit into this.
        length += key.private.len() + 2 * key.kid.len() + 256;
        stored.keys.push(key);
    }
    // Allocated in full, because a growing buffer would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(length));
    serde_json::to_writer(&mut *text, &stored)
        .map_err(|_| Error::new(ErrorKind::Internal, "the key ring cannot be written"))?;
    sealing.seal(place, &text)
}

/// Decrypts a ring, reusing key pairs that `known` already contains.
pub(super) fn open(
    value: &[u8],
    sealing: &SealingKeys,
    place: &str,
    known: Option<&Keys>,
) -> Result<Keys, Error> {
    let damaged = || Error::new(ErrorKind::Storage, "the store's key ring cannot be read");
    let text = sealing.open(place, value)?;
    let stored: Stored = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let read = |stored: StoredKey| {
        let what = match stored.revoked {
            Some(until) => Material::Revoked(until),
            None => {
                let private = encoding::decode(&*stored.private).ok_or_else(damaged)?;
                let private = Zeroizing::new(private);
                Material::Pair(match known.and_then(|keys| same(keys, &stored, &private)) {
                    Some(pair) => pair,
                    None => {
                        let algorithm = stored.alg.parse()?;
                        let key = SigningKey::from_private_bytes(algorithm, &private)?;
                        Pair::new(key.with_key_id(&stored.kid))?
                    }
                })
            }
        };
        Ok(Entry {
            kid: stored.kid,
            since: stored.since,
            retired: stored.retired,
            expires: stored.expires,
            what,
        })
    };
    let entries: Result<Vec<Entry>, Error> = stored.keys.into_iter().map(read).collect();
    Ok(Keys::from_entries(entries?))
}

/// Finds the pair of a stored key among the known keys.
///
/// A secret that is parsed again gets a new key id, which would invalidate cached tokens.
fn same(known: &Keys, stored: &StoredKey, private: &[u8]) -> Option<Arc<Pair>> {
    let Material::Pair(pair) = &known.find(&stored.kid)?.what else {
        return None;
    };
    let same = pair.signing.algorithm().name() == stored.alg
        && **pair.signing.to_private_bytes().ok()? == *private;
    same.then(|| pair.clone())
}
