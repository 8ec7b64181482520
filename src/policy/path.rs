//! Paths of claims.

use std::fmt;

/// The path of a claim: the name of a member, or the names that lead to it from the outside in.
///
/// A string is split at its dots. An array of names is taken as it is, for names that contain dots.
///
/// # Example
/// ```
/// use jamguard::policy::ClaimPath;
///
/// let roles = ClaimPath::from("realm_access.roles");           // Keycloak
/// assert_eq!(roles, ClaimPath::from(["realm_access", "roles"]));
/// let own = ClaimPath::from(["https://example.com/roles"]);    // one name, with a dot in it
/// assert_eq!(own.to_string(), "\"https://example.com/roles\"");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimPath {
    pub(super) hash: u32,
    /// The claim's own name.
    pub(super) name: Box<str>,
    /// The names of the enclosing objects, from the inside out.
    pub(super) around: Box<[Box<str>]>,
}

impl ClaimPath {
    fn new(names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let mut names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        let hash = match names.is_empty() {
            true => PathHash::ROOT.member(""),
            false => names.iter().fold(PathHash::ROOT, |hash, name| hash.member(name)),
        };
        let name = names.pop().unwrap_or_default();
        names.reverse();
        Self { hash: hash.finish(), name, around: names.into() }
    }

    /// Returns the path of a member of this object.
    pub(super) fn member(&self, name: &str) -> Self {
        Self::new(self.names().chain([name]))
    }

    /// Returns the names from the outside in.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let around = self.around.iter().rev();
        around.map(|name| &**name).chain([&*self.name])
    }
}

impl From<&str> for ClaimPath {
    fn from(dotted: &str) -> Self {
        Self::new(dotted.split('.'))
    }
}

impl From<String> for ClaimPath {
    fn from(dotted: String) -> Self {
        Self::from(&*dotted)
    }
}

impl<const N: usize> From<[&str; N]> for ClaimPath {
    fn from(names: [&str; N]) -> Self {
        Self::new(names)
    }
}

impl From<Vec<String>> for ClaimPath {
    fn from(names: Vec<String>) -> Self {
        Self::new(names)
    }
}

impl fmt::Debug for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An FNV-1a hash of the names of a path.
///
/// It only narrows the search: names are always compared in full, and each collision costs one
/// comparison.
#[derive(Clone, Copy)]
pub(super) struct PathHash(u64);

impl PathHash {
    pub(super) const ROOT: Self = Self(0xcbf2_9ce4_8422_2325);

    pub(super) fn member(self, name: &str) -> Self {
        // A separator: this byte does not occur in UTF-8.
        let bytes = name.bytes().chain([0xff]);
        Self(bytes.fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    pub(super) fn finish(self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }
}
