//! The form of a token, which decides how it is verified.

use crate::core::{Error, ErrorKind};
use crate::jose::{encoding, jws::Compact};

/// Whether a token has the form of a compact JWS: three base64url parts, the first a JSON object.
pub(crate) fn is_jws(token: &[u8]) -> bool {
    let Ok(compact) = Compact::split(token, token.len()) else {
        return false;
    };
    let is_base64url =
        |part: &[u8]| part.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
    let header = encoding::decode(compact.header);
    header.is_some_and(|header| header.trim_ascii_start().starts_with(b"{"))
        && is_base64url(compact.payload)
        && is_base64url(compact.signature)
}

/// Returns a token as text if it has the syntax of bearer tokens: `b64token` of RFC 6750 section
/// 2.1.
pub(crate) fn bearer_token(token: &[u8], max_len: usize) -> Result<&str, Error> {
    if token.len() > max_len {
        let length = token.len();
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the token is longer than allowed: {length} bytes, at most {max_len}"),
        ));
    }
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let sound = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    match std::str::from_utf8(token) {
        Ok(text) if end > 0 && token[..end].iter().all(sound) => Ok(text),
        _ => Err(Error::new(
            ErrorKind::Malformed,
            "the token is neither a JWT nor has the syntax of bearer tokens (RFC 6750 section \
             2.1): letters, digits and -._~+/, then any number of =",
        )),
    }
}
