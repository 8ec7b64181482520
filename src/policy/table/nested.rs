//! The whole path of a request in a nested router, which sees only the rest.

use super::route_table::{Access, RouteTable};
use crate::core::Error;
use std::borrow::Cow;

impl RouteTable {
    /// Returns the policies for a guard in a nested router, which sees only the rest of the
    /// `original` path; `place` is the pattern at which it is nested.
    ///
    /// # Errors
    /// Also [`ErrorKind::Configuration`] if a pattern matches the rest of the path but none the
    /// whole, or if the whole path cannot be known.
    pub(crate) fn find_nested(
        &self,
        method: &str,
        path: &str,
        original: &str,
        place: Option<&str>,
    ) -> Result<Access<'_>, Error> {
        let Some(whole) = whole_path(path, original, place) else {
            return Err(Error::configuration(
                "a guard in a router that is nested at a parameter, behind middleware that rewrites \
                 paths, cannot know the whole path: put the guard around the whole application",
            ));
        };
        let mut access = Access::default();
        if !self.ask(method, &whole, &mut access)?
            && whole != path
            && !self.find(method, path).is_ok_and(|rest| rest.is_public())
        {
            return Err(Error::configuration(
                "a guard of routes in a nested router: its table has a pattern for the rest of the \
                 request's path and none for the whole of it; write the whole path in the table",
            ));
        }
        Ok(access)
    }
}

/// Returns the path as the outermost router sees it.
///
/// `original` is what the client sent, `place` the pattern at which axum nests the router, and `path`
/// what that router sees. Returns `None` if middleware rewrote the path and its beginning is unknown.
fn whole_path<'a>(path: &'a str, original: &'a str, place: Option<&str>) -> Option<Cow<'a, str>> {
    let Some(place) = place else {
        // Other middleware removed a prefix, or replaced the path.
        return Some(if is_rest(path, original) { original.into() } else { path.into() });
    };
    // axum does not strip a segment with text beside its parameter.
    if place.split('/').any(is_partly_parameter) {
        return (path == original || is_rest(path, original)).then(|| original.into());
    }
    let base = match split_at_place(original, place) {
        Some((_, rest)) if rest.trim_matches('/') == path.trim_matches('/') => {
            return Some(original.into());
        }
        Some((base, _)) => base,
        None if !place.contains('{') => place.trim_end_matches('/'),
        None => return None,
    };
    Some(format!("{base}{path}").into())
}

/// Whether `path` is `original` without a prefix, regardless of slashes around it, which
/// `NormalizePath` may have changed.
fn is_rest(path: &str, original: &str) -> bool {
    let (path, original) = (path.trim_matches('/'), original.trim_end_matches('/'));
    let is_prefix = |base: &str| path.is_empty() || base.ends_with('/');
    original
        .strip_suffix(path)
        .is_some_and(|base| is_prefix(base) && !base.trim_end_matches('/').is_empty())
}

fn is_partly_parameter(segment: &str) -> bool {
    segment.contains('{') && !(segment.starts_with('{') && segment.ends_with('}'))
}

/// Splits a path behind the part that `place` matches.
fn split_at_place<'o>(original: &'o str, place: &str) -> Option<(&'o str, &'o str)> {
    let mut rest = original;
    for wanted in place.trim_end_matches('/').split('/').skip(1) {
        let after = rest.strip_prefix('/')?;
        let (segment, behind) = after.split_at(after.find('/').unwrap_or(after.len()));
        if segment != wanted && !wanted.contains('{') {
            return None;
        }
        rest = behind;
    }
    Some((original.strip_suffix(rest)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_path_is_what_stands_before_the_rest_and_the_rest() {
        for (path, original, place, whole) in [
            ("/users", "/api/users", Some("/api"), Some("/api/users")),
            ("/users", "/api/users/", Some("/api"), Some("/api/users/")),
            ("/users/", "/api/users", Some("/api"), Some("/api/users")),
            ("/users", "/api//users", Some("/api"), Some("/api//users")),
            ("/", "/api", Some("/api"), Some("/api")),
            ("/", "/api/", Some("/api/"), Some("/api/")),
            ("/users", "/a/b/users", Some("/{x}/{y}"), Some("/a/b/users")),
            ("/x/y", "/api/x//y", Some("/api"), Some("/api/x/y")),
            ("/new", "/api/old", Some("/api"), Some("/api/new")),
            ("/new", "/a/old", Some("/{x}"), Some("/a/new")),
            // Middleware rewrote the path before the nested router.
            ("/users", "/old/users", Some("/api"), Some("/api/users")),
            ("/users", "/users", Some("/api"), Some("/api/users")),
            ("/users", "/old", Some("/api/{x}"), None),
            // No prefix was removed.
            ("/v1/users", "/v1/users", Some("/v{n}"), Some("/v1/users")),
            ("/v1/users", "/a/v1/users", Some("/a/v{n}"), Some("/a/v1/users")),
            ("/users", "/a/v1/old", Some("/a/v{n}"), None),
            // Other middleware removed a prefix, or rewrote the path.
            ("/users", "/api/users", None, Some("/api/users")),
            ("/users", "/api/users/", None, Some("/api/users/")),
            ("/", "/api", None, Some("/api")),
            ("/users", "/users/", None, Some("/users")),
            ("/users", "/otherusers", None, Some("/users")),
            ("/new", "/old", None, Some("/new")),
        ] {
            assert_eq!(
                whole_path(path, original, place).as_deref(),
                whole,
                "{path} of {original} at {place:?}"
            );
        }
    }
}
