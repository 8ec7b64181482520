//! The text form of policies.

use super::condition::{Attributes, Condition, Test};
use super::expression::{Node, Policy};
use super::path::ClaimPath;
use super::scalar::{Kind, Number, Scalar};
use serde::{Serialize, Serializer};
use std::fmt::{self, Formatter, Result, Write as _};

/// Whether a character may occur in an unquoted word.
pub(super) fn is_bare(c: char) -> bool {
    c.is_ascii_graphic() && !"&|!()[],=<>\"".contains(c)
}

/// Parses an unquoted word as a JSON number.
pub(super) fn number(word: &str) -> Option<Number> {
    if !word.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return None;
    }
    let float: f64 = serde_json::from_str(word).ok()?;
    let exact = word
        .parse()
        .ok()
        .filter(|whole| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(whole));
    Some(exact.map_or(Number::of(float), Number::Integer))
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

fn word(f: &mut Formatter<'_>, text: &str) -> Result {
    match !text.is_empty() && text.chars().all(is_bare) {
        true => f.write_str(text),
        false => quoted(f, text),
    }
}

fn scalar(f: &mut Formatter<'_>, value: &Scalar) -> Result {
    match &value.0 {
        // Unquoted, it would be read as a boolean or a number.
        Kind::Text(text) if matches!(&**text, "true" | "false") || number(text).is_some() => {
            quoted(f, text)
        }
        Kind::Text(text) => word(f, text),
        Kind::Number(Number::Integer(number)) => write!(f, "{number}"),
        Kind::Number(Number::Float(number)) => write!(f, "{number:?}"),
        Kind::Bool(flag) => write!(f, "{flag}"),
    }
}

pub(super) fn path(f: &mut Formatter<'_>, path: &ClaimPath) -> Result {
    for (at, name) in path.names().enumerate() {
        if at > 0 {
            f.write_char('.')?;
        }
        match name.contains('.') {
            true => quoted(f, name)?,
            false => word(f, name)?,
        }
    }
    Ok(())
}

fn duration(f: &mut Formatter<'_>, seconds: u64) -> Result {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let fits = |(length, _): &(u64, char)| seconds > 0 && seconds.is_multiple_of(*length);
    let (length, unit) = units.into_iter().find(fits).unwrap_or((1, 's'));
    write!(f, "{}{unit}", seconds / length)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut named = |name: &str, value: &str| {
            write!(f, "{name}:")?;
            word(f, value)
        };
        match self {
            Self::Authenticated => f.write_str("authenticated"),
            Self::SecondFactor => f.write_str("second_factor"),
            Self::Scope(scope) => named("scope", scope),
            Self::Role(role) => named("role", role),
            Self::Permission(permission) => named("permission", permission),
            Self::Subject(subject) => named("subject", subject),
            Self::EmailDomain(domain) => named("email_domain", domain),
            Self::IssuedBy(issuer) => named("issued_by", issuer),
            Self::Custom(custom) => named("custom", &custom.name),
            Self::Fresh(seconds) => {
                f.write_str("fresh:")?;
                duration(f, *seconds)
            }
            Self::Claim(source, place, test) => {
                f.write_str(match source {
                    Attributes::Claims => "claim:",
                    Attributes::Resource => "resource:",
                })?;
                path(f, place)?;
                test.fmt(f)
            }
        }
    }
}

impl Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Exists => Ok(()),
            Self::Compared(comparison, value) => {
                write!(f, " {} ", comparison.sign())?;
                scalar(f, value)
            }
            Self::Contains(value) => {
                f.write_str(" contains ")?;
                scalar(f, value)
            }
            Self::StartsWith(text) => {
                f.write_str(" starts_with ")?;
                word(f, text)
            }
            Self::EndsWith(text) => {
                f.write_str(" ends_with ")?;
                word(f, text)
            }
            Self::IsClaim(other) => {
                f.write_str(" is_claim ")?;
                path(f, other)
            }
            Self::In(values) => {
                f.write_str(" in [")?;
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    scalar(f, value)?;
                }
                f.write_char(']')
            }
        }
    }
}

impl Node {
    /// Adds parentheses if `around` binds tighter.
    fn fmt(&self, f: &mut Formatter<'_>, around: Binding) -> Result {
        let (nodes, operator, binding) = match self {
            Self::Condition(condition) => return fmt::Display::fmt(condition, f),
            Self::Not(inner) => {
                f.write_char('!')?;
                return inner.fmt(f, Binding::Not);
            }
            Self::Any(nodes) if nodes.is_empty() => return f.write_str("never"),
            Self::Any(nodes) => (nodes, " | ", Binding::Any),
            Self::All(nodes) => (nodes, " & ", Binding::All),
        };
        let parentheses = binding < around;
        if parentheses {
            f.write_char('(')?;
        }
        for (at, node) in nodes.iter().enumerate() {
            if at > 0 {
                f.write_str(operator)?;
            }
            node.fmt(f, binding)?;
        }
        if parentheses {
            f.write_char(')')?;
        }
        Ok(())
    }
}

/// Operator precedence, from weak to strong.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Any,
    All,
    Not,
}

impl fmt::Display for Policy {
    /// Writes the text with as few parentheses as possible.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.node.fmt(f, Binding::Any)
    }
}

impl Serialize for Policy {
    /// Serializes the policy as its text.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
