//! The route table and its lookup.

use super::folded::{FoldedPatterns, covers};
use super::methods::Methods;
use super::path_variants;
use super::pattern::{Parameter, Segment};
use crate::core::error::Needs;
use crate::core::{Error, ErrorKind, debug_fields};
use crate::policy::{Policy, Subject};
use serde::Deserialize;
use std::{cell::LazyCell, collections::HashSet, sync::Arc};

/// The policy of each route, by method and path pattern. Cheap to clone.
///
/// Patterns use axum's syntax: `/articles/{id}` matches one segment, `/assets/{*file}` one or more.
/// Text in them is spelled as in requests: `/caf%C3%A9`, not `/café`.
///
/// If several patterns match, the closest one applies if it is a special case of the others, as
/// `/users/me` is of `/users/{id}`. If they only overlap, as `/assets/{*file}` and `/{lang}/admin`
/// do in `/assets/admin`, the request must satisfy both, because routers choose differently. The
/// order of the rules does not matter.
///
/// A rule for `/admin/{*rest}` also applies to `/admin` if no rule names that path, and so does one
/// for `/admin{*rest}`. A rule for `/v{n}/admin` also applies to `/v/admin`: axum routes it there,
/// and actix-web to `/{page}/admin`, whose rule applies as well.
///
/// # How paths are read
/// A router behind the table may read a path in its own way, so a request must be allowed under
/// each reading: raw (axum), decoded (actix-web), and folded, which ignores case, a last slash, and
/// `;parameters`. `/%61dmin`, `/ADMIN` and `/admin/` therefore need what `/admin` needs, *and* what
/// every other matching pattern needs, however close: a router that folds only some of this may
/// choose any of them. Paths with an empty, `.` or `..` segment, a backslash, an encoded slash, a
/// control character or broken escapes are rejected with 400.
///
/// # Which routers this covers
/// Every route that has a rule with its own pattern, in
/// - axum 0.8: routes, `merge`, `nest` and fallbacks, with tower-http's `NormalizePath` outside or
///   inside of the guard;
/// - actix-web: resources and scopes, with `NormalizePath` outside or inside of the guard, and
///   segments that are case-insensitive regular expressions, such as `{page:(?i)admin}`, written in
///   the table as `admin`. Register closer routes first, because actix-web takes the first match.
///
/// Write a regular expression that matches several segments as `{*rest}`, and one that matches
/// several texts as a rule for each, or as `{name}`:
/// [`RouteTableBuilder::build`](super::RouteTableBuilder::build) rejects a pattern with a regular
/// expression, with text after a parameter, or with dots and empty segments. A parameter that may
/// be empty, such as `{id:[0-9]*}`, needs a rule for the path without it too.
///
/// axum's `nest_service` receives only what no route beside it matches: if one of two routes is a
/// special case of the other, put both inside of it, or both outside.
///
/// If an actix-web resource has guards, as `#[get]` makes one for the method, requests that they
/// reject continue to the next resource that matches. Name the methods in the closer rule there,
/// instead of `*`: a method without a rule is denied.
///
/// Patterns are whole paths everywhere: a guard inside of `Router::nest` reads the whole path of
/// the request, as the outer router does. Routers of other libraries, and of other versions of
/// axum, do not pass the whole path on: put the guard around those.
///
/// Place middleware that rewrites paths in other ways outside of the guard, so that the guard and
/// the router see the same path.
///
/// # Example
/// ```
/// use jamguard::policy::{RouteTable, Unmatched, role};
///
/// let table = RouteTable::builder(Unmatched::Allow)
///     .guard("*", "/admin/{*rest}", role("admin"))
///     .build()?;
/// assert!(table.find("GET", "/news")?.is_public());
/// assert!(!table.find("GET", "/%61DMIN/users/")?.is_public());
/// assert_eq!(table.find("GET", "//admin/users").unwrap_err().kind(), jamguard::ErrorKind::AmbiguousPath);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct RouteTable(pub(super) Arc<Routes>);

/// Handling of a request whose path no pattern matches; `deny` or `allow` in a file.
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
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(description = "Handling of a path that no rule matches.")
)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// Denies the request with 403: only what the table opens is reachable.
    Deny,
    /// Continues without a login: the table restricts only the paths it names.
    Allow,
}

pub(super) struct Routes {
    pub(super) routes: Vec<Route>,
    pub(super) paths: Paths,
    pub(super) unmatched: Unmatched,
}

/// The lookup of a route's index by path.
pub(super) struct Paths {
    /// The closest pattern, without folding.
    pub(super) exact: matchit::Router<usize>,
    pub(super) folded: FoldedPatterns,
    /// Whether the folded patterns match plain paths that `exact` does not.
    pub(super) folded_match_more: bool,
    pub(super) keep_slashes: bool,
}

/// A pattern and its rules.
pub(super) struct Route {
    pub(super) pattern: String,
    /// Folded.
    pub(super) segments: Vec<Segment>,
    /// Whether the pattern is spelled like its folded segments.
    pub(super) is_folded: bool,
    /// Whether no other route can apply to a plain path that this one matches most closely.
    pub(super) alone: bool,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) methods: Methods,
    /// `None`: public.
    pub(super) policy: Option<Policy>,
}

impl Route {
    /// Whether matchit may match the pattern with an empty parameter, as it does after literal text.
    pub(super) fn may_be_empty(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|segment| segment.parameter == Parameter::One && !segment.literal.is_empty())
    }

    pub(super) fn add(&mut self, rule: Rule) -> Result<(), String> {
        let both = |other: &Rule| match rule.methods {
            Methods::Other => rule.methods == other.methods,
            _ => rule.methods.names().iter().any(|name| other.methods.has(name)),
        };
        if let Some(other) = self.rules.iter().find(|other| both(other)) {
            let (methods, pattern) = (&other.methods, &self.pattern);
            return Err(match other.policy == rule.policy {
                true => format!("'{methods} {pattern}' says the same already: remove one"),
                false => format!("'{methods} {pattern}' says otherwise: keep one"),
            });
        }
        self.rules.push(rule);
        Ok(())
    }

    /// Returns the rule that applies to a method.
    fn rule(&self, method: &str) -> Option<&Rule> {
        let named = |method: &str| self.rules.iter().find(|rule| rule.methods.has(method));
        let other = || self.rules.iter().find(|rule| rule.methods == Methods::Other);
        named(method)
            // A CONNECT with a path opens a WebSocket over HTTP/2, as a GET does over HTTP/1.1 (RFC
            // 8441 section 4).
            .or_else(|| named("GET").filter(|_| matches!(method, "HEAD" | "CONNECT")))
            .or_else(other)
    }

    /// Whether both have equal policies for every method.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let rules = self.rules.iter().chain(&other.rules);
        let mut methods = rules.flat_map(|rule| rule.methods.names());
        let same = |method: &str| {
            self.rule(method).map(|rule| &rule.policy)
                == other.rule(method).map(|rule| &rule.policy)
        };
        // The empty name stands for all methods that no rule names.
        same("") && methods.all(|method| same(method))
    }
}

/// The policies that a request must satisfy.
///
/// # Example
/// ```
/// # use jamguard::policy::{RouteTable, Subject};
/// fn may_enter(table: &RouteTable, user: Option<&Subject<'_>>) -> Result<bool, jamguard::Error> {
///     let access = table.find("GET", "/articles/42")?;
///     match user {
///         Some(user) => access.check(user).map(|()| true),
///         None => Ok(access.is_public()),
///     }
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Access<'t> {
    /// The first policies, without duplicates, stored inline.
    policies: [Option<&'t Policy>; 3],
    more: Vec<&'t Policy>,
}

impl<'t> Access<'t> {
    /// Whether no login is needed.
    pub fn is_public(&self) -> bool {
        self.policies[0].is_none()
    }

    /// Returns the policies, all of which must allow the request.
    ///
    /// More than one applies only if the path has several readings, or if overlapping patterns
    /// match it.
    pub fn policies(&self) -> impl Iterator<Item = &'t Policy> {
        let first = self.policies.into_iter().flatten();
        first.chain(self.more.iter().copied())
    }

    /// Whether a policy needs [`check_async`](Self::check_async).
    pub fn is_async(&self) -> bool {
        self.policies().any(Policy::is_async)
    }

    /// Evaluates all policies.
    ///
    /// # Errors
    /// The first error of [`Policy::check`]; a lack of scopes names the scopes of all policies.
    pub fn check(&self, subject: &Subject<'_>) -> Result<(), Error> {
        let answer = self.policies().try_for_each(|policy| policy.check(subject));
        answer.map_err(|error| self.with_all_scopes(error))
    }

    /// Evaluates all policies, including async conditions.
    ///
    /// # Errors
    /// The first error of [`Policy::check_async`]; a lack of scopes names the scopes of all policies.
    pub async fn check_async(&self, subject: &Subject<'_>) -> Result<(), Error> {
        for policy in self.policies() {
            let answer = policy.check_async(subject).await;
            answer.map_err(|error| self.with_all_scopes(error))?;
        }
        Ok(())
    }

    /// Adds the scopes of all policies to a denial, so that clients ask for them at once.
    #[cold]
    fn with_all_scopes(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::InsufficientScope {
            return error;
        }
        let all: Vec<String> = self.policies().filter_map(Policy::scopes).collect();
        let mut known = HashSet::new();
        let scopes = all.iter().flat_map(|scopes| scopes.split(' '));
        let scopes: Vec<&str> = scopes.filter(|scope| known.insert(*scope)).collect();
        let scopes = (!scopes.is_empty()).then(|| scopes.join(" "));
        error.with_needs(Needs { scopes, ..Needs::default() })
    }

    fn add(&mut self, policy: &'t Policy) {
        if self.policies().any(|known| std::ptr::eq(known, policy)) {
            return;
        }
        match self.policies.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(policy),
            None => self.more.push(policy),
        }
    }
}

/// Collects policies that must all allow the request.
impl<'t> FromIterator<&'t Policy> for Access<'t> {
    fn from_iter<I: IntoIterator<Item = &'t Policy>>(policies: I) -> Self {
        let mut access = Self::default();
        policies.into_iter().for_each(|policy| access.add(policy));
        access
    }
}

impl RouteTable {
    /// Returns the policies for a method and a path as sent, without its query.
    ///
    /// # Errors
    /// - [`ErrorKind::AmbiguousPath`] (400) if routers may read the path differently,
    /// - [`ErrorKind::Forbidden`] (403) if no pattern matches and the table denies unmatched paths,
    ///   or if the pattern has no rule for the method.
    pub fn find(&self, method: &str, path: &str) -> Result<Access<'_>, Error> {
        let mut access = Access::default();
        self.ask(method, path, &mut access)?;
        Ok(access)
    }

    /// Adds the policies for a path, and returns whether any pattern matched.
    pub(super) fn ask<'t>(
        &'t self,
        method: &str,
        path: &str,
        access: &mut Access<'t>,
    ) -> Result<bool, Error> {
        let paths = &self.0.paths;
        let variants = path_variants::read(path, paths.keep_slashes).map_err(|why| {
            let message = format!("the path of the request is refused for {why}");
            Error::new(ErrorKind::AmbiguousPath, message)
        })?;
        let closest = self.closest(variants.raw);
        self.need(closest, method, access)?;
        let settled = match closest {
            Some(closest) => self.0.routes[closest].alone,
            None => !paths.folded_match_more,
        };
        if settled && variants.is_plain() {
            return Ok(closest.is_some());
        }
        let mut same = true;
        if let Some(decoded) = &variants.decoded {
            let other = self.closest(decoded);
            self.need(other, method, access)?;
            same = other == closest;
        }
        // If all readings have the same closest pattern, it hides the patterns that cover it.
        let hiding = LazyCell::new(|| {
            let closest = closest.filter(|_| same)?;
            let folded = variants.folded();
            let hides = self.is_full(closest, variants.raw)
                && self.closest(&folded) == Some(closest)
                && self.is_full(closest, &folded);
            hides.then(|| &*self.0.routes[closest].segments)
        });
        let (mut matched, mut answer) = (false, Ok(()));
        paths.folded.each(variants.in_one_case(), |route| {
            matched = true;
            // The policies of the closest are there already.
            if answer.is_err() || Some(route) == closest {
                return;
            }
            let segments = &self.0.routes[route].segments;
            if !hiding.is_some_and(|hiding| covers(segments, hiding)) {
                answer = self.need(Some(route), method, access);
            }
        });
        answer?;
        if !matched {
            self.need(None, method, access)?;
        }
        Ok(matched || closest.is_some())
    }

    /// Returns the route of the closest pattern, without folding.
    fn closest(&self, path: &str) -> Option<usize> {
        self.0.paths.exact.at(path).ok().map(|found| *found.value)
    }

    /// Whether each parameter of a route's pattern has a value in this path.
    ///
    /// matchit matches `/v/x` with `/v{n}/x`; actix-web continues to `/{a}/x`.
    fn is_full(&self, route: usize, path: &str) -> bool {
        if !self.0.routes[route].may_be_empty() {
            return true;
        }
        let found = self.0.paths.exact.at(path);
        found.is_ok_and(|found| found.params.iter().all(|(_, value)| !value.is_empty()))
    }

    /// Adds the policy of a route, or applies the handling of unmatched paths.
    fn need<'t>(
        &'t self,
        route: Option<usize>,
        method: &str,
        access: &mut Access<'t>,
    ) -> Result<(), Error> {
        let Some(route) = route else {
            return match self.0.unmatched {
                Unmatched::Allow => Ok(()),
                Unmatched::Deny => Err(Error::new(
                    ErrorKind::Forbidden,
                    "no pattern of the route table matches the request's path",
                )),
            };
        };
        let route = &self.0.routes[route];
        let Some(rule) = route.rule(method) else {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!("the route table has no rule for this method of '{}'", route.pattern),
            ));
        };
        if let Some(policy) = &rule.policy {
            access.add(policy);
        }
        Ok(())
    }
}

debug_fields!(RouteTable, self, routes = self.0.routes.len(), unmatched = self.0.unmatched);
