//! One tree for all formats.

use super::problem::Problem;
use zeroize::Zeroizing;

/// So deep a file may be nested: far deeper than any settings are, and no stack overflows.
pub(super) const MAX_DEPTH: usize = 64;

/// A value and where it stands. No `Debug`: it may hold secrets.
#[derive(Clone)]
pub(in crate::config) struct Node {
    pub(in crate::config) value: Value,
    /// From 1; `None` where the format does not say.
    pub(in crate::config) line: Option<usize>,
}

#[derive(Clone)]
pub(in crate::config) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Zeroizing<String>),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table and its value.
#[derive(Clone)]
pub(in crate::config) struct Entry {
    pub(in crate::config) key: String,
    /// Of the key.
    pub(in crate::config) line: Option<usize>,
    pub(in crate::config) node: Node,
}

impl Node {
    pub(super) fn new(value: Value, line: Option<usize>) -> Self {
        Self { value, line }
    }

    pub(super) fn text(text: impl Into<String>, line: Option<usize>) -> Self {
        Self::new(Value::Text(Zeroizing::new(text.into())), line)
    }

    /// The member of a table.
    pub(in crate::config) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The element of a list.
    pub(in crate::config) fn element(&self, at: usize) -> Option<&Node> {
        match &self.value {
            Value::List(nodes) => nodes.get(at),
            _ => None,
        }
    }

    /// Whether both say the same, wherever it stands.
    pub(in crate::config) fn is_same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
            }
            (Value::Table(a), Value::Table(b)) => {
                let has = |entry: &Entry| {
                    other
                        .get(&entry.key)
                        .is_some_and(|b| b.node.is_same(&entry.node))
                };
                a.len() == b.len() && a.iter().all(has)
            }
            _ => false,
        }
    }

    /// Gives a table this entry, or takes away the one of this key.
    pub(in crate::config) fn put(&mut self, key: &str, entry: Option<Entry>) {
        if let Value::Table(entries) = &mut self.value {
            entries.retain(|entry| entry.key != key);
            entries.extend(entry);
        }
    }

    /// As people call it. It never holds the value, which may be a secret.
    pub(in crate::config) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number with a fraction",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// Puts an entry into a table that has none of that key.
pub(super) fn push(entries: &mut Vec<Entry>, entry: Entry) -> Result<(), Problem> {
    if entries.iter().any(|other| other.key == entry.key) {
        return Err(Problem::new("the key stands here twice: keep one").at(&entry.key, entry.line));
    }
    entries.push(entry);
    Ok(())
}

pub(super) fn check_depth(depth: usize, line: Option<usize>) -> Result<(), Problem> {
    match depth > MAX_DEPTH {
        true => Err(Problem::new("tables and lists are nested too deeply").on(line)),
        false => Ok(()),
    }
}

/// The line, from 1, of a place in a text.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + memchr::memchr_iter(b'\n', before).count()
}
