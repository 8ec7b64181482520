//! Explanations of a policy's decision.

use super::condition::Condition;
use super::expression::Node;
use super::subject::Subject;
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

/// A three-valued evaluation: `None` where an async condition has not been evaluated.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) answers: &'a [(Box<str>, bool)],
    /// Evaluates as if the user had just logged in with two factors.
    pub(super) stepped_up: bool,
}

impl Question<'_> {
    fn condition(&self, condition: &Condition) -> Option<bool> {
        match condition {
            condition if self.stepped_up && condition.is_step_up() => Some(true),
            Condition::Custom(custom) if condition.is_async() => {
                let mut answers = self.answers.iter();
                answers.find(|(name, _)| *name == custom.name).map(|(_, answer)| *answer)
            }
            condition => Some(condition.holds(self.subject)),
        }
    }

    pub(super) fn node(&self, node: &Node) -> Option<bool> {
        match node {
            Node::Condition(condition) => self.condition(condition),
            Node::Not(inner) => self.node(inner).map(|holds| !holds),
            Node::All(nodes) => self.unless(nodes, false),
            Node::Any(nodes) => self.unless(nodes, true),
        }
    }

    /// Returns `decisive` if any node is, and its opposite if no node can be.
    fn unless(&self, nodes: &[Node], decisive: bool) -> Option<bool> {
        let mut outcome = Some(!decisive);
        for node in nodes {
            match self.node(node) {
                Some(holds) if holds == decisive => return Some(decisive),
                Some(_) => {}
                None => outcome = None,
            }
        }
        outcome
    }
}
