//! Keeps values of a configuration out of error messages.

use super::contents::Contents;
use super::node::{Node, Value};
use std::collections::HashSet;
use zeroize::Zeroizing;

/// Shorter texts are names, such as those of algorithms.
const SHORT: usize = 8;

/// The texts that no message may show, whatever the value that it is about: a builder may name a URL
/// with a password in it when it refuses another setting.
pub(in crate::config) struct Redaction {
    texts: Vec<Zeroizing<String>>,
    /// Names of parts of the section. They stand in the path of each message about it, so they may
    /// be shown, also where a text is the beginning of one.
    keys: HashSet<String>,
}

impl Redaction {
    /// Hides the values of a section.
    pub(in crate::config) fn of(node: &Node) -> Self {
        let mut redaction = Self {
            texts: Vec::new(),
            keys: HashSet::new(),
        };
        redaction.collect(node);
        redaction
    }

    /// Hides the contents of files too.
    pub(in crate::config) fn with_files(mut self, contents: &Contents) -> Self {
        contents.texts().iter().for_each(|text| self.add(text));
        self
    }

    fn collect(&mut self, node: &Node) {
        match &node.value {
            Value::Text(text) => self.add(text),
            Value::List(nodes) => nodes.iter().for_each(|node| self.collect(node)),
            Value::Table(entries) => {
                for entry in entries {
                    self.keys.insert(entry.key.clone());
                    self.collect(&entry.node);
                    if let ("policy", Value::Text(policy)) = (&*entry.key, &entry.node.value) {
                        self.add_words(policy);
                    }
                }
            }
            _ => {}
        }
    }

    /// The parser of policies shows a part of what it cannot read.
    fn add_words(&mut self, policy: &str) {
        const KEYWORDS: [&str; 2] = ["authenticated", "second_factor"];
        let breaks = |c: char| c.is_whitespace() || "&|!(),:".contains(c);
        for word in policy.split(breaks) {
            if !KEYWORDS.contains(&word) {
                self.add(word);
            }
        }
    }

    fn add(&mut self, text: &str) {
        // A URL may be shown with or without its last slash, a file's line without its end.
        let text = text.trim().trim_end_matches('/');
        if text.len() >= SHORT {
            self.texts.push(Zeroizing::new(text.to_owned()));
        }
    }

    /// The message without these texts in any case: header names and hosts are shown in lower case.
    pub(in crate::config) fn hide(&self, message: &str) -> String {
        let mut hidden = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(first) = rest.chars().next() {
            // The longest: one text may be a part of another.
            let text = self
                .texts
                .iter()
                .filter_map(|text| prefix(rest, text))
                .max();
            let key = self.keys.iter().filter(|key| rest.starts_with(&***key));
            let key = key.map(String::len).max().unwrap_or(0);
            // Within a name texts that begin later are still looked for.
            let (shown, length) = match text {
                Some(length) if length > key => ('…', length),
                _ => (first, first.len_utf8()),
            };
            hidden.push(shown);
            rest = &rest[length..];
        }
        hidden
    }

    pub(in crate::config) fn is_in(&self, message: &str) -> bool {
        self.hide(message) != message
    }
}

/// How many bytes of the message are this text, if it begins with it.
fn prefix(message: &str, text: &str) -> Option<usize> {
    let mut characters = message.char_indices();
    for wanted in text.chars() {
        let (_, found) = characters.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(characters.offset())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Format;

    #[test]
    fn texts_are_hidden_in_any_case_and_wherever_they_stand() {
        let node = Format::Json
            .parse(
                r#"{"url": "https://User:PASSWORD@Host.example/", "short": "HS256",
                "list": ["X-Straße-Token", "sections"], "sections": {"deep": "PASSWORD"}}"#,
            )
            .unwrap();
        let redaction = Redaction::of(&node);
        for (message, hidden) in [
            (
                "'https://user:password@host.example' is no URL",
                "'…' is no URL",
            ),
            (
                "https://user:password@host.example/ and password",
                "…/ and …",
            ),
            ("x-stRAße-token, HS256", "…, HS256"),
            ("there are sections: other", "there are sections: other"),
            ("", ""),
        ] {
            assert_eq!(redaction.hide(message), hidden);
            assert_eq!(redaction.is_in(message), message != hidden);
        }
    }
}
