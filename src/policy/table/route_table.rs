//! Looking up what a request needs.

use super::builder::{RouteTableBuilder, Unmatched};
use super::methods::Methods;
use super::reading;
use crate::core::error::{Error, ErrorKind};
use crate::policy::{Policy, Subject};
use std::fmt;
use std::sync::Arc;

/// Which policy each route has. Cheap to clone.
///
/// Patterns are those of axum: `/articles/{id}` matches one segment, `/assets/{*file}` one or more.
/// Text in them is written as requests have it: `/caf%C3%A9`, not `/café`.
/// Where several match, the closest one counts: text before `{id}` before `{*rest}`, from the
/// left; the order of the rules does not matter.
///
/// # How paths are read
/// A router behind the table may read a path in its own way, so a request must be allowed under
/// each way of reading it: as it stands (axum), decoded (actix-web), and folded: without regard to
/// case, a last slash, and `;parameters`. `/%61dmin`, `/ADMIN` and `/admin/` therefore need what
/// `/admin` needs, *and* what the pattern needs that they match themselves. Paths with an empty,
/// `.` or `..` segment, a backslash, an encoded slash, a control character or broken escapes are
/// refused with 400. A rule for `/admin/{*rest}` counts for `/admin` too where no rule names that.
///
/// Middleware that rewrites paths belongs outside of the guard, so that both see the same path.
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
pub struct RouteTable(Arc<Inner>);

struct Inner {
    routes: Vec<Route>,
    paths: Paths,
    unmatched: Unmatched,
}

/// From a path to the place of its route.
pub(super) struct Paths {
    pub(super) exact: matchit::Router<usize>,
    /// `None` where it would be the same.
    pub(super) folded: Option<matchit::Router<usize>>,
    pub(super) keep_slashes: bool,
}

/// A pattern and its rules.
pub(super) struct Route {
    pattern: String,
    rules: Vec<Rule>,
}

#[derive(Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) methods: Methods,
    /// `None` is public.
    pub(super) policy: Option<Policy>,
}

impl Route {
    pub(super) fn new(pattern: String) -> Self {
        Self {
            pattern,
            rules: Vec::new(),
        }
    }

    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn add(&mut self, rule: Rule) -> Result<(), String> {
        let both = |other: &Rule| match rule.methods {
            Methods::Other => rule.methods == other.methods,
            _ => rule
                .methods
                .names()
                .iter()
                .any(|name| other.methods.has(name)),
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

    /// What counts for a method.
    fn rule(&self, method: &str) -> Option<&Rule> {
        let named = |method: &str| self.rules.iter().find(|rule| rule.methods.has(method));
        let other = || {
            self.rules
                .iter()
                .find(|rule| rule.methods == Methods::Other)
        };
        named(method)
            .or_else(|| named("GET").filter(|_| method == "HEAD"))
            .or_else(other)
    }

    /// Whether both say the same of every method.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let rules = self.rules.iter().chain(&other.rules);
        let mut methods = rules.flat_map(|rule| rule.methods.names());
        let same = |method: &str| {
            self.rule(method).map(|rule| &rule.policy)
                == other.rule(method).map(|rule| &rule.policy)
        };
        // No method has an empty name, so this asks for those that none names.
        same("") && methods.all(|method| same(method))
    }
}

/// What a request needs to be let in.
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
    /// One for each way of reading the path, the same one once.
    policies: [Option<&'t Policy>; 3],
}

impl<'t> Access<'t> {
    /// Whether no login is needed.
    pub fn is_public(&self) -> bool {
        self.policies().next().is_none()
    }

    /// The policies, all of which must consent. Where the path can be read in one way only, there is
    /// at most one.
    pub fn policies(&self) -> impl Iterator<Item = &'t Policy> {
        self.policies.into_iter().flatten()
    }

    /// The consent of these, of which there are no more than of another access.
    pub(crate) fn of(policies: impl IntoIterator<Item = &'t Policy>) -> Self {
        let mut access = Self::default();
        policies.into_iter().for_each(|policy| access.add(policy));
        access
    }

    /// Whether one of them has to wait, so that only [`check_async`](Self::check_async) can ask it.
    pub fn is_async(&self) -> bool {
        self.policies().any(Policy::is_async)
    }

    /// Asks all of them.
    ///
    /// # Errors
    /// As [`Policy::check`].
    pub fn check(&self, subject: &Subject<'_>) -> Result<(), Error> {
        self.policies().try_for_each(|policy| policy.check(subject))
    }

    /// The same where one may have to wait.
    ///
    /// # Errors
    /// As [`Policy::check_async`].
    pub async fn check_async(&self, subject: &Subject<'_>) -> Result<(), Error> {
        for policy in self.policies() {
            policy.check_async(subject).await?;
        }
        Ok(())
    }

    fn add(&mut self, policy: &'t Policy) {
        for place in &mut self.policies {
            match place {
                Some(known) if std::ptr::eq(*known, policy) => return,
                Some(_) => {}
                None => {
                    *place = Some(policy);
                    return;
                }
            }
        }
    }
}

impl RouteTable {
    /// Begins a table. What becomes of paths that it does not name must be said: there is no
    /// default.
    pub fn builder(unmatched: Unmatched) -> RouteTableBuilder {
        RouteTableBuilder::new(unmatched)
    }

    pub(super) fn new(routes: Vec<Route>, paths: Paths, unmatched: Unmatched) -> Self {
        Self(Arc::new(Inner {
            routes,
            paths,
            unmatched,
        }))
    }

    pub(super) fn routes(&self) -> &[Route] {
        &self.0.routes
    }

    pub(super) fn unmatched(&self) -> Unmatched {
        self.0.unmatched
    }

    /// What a request with this method and this path needs; the path as it was sent, without its
    /// query.
    ///
    /// # Errors
    /// - [`ErrorKind::AmbiguousPath`] (400) where the path can be read in ways that nobody should
    ///   guess about,
    /// - [`ErrorKind::Forbidden`] (403) where nothing opens it: no pattern matches and that means
    ///   denial, or the pattern has no rule for the method.
    pub fn find(&self, method: &str, path: &str) -> Result<Access<'_>, Error> {
        let paths = &self.0.paths;
        let readings = reading::read(path, paths.keep_slashes).map_err(|why| {
            Error::new(
                ErrorKind::AmbiguousPath,
                format!("the path of the request is refused for {why}"),
            )
        })?;
        let mut access = Access::default();
        let decoded = readings.decoded.as_deref();
        let folded = readings.folded.as_deref();
        self.need(&paths.exact, method, readings.raw, &mut access)?;
        if let Some(decoded) = decoded {
            self.need(&paths.exact, method, decoded, &mut access)?;
        }
        if folded.is_some() || paths.folded.is_some() {
            let folded = folded.or(decoded).unwrap_or(readings.raw);
            let router = paths.folded.as_ref().unwrap_or(&paths.exact);
            self.need(router, method, folded, &mut access)?;
        }
        Ok(access)
    }

    /// Adds what one reading of the path needs.
    fn need<'t>(
        &'t self,
        router: &matchit::Router<usize>,
        method: &str,
        path: &str,
        access: &mut Access<'t>,
    ) -> Result<(), Error> {
        let Ok(found) = router.at(path) else {
            return match self.0.unmatched {
                Unmatched::Allow => Ok(()),
                Unmatched::Deny => Err(Error::new(
                    ErrorKind::Forbidden,
                    "no pattern of the route table matches the request's path",
                )),
            };
        };
        let route = &self.0.routes[*found.value];
        let Some(rule) = route.rule(method) else {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!(
                    "the route table has no rule for this method of '{}'",
                    route.pattern
                ),
            ));
        };
        if let Some(policy) = &rule.policy {
            access.add(policy);
        }
        Ok(())
    }
}

impl fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteTable")
            .field("routes", &self.0.routes.len())
            .field("unmatched", &self.0.unmatched)
            .finish_non_exhaustive()
    }
}
