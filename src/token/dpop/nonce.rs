//! Nonces of the server (RFC 9449 section 8): a sealed time, which every node with the keys accepts.

use crate::core::Error;
use crate::jose::encoding;
use crate::store::SealingKeys;
use std::time::Duration;

const PLACE: &str = "DPoP nonce";
/// Longest nonce that is opened, in bytes; own ones have 87.
const MAX_LEN: usize = 128;

/// Returns a nonce that was made now.
pub(super) fn new(keys: &SealingKeys, now: Duration) -> Result<String, Error> {
    Ok(encoding::encode(keys.seal(PLACE, &now.as_secs().to_be_bytes())?))
}

/// Returns the age of a nonce, zero for one of a clock that is ahead; `None` if it is not a nonce of
/// these keys.
pub(super) fn age(keys: &SealingKeys, nonce: &str, now: Duration) -> Option<Duration> {
    if nonce.len() > MAX_LEN {
        return None;
    }
    let made = keys.open(PLACE, &encoding::decode(nonce)?).ok()?;
    let made = u64::from_be_bytes(made.as_slice().try_into().ok()?);
    Some(Duration::from_secs(now.as_secs().saturating_sub(made)))
}
