//! The JSON parser. Each value is read from its slice of the text, whose offset gives the line.

use super::node::{Entry, Lines, Node, Value, check_depth, table};
use super::problem::Problem;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let root: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let place = Place { begins: text.as_ptr() as usize, lines: Lines::of(text) };
    node(root, &place, 0)
}

/// The start address and line ends of a text, to find the line of a slice.
struct Place {
    begins: usize,
    lines: Lines,
}

/// Reports the column too, because a whole file may be one line.
///
/// The message of serde_json is left out: it may show a number or a letter of the text.
fn not_json(error: &serde_json::Error) -> Problem {
    let (line, what) = match (error.line(), error.column()) {
        (line, _) if error.is_eof() => (line, "not JSON: it ends too early".to_owned()),
        // Column 0: the line break itself is unexpected, so the error is in the line before.
        (line, 0) => (line.saturating_sub(1), "not JSON from the end of the line on".to_owned()),
        (line, column) => (line, format!("not JSON from column {column} on")),
    };
    Problem::new(what).on(Some(line))
}

fn node(raw: &RawValue, place: &Place, depth: usize) -> Result<Node, Problem> {
    let part = raw.get();
    let line = place.lines.line(part.as_ptr() as usize - place.begins);
    let at = Some(line);
    check_depth(depth, at)?;
    // The syntax is valid, so only strings and numbers without a representation can fail.
    let wrong = |_: serde_json::Error| Problem::new("this value cannot be represented").on(at);
    let value = match part.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(part).map_err(wrong)?;
            let mut entries = Vec::with_capacity(members.len());
            for (key, value) in members {
                let node = node(value, place, depth + 1);
                let node = node.map_err(|problem| problem.at(&*key, at))?;
                let line = node.line;
                entries.push(Entry { key, line, node });
            }
            table(entries)?
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(part).map_err(wrong)?;
            let nodes = values.into_iter().map(|value| node(value, place, depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        Some(b'"') => {
            return Ok(Node::text(serde_json::from_str::<String>(part).map_err(wrong)?, at));
        }
        _ => scalar(&serde_json::from_str(part).map_err(wrong)?),
    };
    Ok(Node::new(value, at))
}

fn scalar(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i128() {
            Some(number) => Value::Integer(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        _ => Value::Null,
    }
}

/// Converts a value that was not parsed from text, so it has no lines.
pub(super) fn from_value(value: serde_json::Value, depth: usize) -> Result<Node, Problem> {
    check_depth(depth, None)?;
    Ok(match value {
        serde_json::Value::String(text) => Node::text(text, None),
        serde_json::Value::Array(values) => {
            let nodes = values.into_iter().map(|value| from_value(value, depth + 1));
            Node::new(Value::List(nodes.collect::<Result<_, _>>()?), None)
        }
        serde_json::Value::Object(members) => {
            let mut entries = Vec::with_capacity(members.len());
            for (key, value) in members {
                let node = from_value(value, depth + 1)?;
                let line = None;
                entries.push(Entry { key, line, node });
            }
            Node::new(Value::Table(entries), None)
        }
        scalar_value => Node::new(scalar(&scalar_value), None),
    })
}

/// The members of an object in order, with duplicate keys.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(All).map(Members)
    }
}
