//! Error texts for a value that differs from the expected one.

use super::sanitize::{MAX_SHOWN, shown};
use std::fmt::Write;

/// Maximum values of each side that a text lists and compares.
const MAX_VALUES: usize = 5;

/// Describes a mismatch: "expected `a` or `b`, received `c`".
///
/// If both sides may mean the same, the text names the difference. For logs and developers only:
/// HTTP responses never contain it.
pub(crate) fn mismatch<E: AsRef<str>, R: AsRef<str>>(expected: &[E], received: &[R]) -> String {
    let mut text =
        format!("expected {}, received {}", list(expected, " or "), list(received, ", "));
    let pairs = expected.iter().take(MAX_VALUES).flat_map(|expected| {
        let received = received.iter().take(MAX_VALUES);
        received.map(|received| (expected.as_ref(), received.as_ref()))
    });
    if let Some(difference) =
        pairs.into_iter().find_map(|(expected, received)| difference(expected, received))
    {
        text.push_str("; they differ by ");
        text.push_str(&difference);
    }
    text
}

/// Lists values in backticks, at most the first [`MAX_VALUES`].
pub(crate) fn list(values: &[impl AsRef<str>], between: &str) -> String {
    let mut text = String::new();
    for (at, value) in values.iter().take(MAX_VALUES).enumerate() {
        let between = if at == 0 { "" } else { between };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{between}`{}`", shown(value.as_ref()));
    }
    match values.len().checked_sub(MAX_VALUES) {
        Some(more) if more > 0 => {
            let _ = write!(text, " and {more} more");
        }
        _ if values.is_empty() => text.push_str("none"),
        _ => {}
    }
    text
}

/// A value split into the parts that developers commonly confuse.
#[derive(PartialEq)]
struct Parts<'a> {
    scheme: Option<&'a str>,
    /// Host, port and path.
    rest: &'a str,
    slash: bool,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        Self { scheme, rest: rest.trim_end_matches('/'), slash: rest.ends_with('/') }
    }

    /// Returns `rest` with any loopback name replaced by `localhost`, or `None` without one.
    fn loopback(&self) -> Option<String> {
        ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|name| {
            let (start, rest) = self.rest.split_at_checked(name.len())?;
            let whole = rest.is_empty() || rest.starts_with([':', '/']);
            (start.eq_ignore_ascii_case(name) && whole).then(|| format!("localhost{rest}"))
        })
    }
}

/// Describes how two values differ that may mean the same; `None` for any others.
fn difference(expected: &str, received: &str) -> Option<String> {
    if expected == received || expected.len().max(received.len()) > MAX_SHOWN {
        return None;
    }
    let mut differences = Vec::new();
    if expected.trim() != expected || received.trim() != received {
        differences.push("white space around the value");
    }
    let (expected, received) = (Parts::of(expected.trim()), Parts::of(received.trim()));
    let same_scheme = match (expected.scheme, received.scheme) {
        (Some(expected), Some(received)) => expected.eq_ignore_ascii_case(received),
        (expected, received) => expected == received,
    };
    if !same_scheme {
        differences.push("the scheme");
    }
    let (mut ours, mut theirs) = (expected.rest.to_owned(), received.rest.to_owned());
    if let (Some(expected), Some(received)) = (expected.loopback(), received.loopback())
        && !ours.eq_ignore_ascii_case(&theirs)
    {
        differences.push("`localhost` against `127.0.0.1`");
        (ours, theirs) = (expected, received);
    }
    if ours.to_lowercase() != theirs.to_lowercase() {
        return None;
    }
    if ours != theirs || (same_scheme && expected.scheme != received.scheme) {
        differences.push("letter case");
    }
    if expected.slash != received.slash {
        differences.push("a trailing slash");
    }
    Some(match differences.is_empty() {
        true => "the number of trailing slashes".to_owned(),
        false => differences.join(" and "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(expected: &str, received: &str) -> Option<String> {
        let text = mismatch(&[expected], &[received]);
        assert!(text.starts_with(&format!("expected `{expected}`, received `")));
        text.split_once("; they differ by ").map(|(_, hint)| hint.to_owned())
    }

    #[test]
    fn near_misses_name_the_difference() {
        let issuer = "https://issuer.example/realms/one";
        for (expected, received, difference) in [
            (issuer, "https://issuer.example/realms/one/", "a trailing slash"),
            ("https://issuer.example/", "https://issuer.example", "a trailing slash"),
            (issuer, "http://issuer.example/realms/one", "the scheme"),
            (issuer, "issuer.example/realms/one", "the scheme"),
            (issuer, "https://Issuer.example/realms/One", "letter case"),
            (issuer, "HTTPS://issuer.example/realms/one", "letter case"),
            ("orders", "Orders", "letter case"),
            (
                "http://localhost:8080/auth",
                "http://127.0.0.1:8080/auth",
                "`localhost` against `127.0.0.1`",
            ),
            (
                "https://localhost:8080",
                "http://[::1]:8080/",
                "the scheme and `localhost` against `127.0.0.1` and a trailing slash",
            ),
            ("orders", "orders ", "white space around the value"),
            ("https://a.example/", "https://a.example//", "the number of trailing slashes"),
        ] {
            assert_eq!(hint(expected, received).as_deref(), Some(difference));
        }
        for (expected, received) in [
            ("https://a.example", "https://b.example"),
            ("http://localhost:1", "http://127.0.0.1:2"),
            ("http://localhost.example", "http://127.0.0.1.example"),
            ("orders", "order"),
        ] {
            assert_eq!(hint(expected, received), None, "{expected} {received}");
        }
    }

    #[test]
    fn foreign_text_is_bounded_and_sanitized() {
        let many: Vec<String> =
            (0..1000).map(|n| format!("{n}\u{202e}\n{}", "x".repeat(9000))).collect();
        let text = mismatch(&["orders"], &many);
        assert!(text.len() < 2000, "{}", text.len());
        assert!(text.contains("`0xxx") && text.ends_with("x…` and 995 more"));
        assert!(!text.contains(['\n', '\u{202e}']));
        let none: [&str; 0] = [];
        assert_eq!(mismatch(&["a", "b"], &none), "expected `a` or `b`, received none");
    }
}
