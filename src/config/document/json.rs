//! The JSON parser. Each value is read from its slice of the text, whose offset gives the line.

use super::node::{Lines, Node, Value, check_depth};
use super::problem::Problem;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let root = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let lines = Lines::of(text);
    let line = |raw: &RawValue| lines.line(raw.get().as_ptr() as usize - text.as_ptr() as usize);
    node(root, &line, 0)
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

fn node(
    raw: &RawValue,
    line_of: &dyn Fn(&RawValue) -> Option<usize>,
    depth: usize,
) -> Result<Node, Problem> {
    let line = line_of(raw);
    check_depth(depth, line)?;
    let inner = |raw: &RawValue| node(raw, line_of, depth + 1);
    // The syntax is valid, so only strings and numbers without a representation can fail.
    let wrong = |_| Problem::new("this value cannot be represented").on(line);
    let text = raw.get();
    let value = match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(wrong)?;
            Value::table(members.into_iter().map(|(key, raw)| (key, line_of(raw), raw)), inner)?
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
            Value::list(elements, inner)?
        }
        _ => scalar(serde_json::from_str(text).map_err(wrong)?),
    };
    Ok(Node { value, line })
}

/// Converts a value that was not parsed from text, so it has no lines.
pub(super) fn from_value(value: serde_json::Value, depth: usize) -> Result<Node, Problem> {
    check_depth(depth, None)?;
    let inner = |value| from_value(value, depth + 1);
    let value = match value {
        serde_json::Value::Array(elements) => Value::list(elements, inner)?,
        serde_json::Value::Object(members) => {
            Value::table(members.into_iter().map(|(key, value)| (key, None, value)), inner)?
        }
        value => scalar(value),
    };
    Ok(Node { value, line: None })
}

fn scalar(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match number.as_i128() {
            Some(number) => Value::Integer(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::text(text),
        _ => Value::Null,
    }
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
                std::iter::from_fn(|| map.next_entry().transpose()).collect()
            }
        }

        deserializer.deserialize_map(All).map(Members)
    }
}
