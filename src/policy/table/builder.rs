//! Building a table, and refusing one that cannot mean what it says.

use super::folded::{FoldedPatterns, covers};
use super::methods::Methods;
use super::pattern::{Parameter, Pattern, Segment};
use super::route_table::{Paths, Route, RouteTable, Rule};
use super::rule::RouteRule;
use crate::core::error::Error;
use crate::policy::{Policy, PolicyParser};
use serde::Deserialize;
use std::collections::HashMap;

/// What becomes of a request whose path no pattern matches; `deny` or `allow` in a file.
///
/// # Example
/// ```
/// use jamguard::policy::{RouteTable, Unmatched};
/// let closed = RouteTable::builder(Unmatched::Deny).build()?;
/// assert!(closed.find("GET", "/").is_err());
/// let open = RouteTable::builder(Unmatched::Allow).build()?;
/// assert!(open.find("GET", "/")?.is_public());
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(
    test,
    schemars(description = "What becomes of a path that no rule names.")
)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// It is refused with 403: what the table does not open is closed.
    Deny,
    /// It goes on, without a login: the table closes what it names.
    Allow,
}

/// Builds a [`RouteTable`].
///
/// Methods are `*`, or names with blanks or commas in between. A rule for `GET` is also one for
/// `HEAD`, and for the `CONNECT` that opens a WebSocket over HTTP/2, unless another names that. `*` stands for every method that no other rule of the same
/// pattern names; a method that none covers is refused, whatever becomes of other paths.
///
/// # Example
/// ```
/// use jamguard::policy::{RouteTable, Unmatched, authenticated, role};
///
/// let table = RouteTable::builder(Unmatched::Deny)
///     .public("GET", "/assets/{*file}")
///     .guard("GET", "/articles/{id}", authenticated())
///     .guard("PUT DELETE", "/articles/{id}", role("editor"))
///     .build()?;
///
/// let contradiction = RouteTable::builder(Unmatched::Deny)
///     .public("GET", "/articles/{id}")
///     .guard("GET", "/articles/{number}", role("editor"))
///     .build();
/// assert!(contradiction.is_err());
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use = "call .build()"]
#[derive(Clone, Debug)]
pub struct RouteTableBuilder {
    unmatched: Unmatched,
    rules: Vec<(String, String, Option<Policy>)>,
    keep_slashes: bool,
}

impl RouteTableBuilder {
    pub(super) fn new(unmatched: Unmatched) -> Self {
        Self {
            unmatched,
            rules: Vec::new(),
            keep_slashes: false,
        }
    }

    /// These methods of these paths need a login, and the policy's consent.
    pub fn guard(
        mut self,
        methods: impl Into<String>,
        pattern: impl Into<String>,
        policy: Policy,
    ) -> Self {
        self.rules
            .push((methods.into(), pattern.into(), Some(policy)));
        self
    }

    /// These methods of these paths are everybody's.
    pub fn public(mut self, methods: impl Into<String>, pattern: impl Into<String>) -> Self {
        self.rules.push((methods.into(), pattern.into(), None));
        self
    }

    /// Adds rules that were read from a file. Policies may name the conditions that the parser
    /// knows.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a rule that names both a
    /// policy and `public`, or neither, or whose policy cannot be read.
    pub fn rules(
        self,
        rules: impl IntoIterator<Item = RouteRule>,
        parser: &PolicyParser,
    ) -> Result<Self, Error> {
        rules.into_iter().try_fold(self, |mut table, rule| {
            table.rules.push(rule.read(parser)?);
            Ok(table)
        })
    }

    /// Lets through paths with an encoded slash (`%2F`), as part of the segment in which it stands:
    /// for names that hold slashes. Without this they are refused, since a handler that decodes
    /// such a name may take it for a path.
    pub fn keep_encoded_slashes(mut self) -> Self {
        self.keep_slashes = true;
        self
    }

    /// Checks the rules and builds the table.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for
    /// - a pattern that cannot be read, or that no request can ever match,
    /// - two rules for the same method and paths, alike or not,
    /// - two patterns that differ only in case, a last slash or `;parameters`, and have different
    ///   rules,
    /// - two patterns of which matchit cannot say which is the closer one, such as `/a/{id}` and
    ///   `/a/{*rest}`.
    pub fn build(self) -> Result<RouteTable, Error> {
        let (mut routes, mut exact, mut spellings) = (Vec::new(), Keys::default(), Keys::default());
        for (methods, text, policy) in self.rules {
            let wrong = |why: String| {
                Error::configuration(format!(
                    "the rule '{methods} {text}' of the route table: {why}"
                ))
            };
            let rule = Rule {
                methods: Methods::parse(&methods).map_err(wrong)?,
                policy,
            };
            let pattern = Pattern::parse(&text, self.keep_slashes).map_err(wrong)?;
            let (spelled, folded) = (pattern.exact(), pattern.folded());
            let is_folded = spelled == folded;
            let at = *exact.places.entry(spelled).or_insert_with(|| {
                routes.push(Route::new(
                    text.clone(),
                    pattern.folded_segments(),
                    is_folded,
                ));
                let at = routes.len() - 1;
                spellings.add(folded, at);
                at
            });
            routes[at].add(rule).map_err(wrong)?;
        }
        spellings.must_agree(&routes)?;
        let mut folded = FoldedPatterns::default();
        for (at, route) in routes.iter().enumerate() {
            folded.insert(route.segments(), at);
        }
        for at in 0..routes.len() {
            routes[at].alone = !routes[at].may_be_empty() && is_alone(at, &routes, &folded);
        }
        let matches_more = |route: &Route| !route.is_folded() || has_open_end(route.segments());
        let folded_match_more = routes.iter().any(matches_more);
        let paths = Paths {
            exact: exact.router(&routes)?,
            folded,
            folded_match_more,
            keep_slashes: self.keep_slashes,
        };
        Ok(RouteTable::new(routes, paths, self.unmatched))
    }
}

/// Whether a pattern ends in `{*rest}`, and so counts for the path before that too.
fn has_open_end(segments: &[Segment]) -> bool {
    let last = segments.last();
    last.is_some_and(|last| last.parameter == Parameter::Rest)
}

/// Whether no other rule than a route's own counts for a plain path of which it is the closest.
fn is_alone(at: usize, routes: &[Route], folded: &FoldedPatterns) -> bool {
    let mut alone = true;
    let own = routes[at].segments();
    folded.each_overlapping(own, |other| {
        let segments = routes[other].segments();
        // A closer pattern would be found in this one's place, in its own spelling at least.
        let closer =
            || covers(own, segments) && !has_open_end(segments) && routes[other].is_folded();
        alone &= other == at || covers(segments, own) || closer();
    });
    alone
}

/// The routes by their patterns, in one spelling.
#[derive(Default)]
struct Keys {
    places: HashMap<String, usize>,
    /// Routes that have a pattern in common with an earlier one.
    doubles: Vec<(usize, usize)>,
}

impl Keys {
    fn add(&mut self, key: String, at: usize) {
        let first = *self.places.entry(key).or_insert(at);
        if first != at {
            self.doubles.push((first, at));
        }
    }

    fn must_agree(&self, routes: &[Route]) -> Result<(), Error> {
        let differ = |(a, b): &&(usize, usize)| !routes[*a].agrees(&routes[*b]);
        match self.doubles.iter().find(differ) {
            None => Ok(()),
            Some((a, b)) => Err(Error::configuration(format!(
                "the patterns '{}' and '{}' of the route table differ only in how they are written \
                 and have different rules: give both the same, or remove one",
                routes[*a].pattern(),
                routes[*b].pattern()
            ))),
        }
    }

    fn router(&self, routes: &[Route]) -> Result<matchit::Router<usize>, Error> {
        let mut router = matchit::Router::new();
        // In one order, so that an error is the same each time.
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort_unstable_by_key(|(key, at)| (**at, *key));
        for (key, at) in places {
            router.insert(key.as_str(), *at).map_err(|error| {
                Error::configuration(format!(
                    "the pattern '{}' of the route table: {error}",
                    routes[*at].pattern()
                ))
            })?;
        }
        Ok(router)
    }
}
