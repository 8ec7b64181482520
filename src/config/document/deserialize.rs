//! The serde deserializer of a tree. Every error has its key and line.

use super::node::{Entry, Node, Value};
use super::problem::{Problem, unknown_key};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

impl Node {
    fn wrong<T>(&self, wanted: &str) -> Result<T, Problem> {
        let found = self.kind();
        Err(Problem::new(format!("this must be {wanted}, and is {found}")).on(self.line))
    }
}

/// The name by which the deserializer knows a [`Section`].
const SECTION: &str = "jamguard::Section";

/// A table that is read into several structs, such as a builder's options and the names of what
/// the file gives to the builder. Each struct reads the keys of its own fields.
///
/// Only the last struct may have keys that must be given, because an unknown key is reported before
/// a missing one.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(rename = "jamguard::Section")]
pub(in crate::config) struct Section<A, B>(pub(in crate::config) A, pub(in crate::config) B);

#[cfg(test)]
impl<A: schemars::JsonSchema, B: schemars::JsonSchema> schemars::JsonSchema for Section<A, B> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        B::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (mut section, mut first) = (B::json_schema(generator), A::json_schema(generator));
        let keys = first.get_mut("properties").and_then(|keys| keys.as_object_mut());
        let all = section.get_mut("properties").and_then(|keys| keys.as_object_mut());
        if let (Some(all), Some(keys)) = (all, keys) {
            all.append(keys);
        }
        section
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let visited = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(number) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => Err(Problem::new("the number is too large or too small")),
            },
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(nodes) => visitor.visit_seq(List(nodes.iter().enumerate())),
            Value::Table(entries) => visitor.visit_map(Table::of(entries)),
        };
        visited.map_err(|problem| problem.on(self.line))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Table(_) => self.deserialize_any(visitor),
            // serde would read a list as the fields of a struct in order.
            _ => self.wrong("a table"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let visited = match &self.value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(entries) if entries.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Table::of(entries)))
            }
            Value::Table(_) => self.wrong("a table with exactly one key"),
            _ => self.wrong("a string"),
        };
        visited.map_err(|problem| problem.on(self.line))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match &self.value {
            _ if name != SECTION => self.deserialize_any(visitor),
            Value::Table(entries) => {
                let structs = Structs { entries, known: Vec::new(), left: length };
                visitor.visit_seq(structs).map_err(|problem| problem.on(self.line))
            }
            _ => self.wrong("a table"),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple identifier ignored_any
    }
}

/// The structs of a [`Section`].
struct Structs<'de> {
    entries: &'de [Entry],
    /// The keys of the structs so far.
    known: Vec<&'static str>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Structs<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        self.left -= 1;
        seed.deserialize(self).map(Some)
    }
}

impl<'de> Deserializer<'de> for &mut Structs<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Problem> {
        Err(Problem::new("a section is read into structs"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.known = [fields, &self.known].concat();
        let unknown = self.entries.iter().find(|entry| !self.known.contains(&&*entry.key));
        if let Some(entry) = unknown.filter(|_| self.left == 0) {
            return Err(unknown_key(&entry.key, &self.known).at(&*entry.key, entry.line));
        }
        let entries = self.entries.iter().filter(|entry| fields.contains(&&*entry.key));
        visitor.visit_map(Table { entries, current: None })
    }

    /// Reads the stand-in for the keys of a feature that this build lacks.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.left += length;
        visitor.visit_seq(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple map identifier ignored_any option newtype_struct enum
    }
}

struct List<'de>(std::iter::Enumerate<std::slice::Iter<'de, Node>>);

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let read = |(at, node): (usize, &'de Node)| {
            seed.deserialize(node).map_err(|problem| problem.at(at.to_string(), node.line))
        };
        self.0.next().map(read).transpose()
    }
}

struct Table<'de, I> {
    entries: I,
    current: Option<&'de Entry>,
}

impl<'de> Table<'de, std::slice::Iter<'de, Entry>> {
    fn of(entries: &'de [Entry]) -> Self {
        Self { entries: entries.iter(), current: None }
    }
}

impl<'de, I: Iterator<Item = &'de Entry>> MapAccess<'de> for Table<'de, I> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        self.current = self.entries.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Problem> = entry.key.as_str().into_deserializer();
        let key = seed.deserialize(key);
        key.map(Some).map_err(|problem| problem.at(&*entry.key, entry.line))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Problem> {
        let Some(entry) = self.current.take() else {
            return Err(Problem::new("a value was requested before its key"));
        };
        let value = seed.deserialize(&entry.node);
        value.map_err(|problem| problem.at(&*entry.key, entry.line))
    }
}
