//! Interpretations of a request's path, and the rejection of ambiguous paths.
//!
//! The table guards a router that it does not see, and the two must not read a path differently:
//!
//! - axum 0.8 compares the path as sent, and decodes only the values of parameters: `/%61dmin`
//!   never matches `/admin`, but it may match `/{page}`.
//! - actix-web 4 first decodes all escapes except `%25`, `%2F` and `%2B`: `/%61dmin` matches
//!   `/admin`.
//! - Neither resolves `..`, merges slashes, drops a last slash, or folds case. Middleware in front
//!   of them may (`NormalizePath` of tower-http and of actix-web), and so may a router with regular
//!   expressions, or the receiver of a path that a handler forwards.
//!
//! So a path is read in three ways, and the request must be allowed under **each** of them:
//!
//! 1. raw, as axum reads it;
//! 2. decoded, as actix-web reads it;
//! 3. folded: decoded, ignoring case (Unicode simple case folding, as in regular expressions), a
//!    last slash and `;parameters`, against patterns folded in the same way.
//!
//! The first two use the closest pattern. A router may fold less than the third does, such as only
//! the case of one route, so there **every** matching pattern applies: see
//! [`FoldedPatterns`](super::folded::FoldedPatterns). An ordinary path is the same in all three.
//!
//! Paths that honest clients do not send are rejected with 400: an empty, `.` or `..` segment (also
//! with `;parameters`, also encoded), a backslash, a control character, an encoded slash (if the
//! table does not keep them), `%` without two hexadecimal digits, bytes that are not UTF-8, and
//! unencoded characters outside of ASCII.

use percent_encoding::{CONTROLS, percent_encode_byte, utf8_percent_encode};
use std::borrow::Cow;

/// A path as different routers read it.
pub(super) struct PathVariants<'a> {
    pub(super) raw: &'a str,
    /// Without unnecessary escapes, the others in upper case; `None` if equal to `raw`.
    ///
    /// RFC 3986 section 6.2.2.2.
    pub(super) decoded: Option<String>,
    /// In one case, with `;parameters` and last slash; `None` if equal to `decoded`.
    one_case: Option<String>,
}

impl PathVariants<'_> {
    /// Whether all readings are the same.
    pub(super) fn is_plain(&self) -> bool {
        self.decoded.is_none() && self.one_case.is_none() && !has_more(self.raw)
    }

    /// Returns the path in one case, with `;parameters` and last slash.
    pub(super) fn in_one_case(&self) -> &str {
        let decoded = self.decoded.as_deref();
        self.one_case.as_deref().or(decoded).unwrap_or(self.raw)
    }

    /// Returns the path in one case, without `;parameters` and last slash.
    pub(super) fn folded(&self) -> Cow<'_, str> {
        let path = self.in_one_case();
        match has_more(path) {
            true => {
                let path = path.strip_suffix('/').unwrap_or(path);
                let segments: Vec<_> = path.split('/').map(without_parameters).collect();
                Cow::Owned(segments.join("/"))
            }
            false => Cow::Borrowed(path),
        }
    }
}

/// Whether a path has `;parameters` or a last slash.
fn has_more(path: &str) -> bool {
    path.contains(';') || (path.ends_with('/') && path != "/")
}

/// Bytes allowed unescaped in a path: RFC 3986's `pchar`, and four that browsers do not escape.
const PLAIN: [bool; 256] =
    among(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@|[]^");

/// Bytes that are the same in every reading, outside of dot segments.
const ORDINARY: [bool; 256] = among(b"abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@|[]^");

/// Builds a lookup table of these bytes.
const fn among(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// Parses a path; the error says why it is rejected.
pub(super) fn read(path: &str, keep_slashes: bool) -> Result<PathVariants<'_>, &'static str> {
    let rest = path.strip_prefix('/').ok_or("a path begins with a slash")?;
    if is_ordinary(rest.as_bytes()) {
        return Ok(PathVariants { raw: path, decoded: None, one_case: None });
    }
    let decoded = decode(path, keep_slashes)?;
    check_segments(&decoded, keep_slashes)?;
    let changes = |byte: u8| byte.is_ascii_uppercase() || byte == b'%';
    let one_case = decoded.bytes().any(changes).then(|| fold_case(&decoded));
    Ok(PathVariants {
        raw: path,
        one_case: one_case.filter(|folded| *folded != decoded),
        decoded: (decoded != path).then_some(decoded),
    })
}

/// Whether all readings are the same, for the path after the first slash.
fn is_ordinary(rest: &[u8]) -> bool {
    // Of the current segment: its length, and whether it is all dots.
    let (mut length, mut dots) = (0_usize, true);
    for byte in rest {
        if *byte == b'/' {
            if dots {
                return false;
            }
            (length, dots) = (0, true);
        } else if ORDINARY[usize::from(*byte)] {
            length += 1;
            dots &= *byte == b'.';
        } else {
            return false;
        }
    }
    // An empty segment is all dots too; alone it is the root.
    rest.is_empty() || (length > 0 && !dots)
}

/// Removes unnecessary escapes and normalises the others; the result is ASCII.
///
/// `%2B` stays, because actix-web distinguishes it from `+`.
fn decode(path: &str, keep_slashes: bool) -> Result<String, &'static str> {
    const NOT_UTF8: &str = "escapes that are not UTF-8";
    let mut out = Vec::with_capacity(path.len());
    // Non-ASCII bytes, with a blank where others stand between them, and the length of `out` after
    // the last of them.
    let (mut letters, mut end) = (Vec::new(), 0);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'/' || PLAIN[usize::from(byte)] {
            out.push(byte);
            continue;
        }
        let byte = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| digit.and_then(hex));
                let [Some(high), Some(low)] = digits else {
                    return Err("a percent sign is followed by two hexadecimal digits");
                };
                high << 4 | low
            }
            0x80.. => return Err("a character outside of ASCII that is not encoded"),
            byte => byte,
        };
        match byte {
            0..0x20 | 0x7f => return Err("a control character"),
            b'\\' => return Err("a backslash"),
            b'/' if !keep_slashes => return Err("an encoded slash"),
            0x80.. => {
                if end != out.len() {
                    letters.push(b' ');
                }
                letters.push(byte);
                out.extend(percent_encode_byte(byte).bytes());
                end = out.len();
            }
            b'/' | b'+' => out.extend(percent_encode_byte(byte).bytes()),
            byte if PLAIN[usize::from(byte)] => out.push(byte),
            byte => out.extend(percent_encode_byte(byte).bytes()),
        }
    }
    str::from_utf8(&letters).map_err(|_| NOT_UTF8)?;
    String::from_utf8(out).map_err(|_| NOT_UTF8)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Rejects segments that a router may resolve or drop.
fn check_segments(decoded: &str, keep_slashes: bool) -> Result<(), &'static str> {
    // A handler may decode a kept slash and see one more segment.
    let kept_slash = |rest: &[u8]| keep_slashes && rest.starts_with(b"%2F");
    let ends = |rest: &[u8]| matches!(rest, [] | [b'/' | b';', ..]) || kept_slash(rest);
    let mut rest = decoded.as_bytes();
    while let [first, after @ ..] = rest {
        let segment = match first {
            b'/' => after,
            b'%' if kept_slash(rest) => &rest[3..],
            _ => {
                rest = after;
                continue;
            }
        };
        match segment {
            // A last slash has no segment after it.
            [] if *first == b'/' => {}
            segment if ends(segment) => return Err("an empty segment"),
            [b'.', end @ ..] | [b'.', b'.', end @ ..] if ends(end) => return Err("a dot segment"),
            _ => {}
        }
        rest = segment;
    }
    Ok(())
}

pub(super) fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

/// Folds a part of a path: one case, `+` unescaped, no `;parameters`; a last slash stays.
pub(super) fn fold_text(decoded: &str) -> String {
    let segments = decoded.split('/').map(without_parameters);
    fold_case(&segments.collect::<Vec<_>>().join("/"))
}

/// Folds a decoded text to one case with `+` unescaped; `;parameters` and last slash stay.
pub(super) fn fold_case(decoded: &str) -> String {
    let mut out = String::with_capacity(decoded.len());
    let mut rest = decoded;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%2B") {
            out.push('+');
            rest = after;
            continue;
        }
        let (letters, after) = escaped_letters(rest);
        match letters.is_empty() {
            true => {
                out.push('%');
                rest = &rest[1..];
            }
            false => {
                let folded: String = letters.chars().map(fold_letter).collect();
                out.extend(utf8_percent_encode(&folded, CONTROLS));
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.make_ascii_lowercase();
    out
}

/// Decodes the escaped non-ASCII letters at the start of a text, and returns the remaining text.
fn escaped_letters(text: &str) -> (String, &str) {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [b'%', high, low, ..] = rest.as_bytes()
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        && high >= 8
    {
        bytes.push(high << 4 | low);
        rest = &rest[3..];
    }
    // Escapes in a decoded path are valid UTF-8, checked when it was parsed.
    String::from_utf8(bytes).map_or((String::new(), text), |letters| (letters, rest))
}

/// Maps letters that are equal under Unicode's simple case folding to one letter.
///
/// It may equate a few more (dotless i and i), which adds a rule to check but removes none.
fn fold_letter(letter: char) -> char {
    fn only(mut letters: impl Iterator<Item = char>, otherwise: char) -> char {
        match (letters.next(), letters.next()) {
            (Some(letter), None) => letter,
            _ => otherwise,
        }
    }
    match letter {
        // Simple foldings that neither mapping below covers.
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        letter => {
            let upper = only(letter.to_uppercase(), letter);
            only(upper.to_lowercase(), upper)
        }
    }
}

/// Checks that a pattern's text is spelled as requests and axum's routes spell it.
///
/// Exactly the characters that need an escape must have one. The error shows the right spelling, or
/// says why no request matches.
pub(super) fn check_literal(text: &str, keep_slashes: bool) -> Result<(), String> {
    if text.contains(['?', '#']) {
        return Err("a path ends before '?' and '#'".to_owned());
    }
    let escaped = utf8_percent_encode(text, CONTROLS).to_string();
    match decode(&escaped, keep_slashes) {
        Err(why) => Err(format!("no path has {why}")),
        Ok(decoded) if decoded != text => {
            Err(format!("paths have '{decoded}' for '{text}': write it so"))
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_a_regular_expression_takes_for_the_same_fold_alike() {
        use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
        for letter in '\0'..=char::MAX {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(letter, letter)]);
            class.case_fold_simple();
            let same = class.iter().flat_map(|range| range.start()..=range.end());
            for other in same {
                assert_eq!(fold_letter(letter), fold_letter(other), "{letter:?} {other:?}");
            }
        }
    }

    #[test]
    fn an_ordinary_path_has_one_reading() {
        for path in
            ["/", "/a", "/a/b-c/d.e", "/a/...", "/a+b", "/.well-known/x", "/a..", "/v1.0/~ann"]
        {
            let readings = read(path, false).ok().unwrap();
            assert!(readings.is_plain(), "{path}");
            assert_eq!(readings.folded(), path);
        }
    }

    #[test]
    fn other_spellings_are_read_in_each_way() {
        for (path, decoded, folded) in [
            ("/%61dmin", "/admin", "/admin"),
            ("/admin/", "/admin/", "/admin"),
            ("/ADMIN", "/ADMIN", "/admin"),
            ("/a;x=1/b;y", "/a;x=1/b;y", "/a/b"),
            ("/a%3Bx", "/a;x", "/a"),
            ("/a%2Bb", "/a%2Bb", "/a+b"),
            ("/A%2bB", "/A%2BB", "/a+b"),
            ("/caf%c3%a9", "/caf%C3%A9", "/caf%c3%a9"),
            ("/CAF%c3%89", "/CAF%C3%89", "/caf%c3%a9"),
            ("/%E2%84%AA", "/%E2%84%AA", "/k"),
            ("/%c5%bfet%CE%A3/", "/%C5%BFet%CE%A3/", "/set%cf%83"),
            ("/a%2Fb", "/a%2Fb", "/a%2fb"),
            ("/100%25", "/100%25", "/100%25"),
            ("/%2561dmin", "/%2561dmin", "/%2561dmin"),
            ("/{a}", "/%7Ba%7D", "/%7ba%7d"),
            ("/a%20b", "/a%20b", "/a%20b"),
        ] {
            let readings = read(path, true).ok().unwrap();
            assert_eq!(readings.raw, path);
            let read = readings.decoded.as_deref().unwrap_or(path);
            assert_eq!(read, decoded, "{path}");
            assert_eq!(readings.folded(), folded, "{path}");
        }
    }
}
