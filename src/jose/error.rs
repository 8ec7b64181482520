//! Errors about keys and tokens.

use crate::core::{Error, ErrorKind};
use std::borrow::Cow;

/// Returns an error about a key.
pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidKey, message)
}

/// Returns an error about the form of a token.
pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
