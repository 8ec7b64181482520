//! The YAML 1.2 parser, for the core schema. The expansion of aliases is bounded.

use super::node::{Entry, Node, Value, check_depth, table};
use super::problem::Problem;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use std::collections::HashMap;

/// Maximum size of a document's expanded anchors and aliases, in bytes.
const MAX_UNFOLDED: usize = 4 << 20;
/// Size of a value besides its text, in bytes.
const VALUE: usize = 64;

pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        size: 0,
        unfolded: 0,
    };
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
    Ok(root.unwrap_or_else(|| Node::new(Value::Null, None)))
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The anchored values, with their size and depth.
    anchors: HashMap<usize, (Node, usize, usize)>,
    /// Size of everything read so far.
    size: usize,
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
    fn count_copy(&mut self, bytes: usize, line: Option<usize>) -> Result<(), Problem> {
        self.unfolded = self.unfolded.saturating_add(bytes);
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
        let before = self.size;
        self.size = self.size.saturating_add(VALUE);
        let (value, anchor, tag) = match event {
            Event::Alias(anchor) => {
                let Some((node, size, deep)) = self.anchors.get(&anchor) else {
                    return Err(Problem::new("an alias inside its own value: remove it").on(at));
                };
                check_depth(depth + deep, at)?;
                let (node, size) = (node.clone(), *size);
                self.size = self.size.saturating_add(size);
                self.count_copy(size, at)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.size = self.size.saturating_add(text.len());
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => None,
                };
                let node = match value {
                    Some(value) => Node::new(value, at),
                    None => Node::text(text, at),
                };
                (node.value, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (self.list(depth)?, anchor, tag),
            Event::MappingStart(anchor, tag) => (self.table(depth)?, anchor, tag),
            _ => return Err(Problem::new("not YAML: a value is missing").on(at)),
        };
        if tag.is_some() {
            return Err(Problem::new("tags are not supported: remove the tag").on(at));
        }
        let node = Node::new(value, at);
        if anchor > 0 {
            let size = self.size - before;
            self.count_copy(size, at)?;
            let deep = node.depth();
            self.anchors.insert(anchor, (node.clone(), size, deep));
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
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let (key, at) = match event {
                Event::MappingEnd => return table(entries),
                // A key is always a string: `8080: …` is the key "8080".
                Event::Scalar(key, _, 0, None) => (key.into_owned(), line(&span)),
                _ => {
                    let message = "a key must be a string, without anchor, alias or tag";
                    return Err(Problem::new(message).on(line(&span)));
                }
            };
            let (event, span) = self.next()?;
            let node = self.node(event, &span, depth + 1);
            let node = node.map_err(|problem| problem.at(&*key, at))?;
            let line = at;
            entries.push(Entry { key, line, node });
        }
    }
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
