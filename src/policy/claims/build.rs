//! Construction of a [`ClaimIndex`] from JSON.

use super::index::{ClaimIndex, GAP, Member, ROOT};
use super::value::{Span, Value};
use crate::policy::path::PathHash;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use std::sync::OnceLock;

impl ClaimIndex {
    pub(super) fn build(json: &Json) -> Option<Self> {
        let mut builder = Builder::default();
        builder.object(json.as_object()?, ROOT, PathHash::ROOT);
        builder.order.sort_unstable();
        // Spans hold 32-bit offsets.
        u32::try_from(builder.text.len()).ok()?;
        let bits = (2 * builder.order.len()).next_power_of_two().trailing_zeros();
        let shift = u32::BITS - bits.clamp(1, 16);
        let mut table = vec![(0, GAP); 1 << (u32::BITS - shift)];
        let mut free = 0;
        for entry in builder.order {
            let place = free.max((entry.0 >> shift) as usize);
            table.resize(table.len().max(place + 1), (0, GAP));
            table[place] = entry;
            free = place + 1;
        }
        Some(Self {
            table: table.into_boxed_slice(),
            shift,
            lookups: OnceLock::new(),
            text: builder.text.into_boxed_str(),
            members: builder.members.into_boxed_slice(),
            items: builder.items.into_boxed_slice(),
        })
    }
}

#[derive(Default)]
struct Builder {
    text: String,
    members: Vec<Member>,
    items: Vec<Value>,
    order: Vec<(u32, u32)>,
}

impl Builder {
    fn push(&mut self, text: &str) -> Span {
        let span = Span { start: self.text.len() as u32, length: text.len() as u32 };
        self.text.push_str(text);
        span
    }

    fn object(&mut self, object: &serde_json::Map<String, Json>, parent: u32, path: PathHash) {
        for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let (at, path) = (self.members.len() as u32, path.member(name));
            let (name, value_here) = (self.push(name), self.value(value));
            self.order.push((path.finish(), at));
            self.members.push(Member { parent, name, value: value_here });
            if let Json::Object(inner) = value {
                self.object(inner, at, path);
            }
        }
    }

    fn value(&mut self, value: &Json) -> Value {
        match value {
            Json::String(text) if text.contains(' ') => self.words(text),
            Json::Array(list) => {
                let start = self.items.len();
                for item in list {
                    let item = self.item(item);
                    self.items.push(item);
                }
                Value::List(self.items_since(start))
            }
            Json::Object(_) => Value::Object,
            other => self.item(other),
        }
    }

    fn item(&mut self, value: &Json) -> Value {
        match value {
            Json::Bool(flag) => Value::Bool(*flag),
            Json::String(text) => Value::Text(self.push(text)),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), _, _) => Value::Signed(number),
                (_, Some(number), _) => Value::Unsigned(number),
                (_, _, Some(number)) => Value::Float(number),
                _ => Value::Other,
            },
            Json::Null | Json::Array(_) | Json::Object(_) => Value::Other,
        }
    }

    fn words(&mut self, text: &str) -> Value {
        let whole = self.push(text);
        self.items.push(Value::Text(whole));
        let start = self.items.len();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let within = word.as_ptr() as usize - text.as_ptr() as usize;
            self.items.push(Value::Text(Span {
                start: whole.start + within as u32,
                length: word.len() as u32,
            }));
        }
        Value::Words(self.items_since(start))
    }

    /// Returns the span of the items from `start` to the end.
    fn items_since(&self, start: usize) -> Span {
        Span { start: start as u32, length: (self.items.len() - start) as u32 }
    }
}

impl<'de> Deserialize<'de> for ClaimIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::build(&json).ok_or_else(|| D::Error::custom("expected a JSON object of claims"))
    }
}
