//! Pattern matching that ignores case, a last slash and `;parameters`.
//!
//! A router may fold only some of this, and only in some of its routes. With `/{lang}/admin` and
//! `/assets/{*file}`, a router that drops the last slash takes `/ASSETS/admin/` to the first, and
//! one that also ignores case takes it to the second. So every match is reported; none hides
//! another.

use super::pattern::{Parameter, Segment};
use foldhash::HashMap;

/// The patterns of a table, as a tree of folded segments.
#[derive(Default)]
pub(super) struct FoldedPatterns {
    root: Node,
}

#[derive(Default)]
struct Node {
    /// Routes whose patterns end here.
    ends: Vec<usize>,
    /// Routes whose patterns continue with `{*rest}`; they apply to the path that ends here too.
    rests: Vec<usize>,
    /// Routes whose patterns continue with a text and `{*rest}`; they apply to the text alone too.
    prefixed_rests: Vec<(Box<str>, usize)>,
    literals: HashMap<Box<str>, Node>,
    /// Segments with a parameter, by the text before it, which may be empty.
    parameters: Vec<(Box<str>, Node)>,
}

/// The remaining segments of a path folded by [`fold_case`](super::path_variants::fold_case).
struct Segments<'p> {
    rest: Option<&'p str>,
    ends_with_slash: bool,
}

impl<'p> Segments<'p> {
    fn of(path: &'p str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        Self {
            rest: (!trimmed.is_empty()).then_some(trimmed),
            ends_with_slash: trimmed.len() < path.len(),
        }
    }

    /// Returns the next segment and the remaining segments.
    fn next(&self) -> Option<(&'p str, Self)> {
        let (segment, rest) = match self.rest?.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (self.rest?, None),
        };
        let ends_with_slash = self.ends_with_slash;
        Some((segment, Self { rest, ends_with_slash }))
    }

    fn is_slash_next(&self) -> bool {
        self.rest.is_some() || self.ends_with_slash
    }
}

impl FoldedPatterns {
    pub(super) fn insert(&mut self, pattern: &[Segment], route: usize) {
        let mut node = &mut self.root;
        for segment in pattern {
            let literal = segment.literal.as_str();
            node = match segment.parameter {
                Parameter::None => node.literals.entry(literal.into()).or_default(),
                Parameter::One => {
                    let known = node.parameters.iter().position(|(text, _)| **text == *literal);
                    let at = known.unwrap_or_else(|| {
                        node.parameters.push((literal.into(), Node::default()));
                        node.parameters.len() - 1
                    });
                    &mut node.parameters[at].1
                }
                // A pattern ends with its `{*rest}`.
                Parameter::Rest if literal.is_empty() => return node.rests.push(route),
                Parameter::Rest => return node.prefixed_rests.push((literal.into(), route)),
            };
        }
        node.ends.push(route);
    }

    /// Calls `found` for each route whose pattern matches.
    ///
    /// The path is in one case, with its `;parameters` and its last slash.
    pub(super) fn each(&self, path: &str, mut found: impl FnMut(usize)) {
        self.root.each(&Segments::of(path), &mut found);
    }

    /// Calls `found` for each route whose pattern overlaps this one, and perhaps for more.
    pub(super) fn each_overlapping(&self, pattern: &[Segment], mut found: impl FnMut(usize)) {
        self.root.each_overlapping(pattern, &mut found);
    }
}

impl Node {
    fn each(&self, path: &Segments<'_>, found: &mut impl FnMut(usize)) {
        self.rests.iter().for_each(|route| found(*route));
        let Some((segment, behind)) = path.next() else {
            return self.ends.iter().for_each(|route| found(*route));
        };
        let name = super::path_variants::without_parameters(segment);
        if let Some(node) = self.literals.get(name) {
            node.each(&behind, found);
        }
        // A parameter's value may look like `;parameters`. To matchit it may be empty before a slash.
        let holds = |text: &str| {
            segment.starts_with(text) && (segment.len() > text.len() || behind.is_slash_next())
        };
        for (text, node) in &self.parameters {
            if holds(text) {
                node.each(&behind, found);
            }
        }
        for (text, route) in &self.prefixed_rests {
            if segment.starts_with(&**text) {
                found(*route);
            }
        }
    }

    fn each_overlapping(&self, pattern: &[Segment], found: &mut impl FnMut(usize)) {
        self.rests.iter().for_each(|route| found(*route));
        let Some((segment, behind)) = pattern.split_first() else {
            return self.ends.iter().for_each(|route| found(*route));
        };
        let literal = &*segment.literal;
        let follow = |node: &Self, found: &mut _| match segment.parameter {
            Parameter::Rest => node.all(found),
            _ => node.each_overlapping(behind, found),
        };
        if segment.parameter == Parameter::None {
            // Not by comparison with each text: a table may have thousands at one place.
            self.literals.get(literal).into_iter().for_each(|node| follow(node, found));
        } else {
            let alike = self.literals.iter().filter(|(text, _)| text.starts_with(literal));
            alike.for_each(|(_, node)| follow(node, found));
        }
        let alike = |text: &str| {
            literal.starts_with(text)
                || (segment.parameter != Parameter::None && text.starts_with(literal))
        };
        let parameters = self.parameters.iter().filter(|(text, _)| alike(text));
        parameters.for_each(|(_, node)| follow(node, found));
        let rests = self.prefixed_rests.iter().filter(|(text, _)| alike(text));
        rests.for_each(|(_, route)| found(*route));
    }

    fn all(&self, found: &mut impl FnMut(usize)) {
        let rests = self.prefixed_rests.iter().map(|(_, route)| route);
        let routes = self.ends.iter().chain(&self.rests).chain(rests);
        routes.for_each(|route| found(*route));
        let parameters = self.parameters.iter().map(|(_, node)| node);
        self.literals.values().chain(parameters).for_each(|node| node.all(found));
    }
}

/// Whether `wide` matches every path that `narrow` matches.
///
/// A `{*rest}` in `wide` matches the path before it too.
pub(super) fn covers(wide: &[Segment], narrow: &[Segment]) -> bool {
    let (Some((segment, wide)), Some((other, narrow))) = (wide.split_first(), narrow.split_first())
    else {
        return narrow.is_empty() && (wide.is_empty() || is_open_end(wide));
    };
    let text = &*segment.literal;
    let (same, longer) = (other.literal == text, other.literal.len() > text.len());
    match (segment.parameter, other.parameter) {
        _ if !other.literal.starts_with(text) => false,
        (Parameter::None, Parameter::None) => same && covers(wide, narrow),
        (Parameter::None, _) => false,
        // Before a slash, the parameter may be empty.
        (Parameter::One, Parameter::None) => {
            (longer || (same && !narrow.is_empty())) && covers(wide, narrow)
        }
        (Parameter::One, Parameter::One) => covers(wide, narrow),
        (Parameter::One, Parameter::Rest) => false,
        (Parameter::Rest, _) => true,
    }
}

/// Whether these segments are a bare `{*rest}`, which also matches the path before it.
fn is_open_end(segments: &[Segment]) -> bool {
    matches!(segments, [rest] if rest.parameter == Parameter::Rest && rest.literal.is_empty())
}
