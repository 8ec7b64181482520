//! Character rules for names and scopes.

use crate::core::{Error, ensure};

/// Returns whether a text is 1 to `most` ASCII letters, digits, `-`, `_` or `.`.
pub(crate) fn is_name(text: &str, most: usize) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=most).contains(&text.len()) && text.bytes().all(fits)
}

/// Returns whether a text is one scope (RFC 6749 section 3.3).
pub(crate) fn is_scope(text: &str) -> bool {
    let fits = |b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !text.is_empty() && text.bytes().all(fits)
}

/// Checks a name that becomes part of a store's keys.
///
/// # Errors
/// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration).
pub(crate) fn check_store_name(name: &str) -> Result<(), Error> {
    ensure(
        is_name(name, 64),
        "a name in a store must have 1 to 64 letters, digits, '-', '_' or '.': it becomes part of \
         its keys",
    )
}
