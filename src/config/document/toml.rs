//! The TOML parser.

use super::node::{Lines, Node, Value, check_depth};
use super::problem::Problem;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().and_then(|span| lines.line(span.start));
        // Only the message: the whole error would show the line, which may contain a secret.
        let message = error.message();
        Problem::new(format!("not TOML: {message}")).on(line)
    })?;
    let start = table.span().start;
    node(&Spanned::new(start..start, DeValue::Table(table.into_inner())), &lines, 0)
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines, depth: usize) -> Result<Node, Problem> {
    let line = lines.line(value.span().start);
    check_depth(depth, line)?;
    let inner = |value| node(value, lines, depth + 1);
    let unreadable = || Problem::new("the number is too large or too small").on(line);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::text(&**text),
        DeValue::Integer(number) => {
            let parsed = i128::from_str_radix(number.as_str(), number.radix());
            Value::Integer(parsed.map_err(|_| unreadable())?)
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().map_err(|_| unreadable())?),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::text(time.to_string()),
        DeValue::Array(list) => Value::list(list.iter(), inner)?,
        DeValue::Table(table) => {
            let mut members: Vec<_> = table.iter().collect();
            // In the order of the file, as in the other formats.
            members.sort_by_key(|(key, _)| key.span().start);
            let members = members.into_iter().map(|(key, value)| {
                (key.get_ref().to_string(), lines.line(key.span().start), value)
            });
            Value::table(members, inner)?
        }
    };
    Ok(Node { value, line })
}
