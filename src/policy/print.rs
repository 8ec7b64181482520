//! The text form of policies.

use super::condition::{Attributes, Condition, Test};
use super::expression::{Node, Policy};
use super::path::ClaimPath;
use super::scalar::{Kind, Number};
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

/// A text, in quotes if it could not be read back without them.
struct Printed<'a>(&'a str);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match !self.0.is_empty() && self.0.chars().all(is_bare) {
            true => f.write_str(self.0),
            false => quoted(f, self.0),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            // Unquoted, it would be read as a boolean or a number.
            Self::Text(text) if matches!(&**text, "true" | "false") || number(text).is_some() => {
                quoted(f, text)
            }
            Self::Text(text) => write!(f, "{}", Printed(text)),
            Self::Number(Number::Integer(number)) => write!(f, "{number}"),
            Self::Number(Number::Float(number)) => write!(f, "{number:?}"),
            Self::Bool(flag) => write!(f, "{flag}"),
        }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (at, name) in self.names().enumerate() {
            if at > 0 {
                f.write_char('.')?;
            }
            match name.contains('.') {
                true => quoted(f, name)?,
                false => write!(f, "{}", Printed(name))?,
            }
        }
        Ok(())
    }
}

/// Writes a time in its largest whole unit.
fn duration(f: &mut Formatter<'_>, seconds: u64) -> Result {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let fits = |(length, _): &(u64, char)| seconds > 0 && seconds.is_multiple_of(*length);
    let (length, unit) = units.into_iter().find(fits).unwrap_or((1, 's'));
    write!(f, "{}{unit}", seconds / length)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Authenticated => f.write_str("authenticated"),
            Self::SecondFactor => f.write_str("second_factor"),
            Self::Scope(scope) => write!(f, "scope:{}", Printed(scope)),
            Self::Role(role) => write!(f, "role:{}", Printed(role)),
            Self::Permission(permission) => write!(f, "permission:{}", Printed(permission)),
            Self::Subject(subject) => write!(f, "subject:{}", Printed(subject)),
            Self::EmailDomain(domain) => write!(f, "email_domain:{}", Printed(domain)),
            Self::IssuedBy(issuer) => write!(f, "issued_by:{}", Printed(issuer)),
            Self::Custom(custom) => write!(f, "custom:{}", Printed(&custom.name)),
            Self::Fresh(seconds) => {
                f.write_str("fresh:")?;
                duration(f, *seconds)
            }
            Self::Claim(Attributes::Claims, path, test) => write!(f, "claim:{path}{test}"),
            Self::Claim(Attributes::Resource, path, test) => write!(f, "resource:{path}{test}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Exists => Ok(()),
            Self::Compared(comparison, value) => write!(f, " {} {}", comparison.sign(), value.0),
            Self::Contains(value) => write!(f, " contains {}", value.0),
            Self::StartsWith(text) => write!(f, " starts_with {}", Printed(text)),
            Self::EndsWith(text) => write!(f, " ends_with {}", Printed(text)),
            Self::IsClaim(other) => write!(f, " is_claim {other}"),
            Self::In(values) => {
                let values: Vec<_> = values.iter().map(|value| value.0.to_string()).collect();
                write!(f, " in [{}]", values.join(", "))
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
