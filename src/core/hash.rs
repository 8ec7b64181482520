//! SHA-256.

use aws_lc_rs::digest::{Context, SHA256};

/// The bytes of a SHA-256 hash.
pub(crate) type Sha256 = [u8; 32];

/// Returns the SHA-256 of a text or bytes.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> Sha256 {
    sha256_of([bytes])
}

/// Returns the SHA-256 of the parts, one after the other.
pub(crate) fn sha256_of(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Sha256 {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part.as_ref());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
