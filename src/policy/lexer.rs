//! The words and signs of a policy's text.

use super::print::is_bare;
use crate::core::Error;
use std::borrow::Cow;

/// A position in a text, with errors that name the column.
pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

pub(super) struct Word<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) quoted: bool,
    /// Where it starts.
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Returns the longest text at the current position whose characters all fit.
    pub(super) fn leading(&self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        rest.find(|c| !fits(c)).map_or(rest, |end| &rest[..end])
    }

    pub(super) fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.chars().count() + 1
    }

    pub(super) fn error(&self, expected: &str, found: &str) -> Error {
        let column = self.column(self.at);
        Error::configuration(format!(
            "column {column} of the policy: expected {expected}, found {found}"
        ))
    }

    /// Returns an error for the text at the current position.
    pub(super) fn expected(&self, what: &str) -> Error {
        // Bare characters are ASCII.
        let bare = self.leading(is_bare);
        let found = match (self.rest().chars().next(), &bare[..bare.len().min(40)]) {
            (None, _) => "the end".to_owned(),
            (Some(c), "") if c.is_control() => format!("U+{:04X}", u32::from(c)),
            (Some(c), "") => format!("'{c}'"),
            (Some(_), bare) => format!("'{bare}'"),
        };
        self.error(what, &found)
    }

    /// Like [`expected`](Self::expected), for an earlier position.
    pub(super) fn expected_at(&mut self, at: usize, what: &str) -> Error {
        self.at = at;
        self.expected(what)
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    /// Skips this text if it comes next, and returns whether it did.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// Skips this text, which must come next.
    pub(super) fn require(&mut self, sign: &str, what: &str) -> Result<(), Error> {
        if self.eat(sign) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// Reads a word that is not empty.
    pub(super) fn filled(&mut self, what: &str) -> Result<Word<'a>, Error> {
        let word = self.word(what)?;
        if word.text.is_empty() { Err(self.expected_at(word.at, what)) } else { Ok(word) }
    }

    /// Reads a bare or quoted word.
    pub(super) fn word(&mut self, what: &str) -> Result<Word<'a>, Error> {
        self.skip_blanks();
        let at = self.at;
        if self.rest().starts_with('"') {
            return Ok(Word { text: Cow::Owned(self.quoted()?), quoted: true, at });
        }
        let word = self.leading(is_bare);
        self.at += word.len();
        match self.rest().chars().next() {
            Some(c) if !c.is_ascii() => {
                Err(self.expected("ASCII, as other characters must stand in quotes"))
            }
            _ if word.is_empty() => Err(self.expected(what)),
            _ => Ok(Word { text: Cow::Borrowed(word), quoted: false, at }),
        }
    }

    fn quoted(&mut self) -> Result<String, Error> {
        let rest = self.rest();
        let mut escaped = false;
        let closing = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((closing, _)) = closing else {
            let opening = self.column(self.at);
            self.at = self.text.len();
            return Err(self.expected(&format!("a closing '\"' for that in column {opening}")));
        };
        let text = serde_json::from_str(&rest[..=closing])
            .map_err(|_| self.error("a JSON string", "an invalid one between these quotes"))?;
        self.at += closing + 1;
        Ok(text)
    }
}
