//! Strict parsing of JSON objects (RFC 7515 section 4, RFC 8725 section 2.4).
//!
//! Rejects duplicate members (compared after unescaping), lone surrogates, more than 128 levels,
//! and trailing data.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor as SerdeVisitor};
use std::{borrow::Cow, fmt, sync::OnceLock};

/// A JSON value, as far as token checks need it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Integer(i128),
    Float(f64),
    /// An array of strings.
    Texts(Vec<Cow<'a, str>>),
    /// Null, a boolean, an object, or an array with anything but strings.
    Other,
}

/// Parses one JSON object strictly and passes each top-level member to `each`.
///
/// Returns the member names.
pub(crate) fn object<'a>(
    text: &'a str,
    mut each: impl FnMut(&str, Scalar<'a>),
) -> Result<Names<'a>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let names = deserializer.deserialize_map(TopLevel(&mut each))?;
    deserializer.end()?;
    Ok(names)
}

struct TopLevel<'f, F>(&'f mut F);

impl<'de, F: FnMut(&str, Scalar<'de>)> SerdeVisitor<'de> for TopLevel<'_, F> {
    type Value = Names<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Names { names: Vec::with_capacity(16), seen: 0 };
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value_seed(Strict)?;
            (self.0)(&name, value);
            names.add(name)?;
        }
        names.finish()
    }
}

/// The member names of an object, without duplicates.
#[derive(Default)]
pub(crate) struct Names<'a> {
    names: Vec<Cow<'a, str>>,
    /// A one-word Bloom filter; a clear bit means that its names are absent.
    seen: u64,
}

/// Up to this many names are compared as they arrive; more are sorted at the end.
///
/// This keeps a token with thousands of members from costing quadratic time.
const FEW: usize = 32;

impl<'a> Names<'a> {
    fn bit(name: &str) -> u64 {
        let bytes = name.as_bytes();
        let ends = bytes.first().zip(bytes.last());
        let (first, last) = ends.map_or((0, 0), |(a, b)| (usize::from(*a), usize::from(*b)));
        1 << ((bytes.len() + first * 5 + last * 11) % 64)
    }

    fn add<E: serde::de::Error>(&mut self, name: Cow<'a, str>) -> Result<(), E> {
        if self.names.len() < FEW {
            if self.has(&name) {
                return Err(E::custom("a member appears twice"));
            }
            self.seen |= Self::bit(&name);
        }
        self.names.push(name);
        Ok(())
    }

    fn finish<E: serde::de::Error>(mut self) -> Result<Self, E> {
        if self.names.len() > FEW {
            self.names.sort_unstable();
            if self.names.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(E::custom("a member appears twice"));
            }
            self.seen = u64::MAX;
        }
        Ok(self)
    }

    /// Whether the object has a member with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.seen & Self::bit(name) != 0 && self.names.iter().any(|found| found == name)
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> SerdeVisitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> SerdeVisitor<'de> for Strict {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        let mut only_texts = true;
        while let Some(value) = seq.next_element_seed(Strict)? {
            match value {
                Scalar::Text(text) if only_texts => texts.push(text),
                _ => only_texts = false,
            }
        }
        Ok(if only_texts { Scalar::Texts(texts) } else { Scalar::Other })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Names::default();
        let mut last = Scalar::Other;
        while let Some(name) = map.next_key_seed(Name)? {
            last = map.next_value_seed(Strict)?;
            names.add(name)?;
        }
        // serde_json passes numbers like this if any crate of the build enables its
        // `arbitrary_precision` feature.
        if let ([name], Scalar::Text(digits)) = (&names.names[..], &last)
            && name == "$serde_json::private::Number"
            && numbers_come_as_maps()
        {
            return Ok(number(digits));
        }
        names.finish::<A::Error>()?;
        Ok(Scalar::Other)
    }
}

/// Whether that feature is enabled; otherwise such a map is an ordinary object.
fn numbers_come_as_maps() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let written =
            serde_json::from_str("1e2").map(|number: serde_json::Value| number.to_string());
        // Only with the feature is a number kept as written.
        written.is_ok_and(|written| written != "100.0")
    })
}

fn number<'a>(digits: &str) -> Scalar<'a> {
    match (digits.parse::<i128>(), digits.parse::<f64>()) {
        (Ok(integer), _) => Scalar::Integer(integer),
        (_, Ok(float)) => Scalar::Float(float),
        _ => Scalar::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        object(text, |_, _| {}).is_err()
    }

    #[test]
    fn members_must_be_unique_at_every_level() {
        assert!(refused(r#"{"a":1,"a":2}"#));
        assert!(refused(r#"{"a":1,"\u0061":2}"#));
        assert!(refused(r#"{"x":[{"a":1,"a":2}]}"#));
        assert!(!refused(r#"{"a":1,"b":{"a":2}}"#));
    }

    #[test]
    fn many_members_must_be_unique_too() {
        for count in [2, FEW - 1, FEW, FEW + 1, FEW + 2, 1_000] {
            let members: Vec<String> = (0..count).map(|i| format!("\"k{i}\":0")).collect();
            let text = format!("{{{}}}", members.join(","));
            let names = object(&text, |_, _| {}).ok();
            assert!(names.is_some_and(|names| names.has("k1") && !names.has("k")), "{count}");
            for twice in [0, count / 2, count - 1] {
                let text = format!("{{{},\"k{twice}\":0}}", members.join(","));
                assert!(refused(&text), "{twice} of {count}");
            }
        }
    }

    #[test]
    fn text_must_be_one_well_formed_object() {
        for text in [
            "",
            "[]",
            "1",
            "\"x\"",
            "null",
            "{}x",
            "{} {}",
            r#"{"a":"\ud800"}"#,
            r#"{"a":1e400}"#,
            "{\"a\":\"\u{0}\"}",
        ] {
            assert!(refused(text), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(refused(&deep));
    }

    #[test]
    fn ten_thousand_members_are_read_in_one_pass() {
        let members: Vec<String> = (0..10_000).map(|i| format!("\"k{i}\":0")).collect();
        let text = format!("{{{}}}", members.join(","));
        assert_eq!(object(&text, |_, _| {}).map(|n| n.names.len()).ok(), Some(10_000));
    }
}
