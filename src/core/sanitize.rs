//! Sanitized foreign text in errors, which may reach logs and terminals.

/// Maximum characters of one value in an error.
pub(crate) const MAX_SHOWN: usize = 200;

/// Returns one foreign value, such as a claim or key id, bounded and without invisible characters.
pub(crate) fn shown(value: &str) -> String {
    let mut visible = value.chars().filter(|c| !is_invisible(*c));
    let mut text: String = visible.by_ref().take(MAX_SHOWN).collect();
    if visible.next().is_some() {
        text.push('…');
    }
    text
}

/// Whether it is a control character, or reorders or hides text.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
