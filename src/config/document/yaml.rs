//! The YAML 1.2 parser, for the core schema. The expansion of aliases is bounded.

use super::node::{Node, Value, check_depth};
use super::problem::Problem;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use std::collections::HashMap;

/// Maximum size of a document's expanded anchors and aliases, in bytes.
const MAX_UNFOLDED: usize = 4 << 20;
/// Size of a value besides its text, in bytes.
const VALUE: usize = 64;

pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let parser = Parser::new_from_str(text);
    let mut reader = Reader { parser, anchors: HashMap::new(), unfolded: 0 };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            _ if root.is_some() => {
                return Err(Problem::new("more than one document: keep one").on(line(&span)));
            }
            event => root = Some(reader.node(event, &span, 0)?),
        }
    }
    Ok(root.unwrap_or_else(|| Node { value: Value::Null, line: None }))
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    /// Size of the copies made for anchors and aliases; the text itself is bounded already.
    unfolded: usize,
}

fn line(span: &Span) -> Option<usize> {
    Some(span.start.line())
}

/// Shows the parser's message, which contains at most a single character of the text.
fn not_yaml(error: &ScanError) -> Problem {
    let what = error.info();
    Problem::new(format!("not YAML: {what}")).on(Some(error.marker().line()))
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(not_yaml(&error)),
            None => Err(Problem::new("not YAML: it ends too early")),
        }
    }

    /// Counts a copy of an anchored value: one for the anchor, and one for each alias.
    fn count_copy(&mut self, size: usize, line: Option<usize>) -> Result<(), Problem> {
        self.unfolded = self.unfolded.saturating_add(size);
        match self.unfolded > MAX_UNFOLDED {
            true => {
                Err(Problem::new("its anchors and aliases expand to over 4 MiB: use fewer")
                    .on(line))
            }
            false => Ok(()),
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, Problem> {
        let at = line(span);
        check_depth(depth, at)?;
        let (value, anchor, tag) = match event {
            Event::Alias(anchor) => {
                let anchored = self.anchors.get(&anchor).map(|node| (node, measure(node)));
                let Some((node, (size, levels))) = anchored else {
                    return Err(Problem::new("an alias inside its own value: remove it").on(at));
                };
                check_depth(depth + levels, at)?;
                let node = node.clone();
                self.count_copy(size, at)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => None,
                };
                (value.unwrap_or_else(|| Value::text(text)), anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (self.list(depth)?, anchor, tag),
            Event::MappingStart(anchor, tag) => (self.table(depth)?, anchor, tag),
            _ => return Err(Problem::new("not YAML: a value is missing").on(at)),
        };
        if tag.is_some() {
            return Err(Problem::new("tags are not supported: remove the tag").on(at));
        }
        let node = Node { value, line: at };
        if anchor > 0 {
            self.count_copy(measure(&node).0, at)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(list)),
                (event, span) => list.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut members = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let at = line(&span);
            let key = match event {
                Event::MappingEnd => return Value::table(members, Ok),
                // A key is always a string: `8080: …` is the key "8080".
                Event::Scalar(key, _, 0, None) => key.into_owned(),
                _ => {
                    let message = "a key must be a string, without anchor, alias or tag";
                    return Err(Problem::new(message).on(at));
                }
            };
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth + 1);
            let value = value.map_err(|problem| problem.at(&*key, at))?;
            members.push((key, at, value));
        }
    }
}

/// Returns the size of a value, and the number of its nested levels.
fn measure(node: &Node) -> (usize, usize) {
    let inner: Vec<(usize, &Node)> = match &node.value {
        Value::Text(text) => return (VALUE + text.len(), 0),
        Value::List(nodes) => nodes.iter().map(|node| (0, node)).collect(),
        Value::Table(entries) => {
            entries.iter().map(|entry| (entry.key.len(), &entry.node)).collect()
        }
        _ => return (VALUE, 0),
    };
    inner.into_iter().fold((VALUE, 0), |(size, levels), (key, node)| {
        let (more, deep) = measure(node);
        (size.saturating_add(key + more), levels.max(1 + deep))
    })
}

/// Returns the value of a plain scalar that is not a string (YAML 1.2.2 section 10.3.2).
fn plain(text: &str) -> Option<Value> {
    let number = || {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (radix, digits) = match digits.get(..2) {
            Some("0x") if digits.len() == text.len() => (16, &digits[2..]),
            Some("0o") if digits.len() == text.len() => (8, &digits[2..]),
            _ => (10, digits),
        };
        if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) {
            let value = i128::from_str_radix(digits, radix).ok()?;
            return Some(Value::Integer(match text.starts_with('-') {
                true => -value,
                false => value,
            }));
        }
        let decimal = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        if text.chars().all(decimal) && text.contains(|c: char| c.is_ascii_digit()) {
            return text.parse().ok().map(Value::Float);
        }
        None
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => number(),
    }
}
