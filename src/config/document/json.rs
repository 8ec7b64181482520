//! JSON, with lines: each value is read from its own part of the text, whose place is known.

use super::node::{Entry, Lines, Node, Value, check_depth, table};
use super::problem::Problem;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let root: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let place = Place {
        begins: text.as_ptr() as usize,
        lines: Lines::of(text),
    };
    node(root, &place, 0)
}

/// In what the parts of a text have their lines.
struct Place {
    begins: usize,
    lines: Lines,
}

/// Where it is: a whole file may be one line. serde_json's words hold nothing of the text, but a
/// number or a letter of it.
fn not_json(error: &serde_json::Error) -> Problem {
    let (line, what) = match (error.line(), error.column()) {
        (line, _) if error.is_eof() => (line, "not JSON: it ends too early".to_owned()),
        // The end of the line before is what does not belong there.
        (line, 0) => (
            line.saturating_sub(1),
            "not JSON from the end of the line on".to_owned(),
        ),
        (line, column) => (line, format!("not JSON from column {column} on")),
    };
    Problem::new(what).on(Some(line))
}

fn node(raw: &RawValue, place: &Place, depth: usize) -> Result<Node, Problem> {
    let part = raw.get();
    let line = place.lines.line(part.as_ptr() as usize - place.begins);
    let at = Some(line);
    check_depth(depth, at)?;
    // The whole is JSON: what is left are texts and numbers that nothing can hold.
    let wrong = |_: serde_json::Error| Problem::new("no program can read this value").on(at);
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
            let nodes = values
                .into_iter()
                .map(|value| node(value, place, depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        Some(b'"') => {
            return Ok(Node::text(
                serde_json::from_str::<String>(part).map_err(wrong)?,
                at,
            ));
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

/// A value that did not come from a text.
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

/// The members of an object in their order, also where a key stands there twice.
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
