//! The value of a claim.

use super::index::{ClaimIndex, PathLookups};
use super::value::{Span, Value, same};
use crate::policy::path::ClaimPath;
use crate::policy::scalar::{Kind, Number, Scalar};

/// A claim's value, as conditions and tests read it.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Claim<'a> {
    claims: &'a ClaimIndex,
    value: &'a Value,
}

impl ClaimIndex {
    #[inline]
    pub(in crate::policy) fn find(&self, path: &ClaimPath) -> Option<Claim<'_>> {
        Some(Claim { claims: self, value: &self.member(path)?.value })
    }

    /// Returns the claim at an index of cached lookups.
    #[inline]
    pub(in crate::policy) fn at<'a>(
        &'a self,
        at: &'a PathLookups,
        path: usize,
    ) -> Option<Claim<'a>> {
        Some(Claim { claims: self, value: at.found.get(path)?.as_ref()? })
    }

    /// Returns the claim's value, if it is a string.
    pub fn text(&self, path: impl Into<ClaimPath>) -> Option<&str> {
        self.find(&path.into())?.text()
    }

    /// Returns the claim's strings: the strings of a list, or a single string.
    pub fn texts(&self, path: impl Into<ClaimPath>) -> Vec<&str> {
        let claim = self.find(&path.into());
        claim.map_or_else(Vec::new, |claim| claim.texts().collect())
    }
}

impl<'a> Claim<'a> {
    /// Returns the span of its text, if it is one.
    #[inline(always)]
    fn span(self) -> Option<Span> {
        match *self.value {
            Value::Text(span) => Some(span),
            Value::Words(words) => {
                let whole = words.range().start.checked_sub(1)?;
                match *self.claims.items.get(whole)? {
                    Value::Text(span) => Some(span),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    #[inline]
    pub(in crate::policy) fn text(self) -> Option<&'a str> {
        self.claims.text.get(self.span()?.range())
    }

    /// Whether it is this text.
    #[inline(always)]
    pub(in crate::policy) fn is(self, text: &str) -> bool {
        let own = self.span().and_then(|span| self.claims.bytes(span));
        own.is_some_and(|own| same(own, text.as_bytes()))
    }

    /// Whether it is an integer that is written like this.
    pub(in crate::policy) fn is_integer(self, text: &str) -> bool {
        matches!(self.number(), Some(Number::Integer(number)) if number.to_string() == text)
    }

    #[inline]
    pub(in crate::policy) fn number(self) -> Option<Number> {
        match *self.value {
            Value::Signed(number) => Some(Number::Integer(number.into())),
            Value::Unsigned(number) => Some(Number::Integer(number.into())),
            Value::Float(number) => Some(Number::of(number)),
            _ => None,
        }
    }

    #[inline]
    pub(in crate::policy) fn flag(self) -> Option<bool> {
        match *self.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    #[inline]
    pub(in crate::policy) fn equals(self, other: &Scalar) -> bool {
        match &other.0 {
            Kind::Text(text) => self.is(text),
            Kind::Number(number) => self.number() == Some(*number),
            Kind::Bool(flag) => self.flag() == Some(*flag),
        }
    }

    /// Whether both are the same text, number or flag.
    pub(in crate::policy) fn same_as(self, other: Self) -> bool {
        match (self.text(), self.number(), self.flag()) {
            (Some(text), _, _) => other.text() == Some(text),
            (_, Some(number), _) => other.number() == Some(number),
            (_, _, Some(flag)) => other.flag() == Some(flag),
            _ => false,
        }
    }

    /// Returns the items of a list, and none for any other value.
    pub(in crate::policy) fn items(self) -> impl Iterator<Item = Self> {
        let span = match *self.value {
            Value::List(span) => span,
            _ => Span { start: 0, length: 0 },
        };
        self.claims.list(span).iter().map(move |value| Self { value, ..self })
    }

    pub(in crate::policy) fn is_list(self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// Returns the texts of a list, or a single text.
    pub(in crate::policy) fn texts(self) -> impl Iterator<Item = &'a str> {
        self.text().into_iter().chain(self.items().filter_map(Self::text))
    }

    /// Whether it is this text, or a list with this text.
    #[inline(always)]
    pub(in crate::policy) fn has_text(self, text: &str) -> bool {
        match *self.value {
            Value::List(list) => self.claims.list_has(list, text.as_bytes()),
            _ => self.is(text),
        }
    }

    /// Whether a word of a text, or a text of a list, equals this word.
    #[inline(always)]
    pub(in crate::policy) fn has_word(self, word: &str) -> bool {
        match self.list_of_words() {
            Some(list) => self.claims.list_has(list, word.as_bytes()),
            None => !word.is_empty() && self.is(word),
        }
    }

    /// Whether a word of a text, or a text of a list, satisfies the predicate.
    pub(in crate::policy) fn has_word_like(self, like: impl Fn(&[u8]) -> bool) -> bool {
        match self.list_of_words() {
            Some(list) => self.claims.list(list).iter().any(|item| match item {
                Value::Text(span) => self.claims.bytes(*span).is_some_and(&like),
                _ => false,
            }),
            None => self.text().is_some_and(|text| !text.is_empty() && like(text.as_bytes())),
        }
    }

    /// Returns `None` for a text of at most one word.
    #[inline(always)]
    fn list_of_words(self) -> Option<Span> {
        match *self.value {
            Value::List(list) | Value::Words(list) => Some(list),
            _ => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn blanks_are_no_words() {
        let claims = serde_json::json!({"one": " ", "several": " a  b c ", "list": ["a b", "c"]});
        let index = ClaimIndex::of(&claims).unwrap();
        for (path, expected) in
            [("one", vec![]), ("several", vec!["a", "b", "c"]), ("list", vec!["a b", "c"])]
        {
            let words = RefCell::new(Vec::new());
            let seen = |word: &[u8]| {
                words.borrow_mut().push(String::from_utf8(word.to_vec()).unwrap());
                false
            };
            assert!(!index.find(&path.into()).unwrap().has_word_like(seen));
            assert_eq!(words.into_inner(), expected, "{path}");
        }
    }
}
