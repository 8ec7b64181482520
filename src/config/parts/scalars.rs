//! Setting types: durations, timestamps, strings, secrets and algorithms.

use crate::core::secret::Secret;
use crate::jose::Algorithm;
use serde::de::{Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::{Duration, SystemTime};

/// A duration with its unit, such as `"15m"`, `"1h 30m"`, `"250ms"` or `"30 days"`.
#[derive(Clone, Copy)]
pub(in crate::config) struct Time(pub(in crate::config) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a duration with its unit, such as \"15m\", \"1h 30m\" or \"30 days\"";
        deserializer.deserialize_str(TimeReader(wanted, false)).map(Self)
    }
}

/// A duration with its unit, or `"unlimited"`.
#[derive(Clone, Copy)]
pub(in crate::config) struct TimeOrUnlimited(pub(in crate::config) Duration);

impl<'de> Deserialize<'de> for TimeOrUnlimited {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a duration with its unit, such as \"30 days\", or \"unlimited\"";
        deserializer.deserialize_str(TimeReader(wanted, true)).map(Self)
    }
}

/// A visitor for durations: the expectation in errors, and whether `unlimited` is allowed.
struct TimeReader(&'static str, bool);

impl Visitor<'_> for TimeReader {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
        if self.1 && text == "unlimited" {
            return Ok(Duration::MAX);
        }
        // The message of humantime would show the value, which may be a secret.
        humantime::parse_duration(text).map_err(|_| E::custom(format!("this must be {}", self.0)))
    }
}

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

/// A string, or a list of strings.
#[derive(Clone, Default)]
pub(in crate::config) struct Texts(pub(in crate::config) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(Reader)
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

/// A signature algorithm, by its name.
#[derive(Clone, Copy)]
pub(in crate::config) struct Alg(pub(in crate::config) Algorithm);

const ALGORITHMS: [&str; 14] = {
    let mut names = [""; 14];
    let mut at = 0;
    while at < names.len() {
        names[at] = Algorithm::ALL[at].name();
        at += 1;
    }
    names
};

impl<'de> Deserialize<'de> for Alg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match Algorithm::from_name(&name) {
            Some(algorithm) => Ok(Self(algorithm)),
            None => Err(D::Error::unknown_variant(&name, &ALGORITHMS)),
        }
    }
}

/// An algorithm, or a list of algorithms.
#[derive(Default)]
pub(in crate::config) struct Algs(pub(in crate::config) Vec<Alg>);

impl<'de> Deserialize<'de> for Algs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Algs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an algorithm or a list of algorithms")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Algs, E> {
                Alg::deserialize(text.into_deserializer()).map(|alg| Algs(vec![alg]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Algs, A::Error> {
                let mut algs = Vec::new();
                while let Some(alg) = list.next_element()? {
                    algs.push(alg);
                }
                Ok(Algs(algs))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// The JSON Schema of these types.
#[cfg(test)]
mod schemas {
    use super::{ALGORITHMS, Alg, Algs, AnyOf, Hidden, Moment, Texts, Time, TimeOrUnlimited};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    macro_rules! schema {
        ($type:ty, $name:literal, $schema:tt) => {
            impl JsonSchema for $type {
                fn schema_name() -> Cow<'static, str> {
                    $name.into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        };
    }

    /// The pattern of a duration. A variable may replace all or part of it.
    const TIME: &str = r"^\s*([0-9]+(\.[0-9]+)?\s*(nanos|nsec|ns|usec|us|µs|micros|millis|msec|ms|seconds|second|secs|sec|s|minutes|minute|mins|min|m|hours|hour|hrs|hr|h|days|day|d|weeks|week|wks|wk|w|months|month|M|years|year|yrs|yr|y)\s*)+$";

    schema!(Time, "Time", {
        "type": "string",
        "description": "A duration with its unit.",
        "pattern": TIME,
        "examples": ["250ms", "15m", "1h 30m", "30 days"]
    });
    schema!(TimeOrUnlimited, "TimeOrUnlimited", {
        "type": "string",
        "description": "A duration with its unit, or \"unlimited\".",
        "pattern": format!("^unlimited$|{TIME}"),
        "examples": ["1h", "366 days", "unlimited"]
    });
    schema!(Moment, "Moment", {
        "type": "string",
        "format": "date-time",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|\+00:00)$",
        "description": "A point in time in UTC (RFC 3339)."
    });
    schema!(Texts, "Texts", {
        "description": "A string, or a list of strings.",
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}}
        ]
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
    schema!(Alg, "Alg", {
        "type": "string",
        "description": "A signature algorithm.",
        "enum": ALGORITHMS
    });

    impl JsonSchema for Algs {
        fn schema_name() -> Cow<'static, str> {
            "Algs".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let one = generator.subschema_for::<Alg>();
            json_schema!({
                "description": "An algorithm, or a list of algorithms.",
                "anyOf": [one, {"type": "array", "items": one}]
            })
        }
    }
}
