//! The route table builder, which rejects contradictory rules.

use super::folded::{FoldedPatterns, covers};
use super::methods::Methods;
use super::pattern::{Parameter, Pattern, Segment};
use super::route_table::{Paths, Route, RouteTable, Routes, Rule, Unmatched};
use super::rule::RouteRule;
use crate::core::Error;
use crate::policy::{Policy, PolicyParser};
use std::{collections::HashMap, sync::Arc};

/// A builder of a [`RouteTable`].
///
/// Methods are `*`, or names separated by blanks or commas. A rule for `GET` also applies to
/// `HEAD`, and to the `CONNECT` that opens a WebSocket over HTTP/2, if no other rule names that
/// method. `*` stands for every method that no other rule of the same pattern names. A method
/// without a rule is denied, even with [`Unmatched::Allow`].
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

impl RouteTable {
    /// Returns a builder; handling of unmatched paths has no default.
    pub fn builder(unmatched: Unmatched) -> RouteTableBuilder {
        RouteTableBuilder { unmatched, rules: Vec::new(), keep_slashes: false }
    }
}

impl RouteTableBuilder {
    /// Requires a login that satisfies the policy, for these methods and paths.
    pub fn guard(
        mut self,
        methods: impl Into<String>,
        pattern: impl Into<String>,
        policy: Policy,
    ) -> Self {
        self.rules.push((methods.into(), pattern.into(), Some(policy)));
        self
    }

    /// Allows these methods and paths without a login.
    pub fn public(mut self, methods: impl Into<String>, pattern: impl Into<String>) -> Self {
        self.rules.push((methods.into(), pattern.into(), None));
        self
    }

    /// Adds rules that were read from a file.
    ///
    /// Their policies may use the custom conditions of the parser.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a rule with both a policy
    /// and `public`, with neither, or with an invalid policy.
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

    /// Accepts paths with an encoded slash (`%2F`), as part of their segment.
    ///
    /// For names that contain slashes. Default: such paths are rejected with 400, because a handler
    /// that decodes the name may treat it as a path.
    pub fn keep_encoded_slashes(mut self) -> Self {
        self.keep_slashes = true;
        self
    }

    /// Checks the rules and builds the table.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for
    /// - an invalid pattern, or one that no request can match,
    /// - two rules for the same method and paths, equal or not,
    /// - two patterns that differ only in case, a last slash or `;parameters` and have different
    ///   rules,
    /// - two patterns that matchit cannot rank, such as `/a/{id}` and `/a/{*rest}`.
    pub fn build(self) -> Result<RouteTable, Error> {
        let (mut routes, mut patterns) = (Vec::<Route>::new(), Vec::new());
        let mut places = HashMap::new();
        for (methods, text, policy) in self.rules {
            let wrong = |why: String| {
                Error::configuration(format!(
                    "the rule '{methods} {text}' of the route table: {why}"
                ))
            };
            let rule = Rule { methods: Methods::parse(&methods).map_err(wrong)?, policy };
            let pattern = Pattern::parse(&text, self.keep_slashes).map_err(wrong)?;
            let exact = pattern.exact();
            let known = places.get(&exact).copied();
            let at = known.unwrap_or_else(|| {
                let folded = pattern.folded();
                routes.push(Route {
                    pattern: text.clone(),
                    segments: pattern.folded_segments(),
                    is_folded: exact == folded,
                    alone: false,
                    rules: Vec::new(),
                });
                places.insert(exact.clone(), patterns.len());
                patterns.push((exact, folded));
                patterns.len() - 1
            });
            routes[at].add(rule).map_err(wrong)?;
        }
        check_spellings(&routes, &patterns)?;
        let mut folded = FoldedPatterns::default();
        for (at, route) in routes.iter().enumerate() {
            folded.insert(&route.segments, at);
        }
        for at in 0..routes.len() {
            routes[at].alone = !routes[at].may_be_empty() && is_alone(at, &routes, &folded);
        }
        let matches_more = |route: &Route| !route.is_folded || has_open_end(&route.segments);
        let folded_match_more = routes.iter().any(matches_more);
        let paths = Paths {
            exact: router(&routes, &patterns)?,
            folded,
            folded_match_more,
            keep_slashes: self.keep_slashes,
        };
        Ok(RouteTable(Arc::new(Routes { routes, paths, unmatched: self.unmatched })))
    }
}

/// Whether a pattern ends in `{*rest}`, and so applies to the path before it too.
fn has_open_end(segments: &[Segment]) -> bool {
    let last = segments.last();
    last.is_some_and(|last| last.parameter == Parameter::Rest)
}

/// Whether only this route's rules apply to a plain path that it matches most closely.
fn is_alone(at: usize, routes: &[Route], folded: &FoldedPatterns) -> bool {
    let mut alone = true;
    let own = &routes[at].segments;
    folded.each_overlapping(own, |other| {
        let segments = &routes[other].segments;
        // A closer pattern would have matched instead, at least in its own spelling.
        let closer = || covers(own, segments) && !has_open_end(segments) && routes[other].is_folded;
        alone &= other == at || covers(segments, own) || closer();
    });
    alone
}

/// Checks that patterns that differ only in how they are written have the same rules.
fn check_spellings(routes: &[Route], patterns: &[(String, String)]) -> Result<(), Error> {
    let mut first = HashMap::new();
    for (at, (_, folded)) in patterns.iter().enumerate() {
        let other = *first.entry(folded).or_insert(at);
        if !routes[other].agrees(&routes[at]) {
            return Err(Error::configuration(format!(
                "the patterns '{}' and '{}' of the route table differ only in how they are written \
                 and have different rules: give both the same, or remove one",
                routes[other].pattern, routes[at].pattern
            )));
        }
    }
    Ok(())
}

fn router(
    routes: &[Route],
    patterns: &[(String, String)],
) -> Result<matchit::Router<usize>, Error> {
    let mut router = matchit::Router::new();
    for (at, (exact, _)) in patterns.iter().enumerate() {
        router.insert(exact, at).map_err(|error| {
            let pattern = &routes[at].pattern;
            Error::configuration(format!("the pattern '{pattern}' of the route table: {error}"))
        })?;
    }
    Ok(router)
}
