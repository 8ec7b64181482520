//! Claims indexed by path.

use super::value::{Span, Value, same};
use crate::core::{Error, ErrorKind, debug_fields};
use crate::policy::{claim_paths::ClaimPaths, path::ClaimPath};
use serde::Serialize;
use std::sync::OnceLock;

/// Claims as policies read them: every member of every object, indexed by its path.
///
/// It deserializes from any JSON object, so [`Verified::claims`](crate::Verified::claims) builds it
/// once per cached token and shares it, as with a type of your own. A member that is `null` is
/// absent; values inside a list have no path.
///
/// # Example
/// ```
/// use jamguard::policy::ClaimIndex;
/// use std::collections::BTreeMap;
///
/// let claims = ClaimIndex::of(&BTreeMap::from([("email", "ann@example.com")]))?;
/// assert_eq!(claims.text("email"), Some("ann@example.com"));
/// assert_eq!(claims.text("sub"), None);
/// # Ok::<(), jamguard::Error>(())
/// ```
pub struct ClaimIndex {
    /// All names and texts, concatenated.
    pub(super) text: Box<str>,
    /// An object's entry stands before the entries of its members.
    pub(super) members: Box<[Member]>,
    /// Items of lists, and words of texts.
    pub(super) items: Box<[Value]>,
    /// Hash of each member's path and its index in `members`, sorted by hash.
    ///
    /// With gaps ([`GAP`]): the leading bits of a hash give its position, or the next free one.
    pub(super) table: Box<[(u32, u32)]>,
    /// Number of low hash bits that do not select a position in `table`.
    pub(super) shift: u32,
    /// Cached lookups of the first configuration in use; an application usually has only one.
    pub(super) lookups: OnceLock<PathLookups>,
}

/// The claims at the paths of one configuration, in the order of the paths.
pub(in crate::policy) struct PathLookups {
    /// Id of the [`ClaimPaths`].
    id: u64,
    pub(super) found: Box<[Option<Value>]>,
}

/// Marks a gap in the table.
pub(super) const GAP: u32 = u32::MAX;

pub(super) struct Member {
    /// Index of its object in `members`; [`ROOT`] for the outermost.
    pub(super) parent: u32,
    pub(super) name: Span,
    pub(super) value: Value,
}

pub(super) const ROOT: u32 = u32::MAX;

impl ClaimIndex {
    /// Indexes any value that serializes to a JSON object.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`] if it is not a JSON object.
    pub fn of<T: Serialize + ?Sized>(claims: &T) -> Result<Self, Error> {
        let json = serde_json::to_value(claims).ok();
        json.and_then(|json| Self::build(&json)).ok_or_else(|| {
            let message = "claims must be a JSON object: use a struct or a map with string keys";
            Error::new(ErrorKind::ClaimsMismatch, message)
        })
    }

    #[inline]
    pub(super) fn member(&self, path: &ClaimPath) -> Option<&Member> {
        let hash = path.hash;
        for (found, at) in self.table.get((hash >> self.shift) as usize..)? {
            if *at == GAP || *found > hash {
                return None;
            }
            let member = self.members.get(*at as usize)?;
            if *found == hash && self.is_at(member, path) {
                return Some(member);
            }
        }
        None
    }

    /// Returns the cached lookups of these paths, or `None` if they belong to other paths.
    #[inline]
    pub(in crate::policy) fn lookups(&self, paths: &ClaimPaths) -> Option<&PathLookups> {
        let lookups = self.lookups.get_or_init(|| PathLookups {
            id: paths.id,
            found: paths.all.iter().map(|path| Some(self.member(path)?.value)).collect(),
        });
        (lookups.id == paths.id).then_some(lookups)
    }

    #[inline]
    pub(super) fn list(&self, span: Span) -> &[Value] {
        self.items.get(span.range()).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn list_has(&self, list: Span, text: &[u8]) -> bool {
        self.list(list).iter().any(|item| match item {
            // Lengths usually differ: compare them before the bytes.
            Value::Text(span) if span.length as usize == text.len() => {
                self.bytes(*span).is_some_and(|own| same(own, text))
            }
            _ => false,
        })
    }

    #[inline]
    pub(super) fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.text.as_bytes().get(span.range())
    }

    /// Whether the path leads to this member.
    #[inline]
    fn is_at(&self, member: &Member, path: &ClaimPath) -> bool {
        let is = |member: &Member, name: &str| {
            let own = self.bytes(member.name);
            own.is_some_and(|own| same(own, name.as_bytes()))
        };
        if !is(member, &path.name) {
            return false;
        }
        let mut parent = member.parent;
        for name in &path.around {
            match self.members.get(parent as usize) {
                Some(object) if is(object, name) => parent = object.parent,
                _ => return false,
            }
        }
        parent == ROOT
    }
}

// Shows only the number of claims, because they are personal data.
debug_fields!(ClaimIndex, self, members = self.members.len());

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::policy::claims::Claim;
    use serde_json::json;

    #[test]
    fn paths_with_colliding_hashes_are_distinguished() {
        let (first, second) = ("a", "b");
        let mut index = ClaimIndex::of(&json!({"a": "of a", "b": "of b"})).unwrap();
        // Simulates a hash collision of both names.
        let hash = ClaimPath::from(first).hash;
        let mut table = vec![(0, GAP); (hash >> index.shift) as usize];
        table.extend([(hash, 0), (hash, 1), (0, GAP)]);
        index.table = table.into();
        assert_eq!(index.text(first), Some("of a"));
        let mut path = ClaimPath::from(second);
        path.hash = hash;
        assert_eq!(index.find(&path).unwrap().text(), Some("of b"));
        let mut path = ClaimPath::from("c");
        path.hash = hash;
        assert!(index.find(&path).is_none());

        let nested = ClaimIndex::of(&json!({"o": {"a": "deep"}})).unwrap();
        let hash = ClaimPath::from("o.a").hash;
        for (path, text) in [("a", None), ("x.a", None), ("o.a", Some("deep")), ("x.o.a", None)] {
            let mut path = ClaimPath::from(path);
            path.hash = hash;
            assert_eq!(nested.find(&path).and_then(Claim::text), text, "{path}");
        }
    }
}
