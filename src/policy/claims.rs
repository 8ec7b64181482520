//! Claims prepared for policies: parsed once, then looked up without allocation.

use super::claim_paths::ClaimPaths;
use super::path::{ClaimPath, PathHash};
use super::scalar::{Kind, Number, Scalar};
use crate::core::error::{Error, ErrorKind};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use std::fmt;
use std::sync::OnceLock;

/// Claims as policies read them: every member of every object can be found by its path at once.
///
/// It decodes from any JSON object, so [`Verified::claims`](crate::Verified::claims) makes it once
/// per cached token and shares it, like a type of yours. Members that are `null` count as absent;
/// what stands inside of a list has no path.
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
    /// Every name and text, one behind the other.
    text: Box<str>,
    /// An object's own before its members'.
    members: Box<[Member]>,
    /// The members of lists, and the words of texts.
    items: Box<[Value]>,
    /// The hash of each member's path and its place in `members`, in the order of the hashes, with
    /// gaps ([`GAP`]): an entry stands where its hash's first bits say, or behind those before it.
    table: Box<[(u32, u32)]>,
    /// How many bits of a hash are not those.
    shift: u32,
    /// The claims of the paths by which policies asked first; as a rule there are no others.
    places: OnceLock<Places>,
}

/// The claims that some paths lead to, in the paths' order.
pub(super) struct Places {
    /// Of the paths.
    id: u64,
    /// Places in `members`; [`GAP`] where there is none.
    found: Box<[u32]>,
}

/// Nobody's place.
const GAP: u32 = u32::MAX;

struct Member {
    /// Its object's place in `members`; [`ROOT`] for the outermost.
    parent: u32,
    name: Span,
    value: Value,
}

const ROOT: u32 = u32::MAX;

/// A part of the index's text or items.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

impl Span {
    #[inline]
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
    }
}

#[derive(Clone, Copy)]
enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(Span),
    /// A text with spaces: as it is, and the place of its words among the items.
    Words(u32),
    List(Span),
    Object,
    /// Inside of a list: null, a list, an object.
    Other,
}

/// Whether both are the same: names and words are short, and this is done with them before a call to
/// the system's comparison would have begun.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    /// Equal ends that meet or overlap.
    fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
    }
    a.len() == b.len()
        && match a.len() {
            0..4 => a.iter().eq(b),
            4..8 => ends::<4>(a, b),
            8..16 => ends::<8>(a, b),
            16..=32 => ends::<16>(a, b),
            _ => a == b,
        }
}

/// A claim's value, for tests and conditions.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    claims: &'a ClaimIndex,
    value: &'a Value,
}

impl<'a> Claim<'a> {
    #[inline]
    pub(super) fn text(self) -> Option<&'a str> {
        match *self.value {
            Value::Text(span) => self.claims.text.get(span.range()),
            // Before the words stand the text and the list of them.
            Value::Words(at) => self.item(at).and_then(Self::text),
            _ => None,
        }
    }

    #[inline]
    fn item(self, at: u32) -> Option<Self> {
        let value = self.claims.items.get(at as usize)?;
        Some(Self { value, ..self })
    }

    /// Whether it is this text.
    #[inline]
    pub(super) fn is(self, text: &str) -> bool {
        let own = self.text();
        own.is_some_and(|own| same(own.as_bytes(), text.as_bytes()))
    }

    #[inline]
    pub(super) fn number(self) -> Option<Number> {
        match *self.value {
            Value::Signed(number) => Some(Number::Integer(number.into())),
            Value::Unsigned(number) => Some(Number::Integer(number.into())),
            Value::Float(number) => Some(Number::of(number)),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn flag(self) -> Option<bool> {
        match *self.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn equals(self, other: &Scalar) -> bool {
        match &other.0 {
            Kind::Text(text) => self.is(text),
            Kind::Number(number) => self.number() == Some(*number),
            Kind::Bool(flag) => self.flag() == Some(*flag),
        }
    }

    /// Whether both are the same text, number or flag.
    pub(super) fn same_as(self, other: Self) -> bool {
        match (self.text(), self.number(), self.flag()) {
            (Some(text), _, _) => other.text() == Some(text),
            (_, Some(number), _) => other.number() == Some(number),
            (_, _, Some(flag)) => other.flag() == Some(flag),
            _ => false,
        }
    }

    /// The members of a list; none of anything else.
    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        let span = match *self.value {
            Value::List(span) => span,
            _ => Span {
                start: 0,
                length: 0,
            },
        };
        self.claims
            .list(span)
            .iter()
            .map(move |value| Self { value, ..self })
    }

    pub(super) fn is_list(self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// The texts of a list, or a text alone.
    pub(super) fn texts(self) -> impl Iterator<Item = &'a str> {
        self.text()
            .into_iter()
            .chain(self.items().filter_map(Self::text))
    }

    /// Whether it is this text, or a list with it.
    #[inline]
    pub(super) fn has_text(self, text: &str) -> bool {
        match *self.value {
            Value::List(list) => self.claims.list_has(list, text.as_bytes()),
            _ => self.is(text),
        }
    }

    /// Whether one of a text's words, or of a list's texts, is this.
    #[inline]
    pub(super) fn has_word(self, word: &str) -> bool {
        match self.list_of_words() {
            Some(list) => self.claims.list_has(list, word.as_bytes()),
            None => !word.is_empty() && self.is(word),
        }
    }

    /// Whether one of a text's words, or of a list's texts, is like this.
    pub(super) fn has_word_like(self, like: impl Fn(&[u8]) -> bool) -> bool {
        match self.list_of_words() {
            Some(list) => self.claims.list(list).iter().any(|item| match item {
                Value::Text(span) => self.claims.bytes(*span).is_some_and(&like),
                _ => false,
            }),
            None => self
                .text()
                .is_some_and(|text| !text.is_empty() && like(text.as_bytes())),
        }
    }

    /// `None` for a text that is one word, or none.
    #[inline]
    fn list_of_words(self) -> Option<Span> {
        match *self.value {
            Value::List(list) => Some(list),
            Value::Words(at) => match self.claims.items.get(at as usize + 1) {
                Some(Value::List(list)) => Some(*list),
                _ => None,
            },
            _ => None,
        }
    }
}

impl ClaimIndex {
    /// The index of anything that serializes to a JSON object.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`] where it is no JSON object.
    pub fn of<T: Serialize + ?Sized>(claims: &T) -> Result<Self, Error> {
        serde_json::to_value(claims)
            .ok()
            .and_then(|json| Self::build(&json))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::ClaimsMismatch,
                    "claims are a JSON object: give a struct or a map with text keys",
                )
            })
    }

    fn build(json: &Json) -> Option<Self> {
        let mut builder = Builder::default();
        builder.object(json.as_object()?, ROOT, PathHash::ROOT);
        builder.order.sort_unstable();
        // Places are numbers of 32 bits.
        u32::try_from(builder.text.len()).ok()?;
        let bits = (2 * builder.order.len())
            .next_power_of_two()
            .trailing_zeros();
        let shift = u32::BITS - bits.clamp(1, 16);
        let mut table = vec![(0, GAP); 1 << (u32::BITS - shift)];
        let mut free = 0;
        for entry in builder.order {
            let place = free.max((entry.0 >> shift) as usize);
            table.resize(table.len().max(place + 1), (0, GAP));
            table[place] = entry;
            free = place + 1;
        }
        Some(Self {
            table: table.into_boxed_slice(),
            shift,
            places: OnceLock::new(),
            text: builder.text.into_boxed_str(),
            members: builder.members.into_boxed_slice(),
            items: builder.items.into_boxed_slice(),
        })
    }

    #[inline]
    pub(super) fn find(&self, path: &ClaimPath) -> Option<Claim<'_>> {
        self.claim(self.place(path)?)
    }

    /// A member's claim.
    #[inline]
    fn claim(&self, at: u32) -> Option<Claim<'_>> {
        let value = &self.members.get(at as usize)?.value;
        Some(Claim {
            claims: self,
            value,
        })
    }

    /// The place of a path's member.
    #[inline]
    fn place(&self, path: &ClaimPath) -> Option<u32> {
        let hash = path.hash();
        for (found, at) in self.table.get((hash >> self.shift) as usize..)? {
            if *at == GAP || *found > hash {
                return None;
            }
            if *found == hash && self.is_at(self.members.get(*at as usize)?, path) {
                return Some(*at);
            }
        }
        None
    }

    /// The claims of these paths, unless others were here first.
    #[inline]
    pub(super) fn places(&self, paths: &ClaimPaths) -> Option<&Places> {
        let places = self.places.get_or_init(|| Places {
            id: paths.id(),
            found: paths
                .all()
                .iter()
                .map(|path| self.place(path).unwrap_or(GAP))
                .collect(),
        });
        (places.id == paths.id()).then_some(places)
    }

    /// The claim at a place that was found before.
    #[inline]
    pub(super) fn at(&self, places: &Places, place: usize) -> Option<Claim<'_>> {
        self.claim(*places.found.get(place)?)
    }

    #[inline]
    fn list(&self, span: Span) -> &[Value] {
        self.items.get(span.range()).unwrap_or_default()
    }

    #[inline]
    fn list_has(&self, list: Span, text: &[u8]) -> bool {
        self.list(list).iter().any(|item| match item {
            // Its length says most of the time, before its bytes are looked for.
            Value::Text(span) if span.length as usize == text.len() => {
                self.bytes(*span).is_some_and(|own| same(own, text))
            }
            _ => false,
        })
    }

    #[inline]
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.text.as_bytes().get(span.range())
    }

    /// Whether these names lead to the member.
    #[inline]
    fn is_at(&self, member: &Member, path: &ClaimPath) -> bool {
        let is = |member: &Member, name: &str| {
            let own = self.bytes(member.name);
            own.is_some_and(|own| same(own, name.as_bytes()))
        };
        if !is(member, path.name()) {
            return false;
        }
        let mut parent = member.parent;
        for name in path.around() {
            match self.members.get(parent as usize) {
                Some(object) if is(object, name) => parent = object.parent,
                _ => return false,
            }
        }
        parent == ROOT
    }

    /// The claim's text, where it is one.
    pub fn text(&self, path: impl Into<ClaimPath>) -> Option<&str> {
        self.find(&path.into())?.text()
    }

    /// The claim's texts: the members of a list, or a text alone.
    pub fn texts(&self, path: impl Into<ClaimPath>) -> Vec<&str> {
        let claim = self.find(&path.into());
        claim.map_or_else(Vec::new, |claim| claim.texts().collect())
    }
}

#[derive(Default)]
struct Builder {
    text: String,
    members: Vec<Member>,
    items: Vec<Value>,
    order: Vec<(u32, u32)>,
}

impl Builder {
    fn push(&mut self, text: &str) -> Span {
        let span = Span {
            start: self.text.len() as u32,
            length: text.len() as u32,
        };
        self.text.push_str(text);
        span
    }

    fn object(&mut self, object: &serde_json::Map<String, Json>, parent: u32, path: PathHash) {
        for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let (at, path) = (self.members.len() as u32, path.member(name));
            let (name, value_here) = (self.push(name), self.value(value));
            self.order.push((path.finish(), at));
            self.members.push(Member {
                parent,
                name,
                value: value_here,
            });
            if let Json::Object(inner) = value {
                self.object(inner, at, path);
            }
        }
    }

    fn value(&mut self, value: &Json) -> Value {
        match value {
            Json::String(text) if text.contains(' ') => self.words(text),
            Json::Array(list) => {
                let start = self.items.len();
                for item in list {
                    let item = self.item(item);
                    self.items.push(item);
                }
                self.list(start)
            }
            Json::Object(_) => Value::Object,
            other => self.item(other),
        }
    }

    fn item(&mut self, value: &Json) -> Value {
        match value {
            Json::Bool(flag) => Value::Bool(*flag),
            Json::String(text) => Value::Text(self.push(text)),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), _, _) => Value::Signed(number),
                (_, Some(number), _) => Value::Unsigned(number),
                (_, _, Some(number)) => Value::Float(number),
                _ => Value::Other,
            },
            Json::Null | Json::Array(_) | Json::Object(_) => Value::Other,
        }
    }

    fn words(&mut self, text: &str) -> Value {
        let (at, whole) = (self.items.len(), self.push(text));
        self.items.extend([Value::Text(whole), Value::Other]);
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let within = word.as_ptr() as usize - text.as_ptr() as usize;
            self.items.push(Value::Text(Span {
                start: whole.start + within as u32,
                length: word.len() as u32,
            }));
        }
        self.items[at + 1] = self.list(at + 2);
        Value::Words(at as u32)
    }

    /// The items from here to the end, as a list.
    fn list(&self, start: usize) -> Value {
        Value::List(Span {
            start: start as u32,
            length: (self.items.len() - start) as u32,
        })
    }
}

impl<'de> Deserialize<'de> for ClaimIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::build(&json).ok_or_else(|| D::Error::custom("claims are a JSON object"))
    }
}

impl fmt::Debug for ClaimIndex {
    /// Claims are about people: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimIndex")
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn index() -> ClaimIndex {
        ClaimIndex::of(&json!({
            "scope": "a  b c", "roles": ["x", 1, null, {"y": 1}, "two words"], "name": "ann",
            "realm_access": {"roles": ["deep"], "inner": {"n": -5}}, "a.b": 1, "a": {"b": 2},
            "none": null, "big": u64::MAX, "half": 0.5, "empty": "", "yes": true, "space": " ",
        }))
        .unwrap()
    }

    #[test]
    fn every_member_is_found_by_its_path_and_by_no_other() {
        let index = index();
        assert_eq!(index.texts("realm_access.roles"), ["deep"]);
        assert_eq!(index.text("name"), Some("ann"));
        assert_eq!(index.text("scope"), Some("a  b c"));
        let number = |path: ClaimPath| index.find(&path).unwrap().number();
        assert_eq!(number(["a.b"].into()), Some(Number::Integer(1)));
        assert_eq!(number("a.b".into()), Some(Number::Integer(2)));
        assert_eq!(
            number("realm_access.inner.n".into()),
            Some(Number::Integer(-5))
        );
        assert_eq!(number("big".into()), Some(Number::Integer(u64::MAX.into())));
        for path in [
            "none",
            "roles.y",
            "inner.n",
            "realm_access.name",
            "b",
            "",
            "a.b.c",
        ] {
            assert!(index.find(&path.into()).is_none(), "{path}");
        }
    }

    #[test]
    fn words_are_those_of_a_text_or_the_members_of_a_list() {
        let index = index();
        let words = |path: &str| -> Vec<String> {
            let found = std::cell::RefCell::new(Vec::new());
            index.find(&path.into()).unwrap().has_word_like(|word| {
                let word = String::from_utf8(word.to_vec()).unwrap();
                found.borrow_mut().push(word);
                false
            });
            found.into_inner()
        };
        assert_eq!(words("scope"), ["a", "b", "c"]);
        assert_eq!(words("roles"), ["x", "two words"]);
        assert_eq!(words("name"), ["ann"]);
        assert_eq!(words("space"), [""; 0]);
        assert_eq!(words("yes"), [""; 0]);
    }

    #[test]
    fn one_of_many_members_is_found() {
        for count in [0, 1, 2, 3, 100, 5_000] {
            let object: serde_json::Map<_, _> = (0..count)
                .map(|number| (format!("k{number}"), json!(number.to_string())))
                .collect();
            let index = ClaimIndex::of(&object).unwrap();
            for number in 0..count {
                let found = index.text([&*format!("k{number}")]);
                assert_eq!(found, Some(&*number.to_string()));
            }
            assert_eq!(index.text("none"), None);
        }
    }

    #[test]
    fn bytes_of_any_length_are_compared_whole() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).collect();
            assert!(same(&bytes, &bytes.clone()));
            assert!(!same(&bytes, &[&*bytes, b"x"].concat()));
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 0x80;
                assert!(!same(&bytes, &other), "byte {at} of {length}");
            }
        }
    }

    #[test]
    fn what_is_no_object_has_no_index() {
        for json in [json!([]), json!(1), json!("x"), json!(null)] {
            let error = ClaimIndex::of(&json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ClaimsMismatch);
            assert!(serde_json::from_value::<ClaimIndex>(json).is_err());
        }
    }

    #[test]
    fn paths_whose_hashes_agree_are_told_apart() {
        let (first, second) = ("a", "b");
        let mut index = ClaimIndex::of(&json!({"a": "of a", "b": "of b"})).unwrap();
        // As if both names hashed alike.
        let hash = ClaimPath::from(first).hash();
        let mut table = vec![(0, GAP); (hash >> index.shift) as usize];
        table.extend([(hash, 0), (hash, 1), (0, GAP)]);
        index.table = table.into();
        assert_eq!(index.text(first), Some("of a"));
        let mut path = ClaimPath::from(second);
        path.set_hash(hash);
        assert_eq!(index.find(&path).unwrap().text(), Some("of b"));
        let mut path = ClaimPath::from("c");
        path.set_hash(hash);
        assert!(index.find(&path).is_none());

        let nested = ClaimIndex::of(&json!({"o": {"a": "deep"}})).unwrap();
        let hash = ClaimPath::from("o.a").hash();
        for (path, text) in [
            ("a", None),
            ("x.a", None),
            ("o.a", Some("deep")),
            ("x.o.a", None),
        ] {
            let mut path = ClaimPath::from(path);
            path.set_hash(hash);
            assert_eq!(nested.find(&path).and_then(Claim::text), text, "{path}");
        }
    }
}
