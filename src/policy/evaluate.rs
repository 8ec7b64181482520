//! Evaluation of a policy.

use super::condition::Condition;
use super::custom::Check;
use super::explain::{Explanation, Question};
use super::expression::{Node, Policy};
use super::subject::Subject;
use crate::core::{Error, ErrorKind, error::Needs, name::is_scope, telemetry};
use std::{collections::HashSet, future::Future, pin::Pin, slice};

/// Answers of async conditions so far, by name.
type Answers = Vec<(Box<str>, bool)>;

/// Evaluates a node without async conditions.
fn holds(node: &Node, subject: &Subject<'_>) -> bool {
    let (nodes, decisive) = match node {
        Node::Condition(_) => (slice::from_ref(node), false),
        Node::Not(inner) => return !holds(inner, subject),
        Node::All(nodes) => (&**nodes, false),
        Node::Any(nodes) => (&**nodes, true),
    };
    for node in nodes {
        let holds = match node {
            Node::Condition(condition) => condition.holds(subject),
            node => holds(node, subject),
        };
        if holds == decisive {
            return decisive;
        }
    }
    !decisive
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'a>>;

/// Evaluates a node with async conditions.
fn wait<'a>(node: &'a Node, subject: &'a Subject<'a>, answers: &'a mut Answers) -> Waiting<'a> {
    Box::pin(async move {
        let (nodes, decisive) = match node {
            Node::Condition(Condition::Custom(custom)) => {
                let holds = match &custom.check {
                    Check::Now(check) => check(subject),
                    Check::Later(check) => check(subject).await?,
                };
                answers.push((custom.name.clone(), holds));
                return Ok(holds);
            }
            Node::Condition(_) => return Ok(holds(node, subject)),
            Node::Not(inner) => return Ok(!wait(inner, subject, answers).await?),
            Node::All(nodes) => (nodes, false),
            Node::Any(nodes) => (nodes, true),
        };
        for node in nodes {
            let holds = match node.is_async() {
                true => wait(node, subject, &mut *answers).await?,
                false => holds(node, subject),
            };
            if holds == decisive {
                return Ok(decisive);
            }
        }
        Ok(!decisive)
    })
}

impl Policy {
    /// Whether it has an async condition, so that it needs [`check_async`](Self::check_async).
    pub fn is_async(&self) -> bool {
        self.waits
    }

    /// Evaluates the policy for an identity: `Ok` allows the request.
    ///
    /// Conditions are evaluated from left to right, until the answer is certain.
    ///
    /// # Errors
    /// - [`ErrorKind::InsufficientScope`] (403) if the policy denies the request,
    /// - [`ErrorKind::StepUp`] (401) if it would allow the request after a new login, with or
    ///   without a second factor,
    /// - [`ErrorKind::Configuration`] if it has an [async condition](Self::is_async).
    ///
    /// # Example
    /// ```
    /// use jamguard::{ErrorKind, SystemClock};
    /// use jamguard::policy::{ClaimIndex, ClaimPaths, Subject, scope, second_factor};
    /// use std::collections::BTreeMap;
    ///
    /// let claims = ClaimIndex::of(&BTreeMap::from([("scope", "orders.read profile")]))?;
    /// let paths = ClaimPaths::default();
    /// let user = Subject::new(&claims, &paths, &SystemClock);
    ///
    /// assert!(scope("orders.read").check(&user).is_ok());
    /// let refused = scope("orders.write").check(&user).unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::InsufficientScope);
    /// let weak = (scope("orders.read") & second_factor()).check(&user).unwrap_err();
    /// assert_eq!(weak.kind(), ErrorKind::StepUp);
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn check(&self, subject: &Subject<'_>) -> Result<(), Error> {
        if self.waits {
            return Err(Error::configuration(format!(
                "the policy '{self}' has an async condition: evaluate it with .check_async()"
            )));
        }
        if holds(&self.node, subject) { Ok(()) } else { Err(self.denial(subject, &[])) }
    }

    /// Evaluates a policy that may have async conditions.
    ///
    /// Without one it completes at once, and allowing the request allocates nothing.
    ///
    /// # Errors
    /// The denials of [`check`](Self::check), and every error that an async condition returns.
    pub async fn check_async(&self, subject: &Subject<'_>) -> Result<(), Error> {
        let mut answers = Answers::new();
        let allowed = match self.waits {
            true => wait(&self.node, subject, &mut answers).await?,
            false => holds(&self.node, subject),
        };
        if allowed { Ok(()) } else { Err(self.denial(subject, &answers)) }
    }

    /// Explains the decision, for logs and tests, not for the client.
    ///
    /// Async conditions are not evaluated.
    ///
    /// # Example
    /// ```
    /// # use jamguard::SystemClock;
    /// # use jamguard::policy::{ClaimIndex, ClaimPaths, Subject, role, scope};
    /// # use std::collections::BTreeMap;
    /// # let claims = ClaimIndex::of(&BTreeMap::from([("scope", "orders.read")]))?;
    /// # let paths = ClaimPaths::default();
    /// # let user = Subject::new(&claims, &paths, &SystemClock);
    /// let policy = scope("orders.read") & (role("admin") | role("clerk"));
    /// let explanation = policy.explain(&user);
    /// assert_eq!(explanation.is_allowed(), Some(false));
    /// assert_eq!(explanation.deciding(), ["role:admin", "role:clerk"]);
    /// assert_eq!(explanation.to_string(), "\
    /// no: all of <-
    ///   yes: scope:orders.read
    ///   no: any of <-
    ///     no: role:admin <-
    ///     no: role:clerk <-
    /// ");
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn explain(&self, subject: &Subject<'_>) -> Explanation {
        let question = Question { subject, answers: &[], stepped_up: false };
        Explanation::new(&self.node, &question, true)
    }

    #[cold]
    fn denial(&self, subject: &Subject<'_>, answers: &[(Box<str>, bool)]) -> Error {
        let question = Question { subject, answers, stepped_up: false };
        let why = Explanation::new(&self.node, &question, true);
        telemetry::explained(&why);
        let stepped_up = Question { stepped_up: true, ..question };
        let (kind, needs) = match stepped_up.node(&self.node) {
            Some(false) => {
                (ErrorKind::InsufficientScope, Needs { scopes: self.scopes(), ..Needs::default() })
            }
            _ => {
                let mut needs = Needs::default();
                step_up(&self.node, &question, &stepped_up, &mut needs);
                (ErrorKind::StepUp, needs)
            }
        };
        let deciding = why.deciding().join(", ");
        Error::new(kind, format!("the policy '{self}' denies the request: {deciding}"))
            .with_needs(needs)
    }

    /// Returns the scopes that a denial may name (RFC 6750 section 3), separated by spaces.
    ///
    /// Of alternatives it takes the first that has any; a negation contributes none.
    pub(super) fn scopes(&self) -> Option<String> {
        let mut scopes = Vec::new();
        named_scopes(&self.node, &mut scopes);
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }
}

/// Limit for API descriptions: a longer list of alternatives is of no use to a reader.
const MAX_ALTERNATIVES: usize = 16;

impl Policy {
    /// Returns the scopes of each alternative, for API descriptions.
    ///
    /// In an alternative without scopes, other conditions decide.
    pub(super) fn scope_alternatives(&self) -> Vec<Vec<String>> {
        let found = alternatives(&self.node).unwrap_or_default();
        // An empty list would declare the route public.
        if found.is_empty() { vec![Vec::new()] } else { found }
    }
}

/// Returns `None` if there are too many.
fn alternatives(node: &Node) -> Option<Vec<Vec<String>>> {
    let mut found: Vec<Vec<String>> = match node {
        Node::Condition(Condition::Scope(scope)) => vec![vec![scope.to_string()]],
        Node::Condition(_) | Node::Not(_) => vec![Vec::new()],
        Node::Any(nodes) => {
            let each: Option<Vec<_>> = nodes.iter().map(alternatives).collect();
            each?.concat()
        }
        Node::All(nodes) => nodes.iter().try_fold(vec![Vec::new()], |found, node| {
            let next = alternatives(node)?;
            let joined = found.iter().flat_map(|a: &Vec<String>| {
                next.iter().map(move |b| [a.clone(), b.clone()].concat())
            });
            let joined: Vec<_> = joined.take(MAX_ALTERNATIVES + 1).collect();
            (joined.len() <= MAX_ALTERNATIVES).then_some(joined)
        })?,
    };
    found.iter_mut().for_each(|scopes| {
        scopes.sort_unstable();
        scopes.dedup();
    });
    let mut seen = HashSet::new();
    found.retain(|scopes| seen.insert(scopes.clone()));
    (found.len() <= MAX_ALTERNATIVES).then_some(found)
}

fn named_scopes<'a>(node: &'a Node, scopes: &mut Vec<&'a str>) {
    match node {
        Node::Condition(Condition::Scope(scope))
            if is_scope(scope) && !scopes.contains(&&**scope) =>
        {
            scopes.push(scope);
        }
        Node::All(nodes) => nodes.iter().for_each(|node| named_scopes(node, scopes)),
        Node::Any(nodes) => {
            let before = scopes.len();
            let mut nodes = nodes.iter();
            nodes.find(|node| {
                named_scopes(node, scopes);
                scopes.len() > before
            });
        }
        Node::Condition(_) | Node::Not(_) => {}
    }
}

/// Collects what a new login needs for the policy to hold; of alternatives, the first it helps.
fn step_up(node: &Node, now: &Question<'_>, stepped_up: &Question<'_>, needs: &mut Needs) {
    if now.node(node) == Some(true) {
        return;
    }
    match node {
        Node::Condition(Condition::Fresh(within)) => {
            let strictest = needs.max_age.map_or(*within, |other| other.min(*within));
            needs.max_age = Some(strictest);
        }
        Node::Condition(Condition::SecondFactor) => {
            let values = &now.subject.paths.acr_values;
            needs.acr_values = (!values.is_empty()).then(|| values.join(" "));
        }
        Node::All(nodes) => nodes.iter().for_each(|node| step_up(node, now, stepped_up, needs)),
        Node::Any(nodes) => {
            let mut helped = nodes.iter().filter(|node| stepped_up.node(node) != Some(false));
            if let Some(node) = helped.next() {
                step_up(node, now, stepped_up, needs);
            }
        }
        Node::Condition(_) | Node::Not(_) => {}
    }
}
