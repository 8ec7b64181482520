//! Cryptographically secure random bytes.

use crate::core::error::{Error, ErrorKind};
use aws_lc_rs::rand;

/// Returns bytes from the system's random source.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Internal, "the system's random source failed"))?;
    Ok(bytes)
}
