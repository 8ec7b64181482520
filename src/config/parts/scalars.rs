//! Setting types: timestamps, strings and secrets; the rest are in `core::settings`.

use crate::core::Secret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::time::SystemTime;

pub(in crate::config) use crate::core::settings::Texts;

/// Sets what the file gives on a builder.
pub(in crate::config) trait Given: Sized {
    /// Sets a value, if there is one.
    fn given<V: Clone>(self, value: &Option<V>, set: impl FnOnce(Self, V) -> Self) -> Self {
        match value {
            Some(value) => set(self, value.clone()),
            None => self,
        }
    }

    /// Sets a switch, if it is on.
    fn when(self, is_on: bool, set: impl FnOnce(Self) -> Self) -> Self {
        if is_on { set(self) } else { self }
    }
}

impl<B> Given for B {}

/// A point in time in UTC (RFC 3339), such as `2026-11-27T09:00:00Z`.
#[derive(Clone, Copy)]
pub(in crate::config) struct Moment(pub(in crate::config) SystemTime);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = humantime::parse_rfc3339(&text);
        moment
            .map(Self)
            .map_err(|_| D::Error::custom("this must be a time such as 2026-11-27T09:00:00Z"))
    }
}

/// A required string, or a list of alternatives.
///
/// An empty list would require nothing, so it is an error: leave the key out instead.
#[derive(Clone, Default)]
pub(in crate::config) struct AnyOf(pub(in crate::config) Vec<String>);

impl<'de> Deserialize<'de> for AnyOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Texts(texts) = Texts::deserialize(deserializer)?;
        match texts.is_empty() {
            true => Err(D::Error::custom(
                "an empty list requires nothing: name one, or leave the key out",
            )),
            false => Ok(Self(texts)),
        }
    }
}

/// A secret string.
#[derive(Clone)]
pub(in crate::config) struct Hidden(pub(in crate::config) Secret);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// The JSON Schema of these types.
#[cfg(test)]
mod schemas {
    use super::{AnyOf, Hidden, Moment};
    use crate::core::settings::schemas::schema;

    schema!(Moment, "Moment", {
        "type": "string",
        "format": "date-time",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|\+00:00)$",
        "description": "A point in time in UTC (RFC 3339)."
    });
    schema!(AnyOf, "AnyOf", {
        "description": "A string, or a list of strings.",
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1}
        ]
    });
    schema!(Hidden, "Hidden", {
        "type": "string",
        "description": "A secret. Prefer an environment variable, as in \"${NAME}\", or a file."
    });
}
