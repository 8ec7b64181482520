//! Evaluation of a policy for explanations, while answers are missing.

use super::condition::Condition;
use super::expression::Node;
use super::subject::Subject;

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
