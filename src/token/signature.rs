//! The key of a token, and its signature.

use super::registered::RegisteredClaims;
use super::rules::Rules;
use crate::core::{Error, ErrorKind, mismatch};
use crate::jose::{Header, KeySet, VerifyingKey, jws::Compact};

/// Keys that are tried for one token without `kid`.
const MAX_TRIED: usize = 4;

/// A failed full verification, and whether newer keys might change the result.
#[derive(Clone)]
pub(super) enum Refused {
    /// The token names a key that is not in the set.
    UnknownKeyId {
        kid: Box<str>,
        error: Error,
    },
    /// The keys of the set reject the token; one of them may have been replaced.
    ByKey(Error),
    Because(Error),
}

impl Refused {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::UnknownKeyId { error, .. } | Self::ByKey(error) | Self::Because(error) => error,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Because(error)
    }
}

/// The keys that may have signed a token.
pub(super) struct Candidates<'k> {
    tried: Vec<&'k VerifyingKey>,
    /// How many fit the token, tried or not.
    all: usize,
}

/// Selects the keys of a token.
pub(super) fn select<'k>(
    header: &Header,
    keys: &'k KeySet,
    rules: &Rules,
) -> Result<Candidates<'k>, Refused> {
    // Several keys are tried for tokens without `kid` only.
    let several = rules.try_several_keys && header.key_id().is_none();
    let mut tried = keys.select(header, several).map_err(|error| match header.key_id() {
        Some(kid) if !keys.has_key_id(kid) => {
            Refused::UnknownKeyId { kid: kid.into(), error: unknown_key(kid, keys) }
        }
        // Ambiguous candidates are not tried, and newer keys would not reduce them.
        _ if keys.has_candidate(header) => Refused::Because(error),
        _ => Refused::ByKey(error),
    })?;
    let all = tried.len();
    tried.truncate(MAX_TRIED);
    Ok(Candidates { tried, all })
}

impl<'k> Candidates<'k> {
    /// Returns the estimated microseconds of a check with all of them; 0 for secrets.
    pub(super) fn check_micros(&self) -> u32 {
        self.tried.iter().fold(0, |sum, key| sum.saturating_add(key.check_micros()))
    }

    /// Verifies a token's signature and returns the key, which may sign for the token's issuer.
    pub(super) fn verify(
        &self,
        compact: &Compact<'_>,
        header: &Header,
        claims: &RegisteredClaims<'_>,
        rules: &Rules,
    ) -> Result<&'k VerifyingKey, Refused> {
        let verified = compact.verify_by_any(&self.tried, header.algorithm());
        let key = verified.map_err(|error| refused_by_key(error, self.tried.len(), self.all))?;
        if let Some(of_key) = key.issuer() {
            rules.issuers.check_key_issuer(of_key, claims.issuer.as_deref())?;
        }
        Ok(key)
    }
}

fn refused_by_key(error: Error, tried: usize, all: usize) -> Refused {
    match error.kind() {
        ErrorKind::BadSignature if all > 1 => Refused::ByKey(error.map_message(|_| {
            format!(
                "the token has no kid, and its signature matches none of the {tried} tried keys of \
                 {all}"
            )
        })),
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
