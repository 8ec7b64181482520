//! The policy type: conditions combined with boolean operators.

use super::condition::Condition;
use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

/// Requirements on an identity: conditions combined with `&`, `|` and `!`.
///
/// A policy is plain data: it can be cloned, compared, printed, parsed from text (the grammar is at
/// [`PolicyParser`]) and serialized as that text. It is evaluated only for logged-in users; nothing
/// in it can open a route to anonymous requests.
///
/// # Missing claims
/// A condition on a missing claim is false, and so **its negation is true**: `!role("suspended")`
/// also allows users without any roles, such as all users of an issuer that names its roles
/// elsewhere. Where that matters, require the claim as well: `claim("roles").exists() &
/// !role("suspended")`.
///
/// # Empty names
/// `role("")` and every other condition on an empty name is [`never()`](super::never): a missing
/// setting denies every request. In a policy text an empty name is an error.
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
#[must_use = "a policy has no effect until it is checked"]
#[derive(Clone, PartialEq)]
pub struct Policy {
    pub(super) node: Node,
    /// Whether it has an async condition.
    pub(super) waits: bool,
}

/// A normalised tree of conditions.
///
/// `All` and `Any` hold two or more nodes, none of their own kind; an empty `Any` is `never`. `Not`
/// holds no `Not`.
#[derive(Clone, PartialEq)]
pub(super) enum Node {
    Condition(Condition),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

impl Node {
    pub(super) const NEVER: Self = Self::Any(Vec::new());

    pub(super) fn all(nodes: impl IntoIterator<Item = Self>) -> Self {
        let inner = |node| if let Self::All(inner) = node { inner } else { vec![node] };
        Self::joined(nodes.into_iter().flat_map(inner).collect(), Self::All)
    }

    pub(super) fn any(nodes: impl IntoIterator<Item = Self>) -> Self {
        let inner = |node| if let Self::Any(inner) = node { inner } else { vec![node] };
        Self::joined(nodes.into_iter().flat_map(inner).collect(), Self::Any)
    }

    fn joined(mut nodes: Vec<Self>, join: fn(Vec<Self>) -> Self) -> Self {
        match nodes.len() {
            0 => Self::NEVER,
            1 => nodes.remove(0),
            _ => join(nodes),
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
            Self::Condition(condition) => condition.is_async(),
            Self::Not(inner) => inner.is_async(),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::is_async),
        }
    }
}

impl BitAnd for Policy {
    type Output = Self;

    /// Requires both policies.
    fn bitand(self, other: Self) -> Self {
        Self { node: Node::all([self.node, other.node]), waits: self.waits || other.waits }
    }
}

impl BitOr for Policy {
    type Output = Self;

    /// Requires at least one of the two policies.
    fn bitor(self, other: Self) -> Self {
        Self { node: Node::any([self.node, other.node]), waits: self.waits || other.waits }
    }
}

impl Not for Policy {
    type Output = Self;

    /// Negates the policy; a [missing claim](Policy#missing-claims) makes a negation true.
    fn not(self) -> Self {
        Self { node: self.node.not(), ..self }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({self})")
    }
}

impl From<Node> for Policy {
    fn from(node: Node) -> Self {
        Self { waits: node.is_async(), node }
    }
}

impl From<Condition> for Policy {
    fn from(condition: Condition) -> Self {
        Node::Condition(condition).into()
    }
}
