//! Path patterns, in the syntax of axum and matchit.

use super::path_variants::{check_literal, fold_text, without_parameters};
use std::fmt::Write as _;

/// matchit names parameters internally by letters.
const MAX_PARAMETERS: usize = 25;

/// A valid pattern, which some request can match.
pub(super) struct Pattern {
    segments: Vec<Segment>,
}

/// A segment of a pattern: a text, optionally followed by a parameter.
#[derive(Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) literal: String,
    pub(super) parameter: Parameter,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Parameter {
    None,
    One,
    Rest,
}

impl Pattern {
    /// Parses a pattern; the error says what is wrong with it.
    pub(super) fn parse(text: &str, keep_slashes: bool) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or("a path begins with a slash")?;
        let parts: Vec<&str> = rest.split('/').collect();
        let mut segments = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let last = at + 1 == parts.len();
            let segment = Segment::parse(part, keep_slashes)?;
            let name = without_parameters(&segment.literal);
            let empty = segment.literal.is_empty() && last;
            match (name, segment.parameter) {
                ("", Parameter::None) if !empty => {
                    return Err("requests with an empty segment ('//') are refused".to_owned());
                }
                ("." | "..", Parameter::None) => {
                    return Err("requests with a dot segment are refused".to_owned());
                }
                (name, Parameter::One | Parameter::Rest) if name != segment.literal => {
                    return Err("';' and a parameter cannot stand in one segment".to_owned());
                }
                (_, Parameter::Rest) if !last => {
                    return Err("nothing can follow '{*…}'".to_owned());
                }
                _ => segments.push(segment),
            }
        }
        let parameters = segments.iter().filter(|segment| segment.parameter != Parameter::None);
        if parameters.count() > MAX_PARAMETERS {
            return Err(format!("at most {MAX_PARAMETERS} parameters"));
        }
        Ok(Self { segments })
    }

    /// Returns the pattern for matchit, without parameter names.
    ///
    /// Two patterns that match the same paths give the same text.
    pub(super) fn exact(&self) -> String {
        self.write(str::to_owned)
    }

    /// Returns the folded pattern for matchit.
    pub(super) fn folded(&self) -> String {
        let folded = self.write(fold_text);
        match folded.strip_suffix('/') {
            None | Some("") => folded,
            Some(trimmed) => trimmed.to_owned(),
        }
    }

    /// Returns the folded segments, without empty ones.
    pub(super) fn folded_segments(&self) -> Vec<Segment> {
        let fold = |segment: &Segment| Segment {
            literal: fold_text(&segment.literal),
            parameter: segment.parameter,
        };
        let filled =
            |segment: &Segment| !segment.literal.is_empty() || segment.parameter != Parameter::None;
        self.segments.iter().map(fold).filter(filled).collect()
    }

    fn write(&self, spell: impl Fn(&str) -> String) -> String {
        self.segments.iter().fold(String::new(), |mut out, segment| {
            let parameter = match segment.parameter {
                Parameter::None => "",
                Parameter::One => "{p}",
                Parameter::Rest => "{*p}",
            };
            // Writing to a `String` cannot fail.
            let _ = write!(out, "/{}{parameter}", spell(&segment.literal));
            out
        })
    }
}

impl Segment {
    fn parse(text: &str, keep_slashes: bool) -> Result<Self, String> {
        let (literal, parameter) = match text.split_once('{') {
            None => (text, Parameter::None),
            Some((literal, parameter)) => (literal, Parameter::parse(parameter)?),
        };
        if literal.contains('}') {
            return Err("'}' without '{'; write '%7D' for one in a path".to_owned());
        }
        check_literal(literal, keep_slashes)?;
        Ok(Self { literal: literal.to_owned(), parameter })
    }
}

impl Parameter {
    /// Parses a parameter from after the opening brace to the end of the segment.
    fn parse(text: &str) -> Result<Self, String> {
        let Some((name, after)) = text.split_once('}') else {
            return Err("'{' without '}'; write '%7B' for one in a path".to_owned());
        };
        if !after.is_empty() {
            return Err("nothing can follow a parameter within its segment".to_owned());
        }
        let (name, parameter) = match name.strip_prefix('*') {
            Some(name) => (name, Self::Rest),
            None => (name, Self::One),
        };
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        match !name.is_empty() && name.chars().all(is_name) {
            true => Ok(parameter),
            false => Err(
                "a parameter is a name in braces ({id}, {*rest}); regular expressions are not supported"
                    .to_owned(),
            ),
        }
    }
}
