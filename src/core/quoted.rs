//! Words of the other side in an error: somebody else's text, which may reach logs and terminals.

/// Characters that an error keeps.
const MAX_MESSAGE: usize = 300;
/// Anything shorter is no token, and may well be a word.
const MIN_SECRET: usize = 8;

/// The words without what hides or reorders text, and without the secrets that were sent; `None`
/// where nothing is left.
pub(crate) fn quoted(words: &str, secrets: &[&str]) -> Option<String> {
    // First, so that none of them hides a secret.
    let mut message = visible(words);
    for secret in secrets.iter().filter(|secret| secret.len() >= MIN_SECRET) {
        message = message.replace(secret, "[token]");
    }
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    (!message.trim().is_empty()).then_some(message)
}

/// The words without what hides or reorders text.
pub(crate) fn visible(words: &str) -> String {
    words.chars().filter(|c| !is_invisible(*c)).collect()
}

/// Control characters, and those that reorder or hide text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
