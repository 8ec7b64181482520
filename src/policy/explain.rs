//! Explanations of a policy's decision.

use super::expression::Node;
use super::question::Question;
use serde::Serialize;
use std::fmt;

/// The reason why a policy allows or denies a request: a tree with the result of each part.
///
/// It holds the text of the policy and no claims. Its `Display` is an indented tree, in which an
/// arrow marks the parts that decided.
///
/// [`Policy::explain`](super::Policy::explain) has an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The condition, or `all of`, `any of`, `not`.
    what: String,
    /// `None` if an async condition in it was not evaluated.
    holds: Option<bool>,
    decides: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Explanation>,
}

impl Explanation {
    /// Explains a node; `decides` says whether it can decide about the whole policy.
    pub(super) fn new(node: &Node, question: &Question<'_>, decides: bool) -> Self {
        let holds = question.node(node);
        let part = |inner: &Node| {
            // Parts with the same result as the whole decided it.
            let agrees = matches!(node, Node::Not(_)) || question.node(inner) == holds;
            Self::new(inner, question, decides && agrees)
        };
        let (what, parts) = match node {
            Node::Condition(condition) => (condition.to_string(), Vec::new()),
            Node::Not(inner) => ("not".to_owned(), vec![part(inner)]),
            Node::All(nodes) => ("all of".to_owned(), nodes.iter().map(part).collect()),
            Node::Any(nodes) if nodes.is_empty() => ("never".to_owned(), Vec::new()),
            Node::Any(nodes) => ("any of".to_owned(), nodes.iter().map(part).collect()),
        };
        Self { what, holds, decides, parts }
    }

    /// Whether the policy allows the request; `None` if an async condition decides.
    pub fn is_allowed(&self) -> Option<bool> {
        self.holds
    }

    /// Returns the conditions that decided, as text.
    pub fn deciding(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a str>) {
        if self.decides && self.parts.is_empty() {
            found.push(&self.what);
        }
        self.parts.iter().for_each(|part| part.collect(found));
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let answer = match self.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not asked",
        };
        let arrow = if self.decides { " <-" } else { "" };
        let indent = 2 * depth;
        writeln!(f, "{:indent$}{answer}: {}{arrow}", "", self.what)?;
        self.parts.iter().try_for_each(|part| part.write(f, depth + 1))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}
