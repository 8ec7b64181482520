//! The value of a claim.

use super::index::ClaimIndex;
use crate::policy::scalar::{Kind, Number, Scalar};

/// A range of the index's text or items.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) length: u32,
}

impl Span {
    #[inline]
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
    }
}

#[derive(Clone, Copy)]
pub(super) enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(Span),
    /// The words of a text with spaces; the item before the first word is the whole text.
    Words(Span),
    List(Span),
    Object,
    /// An item of a list that is null, a list or an object.
    Other,
}

/// Compares two byte strings, inline up to 32 bytes.
///
/// Names and words are short: the comparison is done before a call to `memcmp` would have begun.
#[inline]
pub(in crate::policy) fn same(a: &[u8], b: &[u8]) -> bool {
    /// Compares the first and last `N` bytes, which may overlap.
    fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
    }
    a.len() == b.len()
        && match a.len() {
            0..4 => a.iter().eq(b),
            4..8 => ends::<4>(a, b),
            8..16 => ends::<8>(a, b),
            16..=32 => ends::<16>(a, b),
            _ => a == b,
        }
}

/// A claim's value, as conditions and tests read it.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Claim<'a> {
    pub(super) claims: &'a ClaimIndex,
    pub(super) value: &'a Value,
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
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_length_are_compared_whole() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).collect();
            assert!(same(&bytes, &bytes.clone()));
            assert!(!same(&bytes, &[&*bytes, b"x"].concat()));
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 0x80;
                assert!(!same(&bytes, &other), "byte {at} of {length}");
            }
        }
    }
}
