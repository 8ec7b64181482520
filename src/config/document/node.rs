//! The tree of values, common to all formats.

use super::problem::Problem;
use std::collections::HashSet;
use zeroize::Zeroizing;

/// Maximum nesting of a file, far deeper than any settings, to avoid a stack overflow.
const MAX_DEPTH: usize = 64;

/// A value and its line. Without `Debug`, because it may contain secrets.
#[derive(Clone)]
pub(in crate::config) struct Node {
    pub(in crate::config) value: Value,
    /// The line, from 1; `None` if unknown.
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
    /// The line of the key.
    pub(in crate::config) line: Option<usize>,
    pub(in crate::config) node: Node,
}

impl Node {
    /// Returns the entry with this key, if this is a table.
    pub(in crate::config) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Returns the element at this index, if this is a list.
    pub(in crate::config) fn element(&self, at: usize) -> Option<&Node> {
        match &self.value {
            Value::List(nodes) => nodes.get(at),
            _ => None,
        }
    }

    /// Calls a function with this value and each value in it. Its error gets the path of the value.
    pub(super) fn try_each(
        &mut self,
        visit: &mut impl FnMut(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        visit(self)?;
        match &mut self.value {
            Value::List(nodes) => nodes.iter_mut().enumerate().try_for_each(|(at, node)| {
                node.try_each(visit).map_err(|problem| problem.at(at.to_string(), node.line))
            }),
            Value::Table(entries) => entries.iter_mut().try_for_each(|entry| {
                let visited = entry.node.try_each(visit);
                visited.map_err(|problem| problem.at(&*entry.key, entry.line))
            }),
            _ => Ok(()),
        }
    }

    /// Checks that every key has a value.
    ///
    /// A value left empty by mistake would otherwise disable its setting, such as an encryption.
    pub(in crate::config) fn check_no_value_missing(&mut self) -> Result<(), Problem> {
        self.try_each(&mut |node| match node.value {
            Value::Null => Err(Problem::new(
                "a value is missing: give one, {} for a section with nothing in it, or leave the \
                 key out",
            )),
            _ => Ok(()),
        })
    }

    /// Compares the values, ignoring lines and the order of keys.
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
                    other.get(&entry.key).is_some_and(|b| b.node.is_same(&entry.node))
                };
                a.len() == b.len() && a.iter().all(has)
            }
            _ => false,
        }
    }

    /// Replaces a table's entry with this key, or removes it.
    pub(in crate::config) fn put(&mut self, key: &str, entry: Option<Entry>) {
        if let Value::Table(entries) = &mut self.value {
            entries.retain(|entry| entry.key != key);
            entries.extend(entry);
        }
    }

    /// Returns the name of the type for messages, without the value, which may be a secret.
    pub(in crate::config) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number with a fraction",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    /// Builds a list, whose elements are read with a function.
    pub(super) fn list<T>(
        elements: impl IntoIterator<Item = T>,
        read: impl Fn(T) -> Result<Node, Problem>,
    ) -> Result<Self, Problem> {
        elements.into_iter().map(read).collect::<Result<_, _>>().map(Self::List)
    }

    /// Builds a table of keys, their lines and their values; a duplicate key is an error.
    pub(super) fn table<T>(
        members: impl IntoIterator<Item = (String, Option<usize>, T)>,
        read: impl Fn(T) -> Result<Node, Problem>,
    ) -> Result<Self, Problem> {
        let (mut entries, mut keys) = (Vec::new(), HashSet::new());
        for (key, line, value) in members {
            let node = read(value).map_err(|problem| problem.at(&*key, line))?;
            if !keys.insert(key.clone()) {
                return Err(Problem::new("the key is given twice: keep one").at(key, line));
            }
            entries.push(Entry { key, line, node });
        }
        Ok(Self::Table(entries))
    }
}

pub(super) fn check_depth(depth: usize, line: Option<usize>) -> Result<(), Problem> {
    match depth > MAX_DEPTH {
        true => Err(Problem::new("tables and lists are nested too deeply").on(line)),
        false => Ok(()),
    }
}

/// The offsets of a text's line ends.
///
/// Computed once, because the number of lookups depends on the file.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// Returns the line, from 1, of an offset in the text.
    pub(super) fn line(&self, at: usize) -> Option<usize> {
        Some(1 + self.0.partition_point(|end| *end < at))
    }
}
