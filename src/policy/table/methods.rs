//! Sets of HTTP methods.

use std::fmt;

/// HTTP methods by name, or all that no other rule of the same pattern names.
#[derive(Clone, PartialEq)]
pub(super) enum Methods {
    Other,
    Named(Vec<Box<str>>),
}

impl Methods {
    /// Parses `*`, or names separated by blanks or commas.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Other);
        }
        let mut names: Vec<Box<str>> = Vec::new();
        for name in text.split([' ', ',']).filter(|name| !name.is_empty()) {
            let upper = name.to_ascii_uppercase();
            if upper != name {
                return Err(format!("methods are case-sensitive: write {upper}"));
            }
            if !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
                return Err(format!("'{name}' is not a method: write * for all of them"));
            }
            if names.iter().any(|known| **known == *name) {
                return Err(format!("{name} is named twice"));
            }
            names.push(name.into());
        }
        match names.is_empty() {
            true => Err("expected a method: write * for all of them".to_owned()),
            false => Ok(Self::Named(names)),
        }
    }

    pub(super) fn names(&self) -> &[Box<str>] {
        match self {
            Self::Other => &[],
            Self::Named(names) => names,
        }
    }

    pub(super) fn has(&self, method: &str) -> bool {
        self.names().iter().any(|name| **name == *method)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => f.write_str("*"),
            Self::Named(names) => f.write_str(&names.join(" ")),
        }
    }
}
