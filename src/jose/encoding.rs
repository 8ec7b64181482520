//! Base64url without padding, canonical only (RFC 7515 section 2), and PEM labels.

use crate::core::error::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// Decodes strictly: no padding, no `+` or `/`, no spare bits set in the last character.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// As [`decode`], into a buffer; the number of bytes.
pub(crate) fn decode_into(text: &[u8], buffer: &mut [u8]) -> Option<usize> {
    URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The one PEM block of a text whose label is among `labels`: its label and its DER.
pub(crate) fn pem_block(
    text: &str,
    labels: &[&'static str],
) -> Result<(&'static str, Zeroizing<Vec<u8>>), Error> {
    let block = pem::parse(text).map_err(|_| {
        Error::new(
            ErrorKind::InvalidKey,
            "not a PEM text: it must hold one block from BEGIN to END",
        )
    })?;
    match labels.iter().find(|label| **label == block.tag()) {
        Some(label) => Ok((label, Zeroizing::new(block.into_contents()))),
        None => Err(Error::new(
            ErrorKind::InvalidKey,
            format!(
                "PEM block '{}' is of the wrong kind here: expected {}",
                block.tag(),
                labels.join(" or ")
            ),
        )),
    }
}
