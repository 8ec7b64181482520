//! Sanitized foreign text in errors, which may reach logs and terminals.

/// Maximum characters of a foreign message in an error.
#[cfg(feature = "client")]
const MAX_MESSAGE: usize = 300;
/// A shorter secret is not a token and may be an ordinary word.
#[cfg(feature = "client")]
const MIN_SECRET: usize = 8;
/// Maximum characters of one value in an error.
pub(crate) const MAX_SHOWN: usize = 200;

/// Returns a message without invisible characters and without the secrets that were sent.
///
/// `None` if nothing remains.
#[cfg(feature = "client")]
pub(crate) fn quoted(words: &str, secrets: &[&str]) -> Option<String> {
    // First, because invisible characters could split a secret.
    let mut message = visible(words);
    for secret in secrets.iter().filter(|secret| secret.len() >= MIN_SECRET) {
        message = message.replace(secret, "[token]");
    }
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    (!message.trim().is_empty()).then_some(message)
}

/// Returns one foreign value, such as a claim or key id, bounded and without invisible characters.
pub(crate) fn shown(value: &str) -> String {
    let mut visible = value.chars().filter(|c| !is_invisible(*c));
    let mut text: String = visible.by_ref().take(MAX_SHOWN).collect();
    if visible.next().is_some() {
        text.push('…');
    }
    text
}

/// Returns the text without invisible characters.
#[cfg(feature = "client")]
pub(crate) fn visible(words: &str) -> String {
    words.chars().filter(|c| !is_invisible(*c)).collect()
}

/// Whether it is a control character, or reorders or hides text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
