//! Errors in a configuration file, with their location and a suggestion.

use crate::core::{Error, ErrorKind};
use serde::de::{self, Expected, Unexpected};
use std::{fmt, path::Path};

/// Keys that need a feature: whether this build has it, its name, and the keys.
const FEATURES: [(bool, &str, &[&str]); 6] = [
    (
        cfg!(feature = "client"),
        "client",
        &["apps", "silent_refresh", "outage_grace", "jwks_url", "discover", "key_set", "preset"],
    ),
    (
        cfg!(all(feature = "client", any(feature = "tower", feature = "actix"))),
        "client' beside 'axum', 'actix' or 'tower",
        &["login"],
    ),
    (cfg!(feature = "file"), "file", &["file"]),
    (cfg!(feature = "redis"), "redis", &["redis"]),
    (cfg!(feature = "otp"), "otp", &["otp", "otp_guard", "recovery_codes", "second_factor"]),
    (cfg!(feature = "oauth2"), "oauth2", &["oauth2"]),
];

/// An error in a file.
///
/// Its message must show no value of the file, which may be a secret: see
/// [`Redaction`](super::Redaction).
#[derive(Debug)]
pub(in crate::config) struct Problem {
    /// The keys, innermost first.
    path: Vec<String>,
    line: Option<usize>,
    pub(super) message: String,
    kind: ErrorKind,
    pub(super) source: Option<Error>,
}

impl Problem {
    pub(in crate::config) fn new(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            line: None,
            message: message.into(),
            kind: ErrorKind::Configuration,
            source: None,
        }
    }

    /// Wraps a builder's error.
    pub(in crate::config) fn of(error: Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            source: Some(error),
            ..Self::new("")
        }
    }

    /// Sets the line if none is known yet.
    pub(super) fn on(mut self, line: Option<usize>) -> Self {
        self.line = self.line.or(line);
        self
    }

    /// Adds a key to the outer end of the path.
    pub(in crate::config) fn at(mut self, key: impl Into<String>, line: Option<usize>) -> Self {
        self.path.push(key.into());
        self.on(line)
    }

    /// Formats the error for the author of the file: `file:line: key.path: message`.
    pub(in crate::config) fn into_error(self, file: Option<&Path>, pointer: &str) -> Error {
        let file = file.map_or("configuration".to_owned(), |file| file.display().to_string());
        let line = self.line.map_or(String::new(), |line| format!(":{line}"));
        let pointer = (!pointer.is_empty()).then_some(pointer);
        let keys = self.path.iter().rev().map(String::as_str);
        let path: Vec<&str> = pointer.into_iter().chain(keys).collect();
        let path = if path.is_empty() { String::new() } else { format!(": {}", path.join(".")) };
        let error = Error::new(self.kind, format!("{file}{line}{path}: {}", self.message));
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// Returns the type that was found, without the value.
fn found(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        _ => "a table",
    }
}

/// Translates serde's description of an expected type to the terms of a configuration file.
fn expected(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match &*text {
        "a string" => "a string".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number".to_owned()
        }
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        text if text.starts_with("struct ") => "a table".to_owned(),
        text => text.to_owned(),
    }
}

/// Returns the known name that is most similar, if one is close enough.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |known: &'a str| {
        let distance = strsim::damerau_levenshtein(name, known);
        let begins = name.len() >= 3 && (known.starts_with(name) || name.starts_with(known));
        let near = distance <= 1 + known.chars().count() / 4;
        (begins || near).then_some((distance, known))
    };
    let nearest = known.into_iter().filter_map(close).min();
    nearest.map(|(_, known)| known)
}

/// Returns `did you mean 'x'?`, or the list of known names, or `none` if there are none.
pub(in crate::config) fn advice(name: &str, there: &[&str], none: &str) -> String {
    match (nearest(name, there.iter().copied()), there) {
        (Some(near), _) => format!("did you mean '{near}'?"),
        (None, []) => none.to_owned(),
        (None, [only]) => format!("there is only {only}"),
        (None, _) => format!("there are {}", there.join(", ")),
    }
}

/// Returns the problem of an unknown key, with a suggestion.
pub(super) fn unknown_key(key: &str, known: &[&str]) -> Problem {
    let lacking = FEATURES.iter().find(|(built, _, keys)| !built && keys.contains(&key));
    Problem::new(match lacking {
        Some((_, feature, _)) => format!(
            "unknown key; if it belongs here, this program was built without jamguard's feature \
             '{feature}'"
        ),
        None => {
            let advice = advice(key, known, "none is known");
            format!("unknown key: {}", advice.replace("there are", "known are"))
        }
    })
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let (wanted, found) = (expected(wanted), found(&unexpected));
        if wanted == "unit" {
            return Self::new("this takes no value");
        }
        Self::new(match wanted == found {
            // The type is right, so the number is out of range.
            true => format!("the number is too large or too small here, {wanted}"),
            false => format!("this must be {wanted}, and is {found}"),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, wanted)
    }

    fn invalid_length(length: usize, wanted: &dyn Expected) -> Self {
        let wanted = expected(wanted);
        Self::new(format!("this must be {wanted}, and has {length} entries"))
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        // Leaves out the string: it may be a secret in the wrong place.
        let near = nearest(variant, known.iter().copied());
        let near = near.map(|near| format!("; did you mean '{near}'?"));
        Self::new(format!("this must be one of {}{}", known.join(", "), near.unwrap_or_default()))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        unknown_key(field, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the key '{field}' is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("the key '{field}' is given twice: keep one"))
    }
}
