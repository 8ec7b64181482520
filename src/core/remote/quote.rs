//! Foreign messages in errors: bounded, and without secrets.

use crate::core::sanitize::is_invisible;

/// Maximum characters of a foreign message in an error.
const MAX_MESSAGE: usize = 300;
/// A shorter secret is not a token and may be an ordinary word.
const MIN_SECRET: usize = 8;

/// Returns a message without invisible characters and without the secrets that were sent.
///
/// `None` if nothing remains.
pub(crate) fn quoted(words: &str, secrets: &[&str]) -> Option<String> {
    // First, because invisible characters could split a secret.
    let mut message = visible(words);
    for secret in secrets.iter().filter(|secret| secret.len() >= MIN_SECRET) {
        message = message.replace(secret, "[token]");
    }
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    (!message.trim().is_empty()).then_some(message)
}

/// Returns the text without invisible characters.
pub(crate) fn visible(words: &str) -> String {
    words.chars().filter(|c| !is_invisible(*c)).collect()
}
