//! Settings that both a builder and the configuration file set: the macros that declare them, and
//! their types.

use std::time::Duration;

/// Declares the options of a builder: each with its description for the file, and its default.
///
/// The builder keeps them in a field `options`. With the feature `config`, they are deserialized
/// from a section of the file, whose keys have the names of the fields.
macro_rules! options {
    ($(#[$about:meta])* $name:ident {
        $($(#[$described:meta])* $option:ident: $kind:ty = $default:expr,)*
    }) => {
        $(#[$about])*
        #[cfg_attr(feature = "config", derive(serde::Deserialize))]
        #[cfg_attr(feature = "config", serde(default, deny_unknown_fields))]
        #[cfg_attr(all(test, feature = "config"), derive(schemars::JsonSchema))]
        #[derive(Clone)]
        pub(crate) struct $name {
            $($(#[$described])* pub(crate) $option: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($option: $default,)* }
            }
        }
    };
}
pub(crate) use options;

/// Declares the methods of a builder that change one of its fields.
///
/// Each takes the builder and returns it: a method has only its arguments and the change, as in
/// `pub fn realm(realm: impl Into<String>) { self.options.realm = realm.into() }`.
macro_rules! setters {
    ($(
        $(#[$about:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $kind:ty),*) {
            self.$($change:tt)+
        }
    )*) => {
        $(
            $(#[$about])*
            $visibility fn $name(mut self $(, $argument: $kind)*) -> Self {
                self.$($change)+;
                self
            }
        )*
    };
}
pub(crate) use setters;

/// A duration, in the file with its unit, such as `"15m"`, `"1h 30m"`, `"250ms"` or `"30 days"`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Duration);

/// A duration, in the file with its unit or `"unlimited"`, which is [`Duration::MAX`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeOrUnlimited(pub(crate) Duration);

/// Strings, in the file a string or a list of strings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(pub(crate) Vec<String>);

#[cfg(feature = "config")]
mod read {
    use super::{Texts, Time, TimeOrUnlimited};
    use serde::de::{Deserialize, Deserializer, IntoDeserializer, SeqAccess, Visitor};
    use std::fmt;
    use std::marker::PhantomData;
    use std::time::Duration;

    impl<'de> Deserialize<'de> for Time {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let wanted = "a duration with its unit, such as \"15m\", \"1h 30m\" or \"30 days\"";
            deserializer.deserialize_str(TimeReader(wanted, false)).map(Self)
        }
    }

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
            let time = humantime::parse_duration(text);
            time.map_err(|_| E::custom(format!("this must be {}", self.0)))
        }
    }

    impl<'de> Deserialize<'de> for Texts {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            one_or_more(deserializer, "a string or a list of strings").map(Self)
        }
    }

    /// Reads one value that the file gives as a string, or a list of them.
    pub(crate) fn one_or_more<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
        wanted: &'static str,
    ) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_any(OneOrMore(wanted, PhantomData))
    }

    /// A visitor for one or more values, with the expectation in errors.
    struct OneOrMore<T>(&'static str, PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(text.into_deserializer()).map(|value| vec![value])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }
}
#[cfg(feature = "config")]
pub(crate) use read::one_or_more;

/// The JSON Schema of these types.
#[cfg(all(test, feature = "config"))]
pub(crate) mod schemas {
    use super::{Texts, Time, TimeOrUnlimited};

    macro_rules! schema {
        ($type:ty, $name:literal, $schema:tt) => {
            impl schemars::JsonSchema for $type {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    $name.into()
                }

                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    schemars::json_schema!($schema)
                }
            }
        };
    }
    pub(crate) use schema;

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
    schema!(Texts, "Texts", {
        "description": "A string, or a list of strings.",
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}}
        ]
    });
}
