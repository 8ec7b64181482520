//! Unusual keys.

use super::{LONG, Store, Suite, answer, keeps, new};
use crate::core::ErrorKind;

/// Texts that a backend may misinterpret: separators, patterns, hash tags, quotes.
pub(super) const ODD: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "a ",
    "a:b",
    "a:",
    ":a",
    "*",
    "a*",
    "?",
    "[a-z]",
    "{}",
    "{a}b",
    "}{",
    "%",
    "%s%n",
    "..",
    "../a",
    "a/b",
    "\\",
    "'; DROP TABLE records; --",
    "\"a\"",
    "\n",
    "a\r\nDEL a\r\n",
    "\0",
    "a\0b",
    "\u{e9}",
    "e\u{301}",
    "\u{1f512} \u{645}\u{641}\u{62a}\u{627}\u{62d}",
    "\u{10ffff}",
];

impl<S: Store> Suite<S> {
    pub(super) async fn texts(&self) {
        const ANY_TEXT: &str = "a key is any text of at most 512 bytes";
        let mut keys: Vec<String> = ODD.iter().map(|odd| self.key(odd)).collect();
        keys.push(format!("{:k<512}", self.key("long ")));
        keys.push(format!("{:k<511}x", self.key("long ")));
        for key in &keys {
            self.insert(key, new(key.as_bytes()).expires_after(LONG)).await;
        }
        for key in &keys {
            self.holds(key, key.as_bytes(), ANY_TEXT).await;
        }
        // In insertion order: each removal must remove one record only.
        for (at, key) in keys.iter().enumerate() {
            let removed = self.remove(key).await;
            let next = match keys.get(at + 1) {
                Some(next) => self.read(next).await.is_some(),
                None => true,
            };
            let seen = format!("{key:?} is not removed, or not alone");
            keeps(removed && next, ANY_TEXT, &seen);
            self.is_gone(key, ANY_TEXT, &seen).await;
        }
        // These two keys have no prefix of this run.
        for key in ["", ":"] {
            answer(self.first.get(key).await, "get");
        }
        let long = &format!("{:k<513}", self.key("long "));
        let refused = self.first.insert(long, new(b"")).await;
        let storage = refused.is_err_and(|error| error.kind() == ErrorKind::Storage);
        let promise = "a key of more than 512 bytes is an error of the kind Storage";
        keeps(storage, promise, "insert of 513 bytes");
    }
}
