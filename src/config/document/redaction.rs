//! Redaction of configuration values in error messages.

use super::contents::Contents;
use super::node::{Node, Value};
use super::problem::Problem;
use crate::core::Error;
use std::collections::HashSet;
use zeroize::Zeroizing;

/// Minimum length of a redacted string, in bytes. Shorter ones are names, such as algorithms.
const SHORT: usize = 8;

/// The strings that no message may show.
///
/// They apply to messages about any key: a builder may show a URL with a password when it rejects
/// another setting.
pub(in crate::config) struct Redaction {
    texts: Vec<Zeroizing<String>>,
    /// Keys of the section. Messages show them in their path, even if a secret is a prefix of one.
    keys: HashSet<String>,
}

impl Redaction {
    /// Returns a redaction of the values of a section.
    pub(in crate::config) fn of(node: &Node) -> Self {
        let mut redaction = Self { texts: Vec::new(), keys: HashSet::new() };
        redaction.collect(node);
        redaction
    }

    /// Adds the contents of files.
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

    /// Adds the words of a policy, because its parser shows the part that it cannot read.
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
        // Messages may show a URL without its trailing slash, or a line without its ending.
        let text = text.trim().trim_end_matches('/');
        if text.len() >= SHORT {
            self.texts.push(Zeroizing::new(text.to_owned()));
        }
    }

    /// Removes from a problem the strings that no message may show.
    pub(in crate::config) fn apply(&self, mut problem: Problem) -> Problem {
        // Checks Display and Debug: Debug escapes quotes, so a string may show in only one of them.
        let may_be_shown = |source: &Error| {
            let errors = std::iter::successors(Some(source as &dyn std::error::Error), |error| {
                error.source()
            });
            let mut texts = errors.flat_map(|error| [error.to_string(), format!("{error:?}")]);
            !texts.any(|text| self.is_in(&text))
        };
        problem.message = self.hide(&problem.message);
        problem.source = problem.source.filter(may_be_shown);
        problem
    }

    /// Redacts a message, in any letter case: header names and hosts are shown in lower case.
    fn hide(&self, message: &str) -> String {
        let mut hidden = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(first) = rest.chars().next() {
            // The longest match: one string may be a part of another.
            let text = self.texts.iter().filter_map(|text| prefix(rest, text)).max();
            let key = self.keys.iter().filter(|key| rest.starts_with(&***key));
            let key = key.map(String::len).max().unwrap_or(0);
            // Inside a key, strings that start later are still redacted.
            let (shown, length) = match text {
                Some(length) if length > key => ('…', length),
                _ => (first, first.len_utf8()),
            };
            hidden.push(shown);
            rest = &rest[length..];
        }
        hidden
    }

    fn is_in(&self, message: &str) -> bool {
        self.hide(message) != message
    }
}

/// Returns the length of the match if the message starts with this string, in any letter case.
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
    fn strings_are_hidden_in_any_case_and_at_any_position() {
        let node = Format::Json
            .parse(
                r#"{"url": "https://User:PASSWORD@Host.example/", "short": "HS256",
                "list": ["X-Straße-Token", "sections"], "sections": {"deep": "PASSWORD"}}"#,
            )
            .unwrap();
        let redaction = Redaction::of(&node);
        for (message, hidden) in [
            ("'https://user:password@host.example' is not a URL", "'…' is not a URL"),
            ("https://user:password@host.example/ and password", "…/ and …"),
            ("x-stRAße-token, HS256", "…, HS256"),
            ("there are sections: other", "there are sections: other"),
            ("", ""),
        ] {
            assert_eq!(redaction.hide(message), hidden);
            assert_eq!(redaction.is_in(message), message != hidden);
        }
    }
}
