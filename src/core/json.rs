//! Strict JSON objects: no member twice (escapes undone first), no lone surrogate,
//! at most 128 levels, nothing after the end (RFC 7515 section 4, RFC 8725 section 2.4).

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor as SerdeVisitor};
use std::borrow::Cow;
use std::fmt;

/// A JSON value as far as token checks need it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Integer(i128),
    Float(f64),
    /// The members of an array of strings.
    Texts(Vec<Cow<'a, str>>),
    /// Null, booleans, objects, arrays with anything but strings.
    Other,
}

/// Reads one JSON object strictly and hands each top-level member to `each`.
///
/// Returns the member names, sorted.
pub(crate) fn object<'a>(
    text: &'a str,
    mut each: impl FnMut(&str, Scalar<'a>),
) -> Result<Vec<Cow<'a, str>>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let names = deserializer.deserialize_map(TopLevel(&mut each))?;
    deserializer.end()?;
    Ok(names)
}

struct TopLevel<'f, F>(&'f mut F);

impl<'de, F: FnMut(&str, Scalar<'de>)> SerdeVisitor<'de> for TopLevel<'_, F> {
    type Value = Vec<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::with_capacity(16);
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value_seed(Strict)?;
            (self.0)(&name, value);
            names.push(name);
        }
        unique(names)
    }
}

/// Sorting keeps a token of thousands of members from costing quadratic time.
fn unique<E: serde::de::Error>(mut names: Vec<Cow<'_, str>>) -> Result<Vec<Cow<'_, str>>, E> {
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(E::custom("a member appears twice"));
    }
    Ok(names)
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
        Ok(if only_texts {
            Scalar::Texts(texts)
        } else {
            Scalar::Other
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        let mut last = Scalar::Other;
        while let Some(name) = map.next_key_seed(Name)? {
            last = map.next_value_seed(Strict)?;
            names.push(name);
        }
        // How serde_json hands over a number when any crate of the build turned on its
        // `arbitrary_precision` feature.
        if let ([name], Scalar::Text(digits)) = (&names[..], &last)
            && name == "$serde_json::private::Number"
        {
            return Ok(number(digits));
        }
        unique::<A::Error>(names)?;
        Ok(Scalar::Other)
    }
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
        assert_eq!(object(text, |_, _| {}).map(|n| n.len()).ok(), Some(10_000));
    }
}
