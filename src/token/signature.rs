//! The key of a token, and its signature.

use super::registered::RegisteredClaims;
use super::rules::Rules;
use crate::core::{Error, ErrorKind, mismatch};
use crate::jose::{Header, KeySet, VerifyingKey, jws::Compact};

/// Keys that are tried for one token without `kid`.
const MAX_TRIED: usize = 4;

/// A failed full verification, and whether newer keys might change the result.
pub(super) enum Refused {
    /// The token names a key that is not in the set.
    UnknownKeyId(Error),
    /// The keys of the set reject the token; one of them may have been replaced.
    ByKey(Error),
    Because(Error),
}

impl Refused {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::UnknownKeyId(error) | Self::ByKey(error) | Self::Because(error) => error,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Because(error)
    }
}

/// Verifies a token's signature and returns the key, which may sign for the token's issuer.
pub(super) fn verify<'k>(
    compact: &Compact<'_>,
    header: &Header,
    claims: &RegisteredClaims<'_>,
    keys: &'k KeySet,
    rules: &Rules,
) -> Result<&'k VerifyingKey, Refused> {
    let algorithm = header.algorithm();
    let key = match (keys.select(header.key_id(), algorithm), header.key_id()) {
        (Ok(key), _) => {
            compact.verify(key, algorithm).map_err(refused_by_key)?;
            key
        }
        (Err(_), Some(kid)) if !keys.has_key_id(kid) => {
            return Err(Refused::UnknownKeyId(unknown_key(kid, keys)));
        }
        (Err(_), None) if rules.try_several_keys && keys.has_candidate(None, algorithm) => {
            try_each(compact, header, keys)?
        }
        // Ambiguous candidates are not tried, and newer keys would not reduce them.
        (Err(error), kid) if keys.has_candidate(kid, algorithm) => {
            return Err(Refused::Because(error));
        }
        (Err(error), _) => return Err(Refused::ByKey(error)),
    };
    if let Some(of_key) = key.issuer() {
        rules.issuers.check_key_issuer(of_key, claims.issuer.as_deref())?;
    }
    Ok(key)
}

/// Tries the first keys for the token's algorithm in turn.
fn try_each<'k>(
    compact: &Compact<'_>,
    header: &Header,
    keys: &'k KeySet,
) -> Result<&'k VerifyingKey, Refused> {
    let candidates = keys.candidates(header.algorithm());
    for key in candidates.iter().take(MAX_TRIED) {
        match compact.verify(key, header.algorithm()) {
            Ok(()) => return Ok(key),
            Err(error) if error.kind() == ErrorKind::BadSignature => {}
            Err(error) => return Err(Refused::Because(error)),
        }
    }
    let tried = candidates.len().min(MAX_TRIED);
    let message = format!(
        "the token has no kid, and its signature matches none of the {tried} tried keys of {}",
        candidates.len()
    );
    Err(Refused::ByKey(Error::new(ErrorKind::BadSignature, message)))
}

fn refused_by_key(error: Error) -> Refused {
    match error.kind() {
        ErrorKind::BadSignature => Refused::ByKey(error),
        _ => Refused::Because(error),
    }
}

fn unknown_key(kid: &str, keys: &KeySet) -> Error {
    let names: Vec<&str> = keys.iter().filter_map(VerifyingKey::key_id).collect();
    Error::new(
        ErrorKind::UnknownKey,
        format!("no key has the token's kid: {}", mismatch(&names, &[kid])),
    )
}
