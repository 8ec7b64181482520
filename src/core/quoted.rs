//! Words of the other side in an error: somebody else's text, which may reach logs and terminals.

/// Characters that an error keeps of another side's message.
#[cfg(feature = "client")]
const MAX_MESSAGE: usize = 300;
/// Anything shorter is no token, and may well be a word.
#[cfg(feature = "client")]
const MIN_SECRET: usize = 8;
/// Characters that an error keeps of one value.
pub(crate) const MAX_SHOWN: usize = 200;

/// The words without what hides or reorders text, and without the secrets that were sent; `None`
/// where nothing is left.
#[cfg(feature = "client")]
pub(crate) fn quoted(words: &str, secrets: &[&str]) -> Option<String> {
    // First, so that none of them hides a secret.
    let mut message = visible(words);
    for secret in secrets.iter().filter(|secret| secret.len() >= MIN_SECRET) {
        message = message.replace(secret, "[token]");
    }
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    (!message.trim().is_empty()).then_some(message)
}

/// One value of another side: a claim, a key's name. Bounded, without what hides or reorders text.
pub(crate) fn shown(value: &str) -> String {
    let mut visible = value.chars().filter(|c| !is_invisible(*c));
    let mut text: String = visible.by_ref().take(MAX_SHOWN).collect();
    if visible.next().is_some() {
        text.push('…');
    }
    text
}

/// The words without what hides or reorders text.
#[cfg(feature = "client")]
pub(crate) fn visible(words: &str) -> String {
    words.chars().filter(|c| !is_invisible(*c)).collect()
}

/// Control characters, and those that reorder or hide text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
