//! Lists of scopes (RFC 6749 section 3.3).

use crate::core::{Error, ensure, name::is_scope};

/// Splits texts into words.
pub(super) fn words(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut words = Vec::new();
    for text in texts {
        words.extend(text.as_ref().split(' ').filter(|w| !w.is_empty()).map(str::to_owned));
    }
    words
}

/// RFC 6749 section 3.3.
pub(super) fn check_scope(scope: &str) -> Result<(), Error> {
    ensure(
        is_scope(scope),
        "a scope must be one word of visible ASCII without quotation marks or backslashes: \
         give several as a list",
    )
}
