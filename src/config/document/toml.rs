//! The TOML parser.

use super::node::{Entry, Lines, Node, Value, check_depth};
use super::problem::Problem;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| lines.line(span.start));
        // Only the message: the whole error would show the line, which may contain a secret.
        let message = error.message();
        Problem::new(format!("not TOML: {message}")).on(line)
    })?;
    convert_table(table.get_ref(), Some(1), &lines, 0)
}

fn convert_table(
    table: &DeTable<'_>,
    line: Option<usize>,
    lines: &Lines,
    depth: usize,
) -> Result<Node, Problem> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let at = Some(lines.line(key.span().start));
        let name: &str = key.get_ref();
        let node = convert(value, lines, depth + 1).map_err(|problem| problem.at(name, at))?;
        let entry = Entry { key: name.to_owned(), line: at, node };
        entries.push(entry);
    }
    // In the order of the file, as in the other formats.
    entries.sort_by_key(|entry| entry.line);
    Ok(Node::new(Value::Table(entries), line))
}

fn convert(value: &Spanned<DeValue<'_>>, lines: &Lines, depth: usize) -> Result<Node, Problem> {
    let line = Some(lines.line(value.span().start));
    check_depth(depth, line)?;
    let unreadable = || Problem::new("the number is too large or too small").on(line);
    let value = match value.get_ref() {
        DeValue::String(text) => return Ok(Node::text(&**text, line)),
        DeValue::Integer(number) => {
            let parsed = i128::from_str_radix(number.as_str(), number.radix());
            Value::Integer(parsed.map_err(|_| unreadable())?)
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().map_err(|_| unreadable())?),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => return Ok(Node::text(time.to_string(), line)),
        DeValue::Array(list) => {
            let nodes = list.iter().map(|value| convert(value, lines, depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return convert_table(table, line, lines, depth),
    };
    Ok(Node::new(value, line))
}
