//! A policy: conditions, combined.

use super::leaf::Leaf;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

/// What an identity must be like to be let in: conditions, combined with `&`, `|` and `!`.
///
/// It is data: it can be cloned, compared, printed, parsed from text ([`PolicyParser`] says how
/// that text is written), and serialized as that text. It is asked only about somebody who is
/// logged in; nothing in it can open a route to anonymous requests.
///
/// # Missing claims
/// A condition on a claim that is not there is false, and so **its negation is true**:
/// `!role("suspended")` also lets in whoever has no roles at all, such as everybody whose issuer
/// names its roles elsewhere. Where that matters, ask for the claim as well:
/// `claim("roles").exists() & !role("suspended")`.
///
/// # Empty names
/// `role("")` is [`never()`](super::never), and so are the other conditions on a name: where the name
/// comes from a setting that is missing, nobody is let in. In a text it is an error.
///
/// # Example
/// ```
/// use jamguard::Policy;
/// use jamguard::policy::{email_domain, role, scope};
///
/// let policy = scope("orders.read") & (role("admin") | email_domain("example.com")) & !role("suspended");
/// let text = "scope:orders.read & (role:admin | email_domain:example.com) & !role:suspended";
/// assert_eq!(policy.to_string(), text);
/// assert_eq!(policy, text.parse::<Policy>()?);
/// # Ok::<(), jamguard::Error>(())
/// ```
///
/// [`PolicyParser`]: super::PolicyParser
#[must_use = "a policy decides nothing until it is asked"]
#[derive(Clone, PartialEq)]
pub struct Policy {
    pub(super) node: Node,
    /// Whether something in it waits.
    pub(super) waits: bool,
}

/// Of this shape only: `All` and `Any` have two members or more (`Any` may have none, which is
/// `never`) and none of their own kind, `Not` holds no `Not`.
#[derive(Clone, PartialEq)]
pub(super) enum Node {
    Leaf(Leaf),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

impl Node {
    pub(super) const NEVER: Self = Self::Any(Vec::new());

    pub(super) fn all(nodes: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for node in nodes {
            match node {
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Self::NEVER,
            1 => flat.remove(0),
            _ => Self::All(flat),
        }
    }

    pub(super) fn any(nodes: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for node in nodes {
            match node {
                Self::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Self::Any(flat),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn is_async(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.is_async(),
            Self::Not(inner) => inner.is_async(),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::is_async),
        }
    }
}

impl BitAnd for Policy {
    type Output = Self;

    /// Both.
    fn bitand(self, other: Self) -> Self {
        Self {
            node: Node::all([self.node, other.node]),
            waits: self.waits || other.waits,
        }
    }
}

impl BitOr for Policy {
    type Output = Self;

    /// One of the two, or both.
    fn bitor(self, other: Self) -> Self {
        Self {
            node: Node::any([self.node, other.node]),
            waits: self.waits || other.waits,
        }
    }
}

impl Not for Policy {
    type Output = Self;

    /// Not: also true of a claim that is [missing](Policy#missing-claims).
    fn not(self) -> Self {
        Self {
            node: self.node.not(),
            ..self
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({self})")
    }
}

impl From<Node> for Policy {
    fn from(node: Node) -> Self {
        Self {
            waits: node.is_async(),
            node,
        }
    }
}

impl From<Leaf> for Policy {
    fn from(leaf: Leaf) -> Self {
        Node::Leaf(leaf).into()
    }
}
