//! Credentials in `Sec-WebSocket-Protocol`: browsers let scripts set no other header of a WebSocket.

use crate::core::{Error, ErrorKind};
use crate::jose::encoding;
use std::borrow::Cow;

/// The subprotocol that the token follows.
const BEARER: &[u8] = b"bearer";

/// The prefix of a subprotocol that holds the token, in base64url without padding (Kubernetes).
const KUBERNETES: &[u8] = b"base64url.bearer.authorization.k8s.io.";

/// Returns the token among the offered subprotocols, which are the header's values.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] for two tokens, and for a form without its token.
pub(super) fn token<'a>(
    values: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<Cow<'a, [u8]>>, Error> {
    let mut found = None;
    let mut offered =
        values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    while let Some(protocol) = offered.next() {
        let token = if protocol.eq_ignore_ascii_case(BEARER) {
            offered.next().map(Cow::Borrowed)
        } else if let Some(encoded) = protocol.strip_prefix(KUBERNETES) {
            encoding::decode(encoded).map(Cow::Owned)
        } else {
            continue;
        };
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            invalid("no token: offer the subprotocols `bearer, <token>`, or the Kubernetes form")
        })?;
        if found.replace(token).is_some() {
            return Err(invalid("two tokens among the subprotocols: offer only one"));
        }
    }
    Ok(found)
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
