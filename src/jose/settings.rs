//! Algorithms in the configuration file.

use super::algorithm::{Algorithm, Algorithms};
use crate::core::settings::one_or_more;
use serde::{Deserialize, Deserializer, de::Error};

const NAMES: [&str; Algorithm::ALL.len()] = {
    let mut names = [""; Algorithm::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Algorithm::ALL[at].name();
        at += 1;
    }
    names
};

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::unknown_variant(&name, &NAMES))
    }
}

impl<'de> Deserialize<'de> for Algorithms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_more(deserializer, "an algorithm or a list of algorithms").map(Self)
    }
}

/// The JSON Schema of these types.
#[cfg(test)]
mod schemas {
    use super::{Algorithm, Algorithms, NAMES};
    use crate::core::settings::schemas::schema;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    schema!(Algorithm, "Algorithm", {
        "type": "string",
        "description": "A signature algorithm.",
        "enum": NAMES
    });

    impl JsonSchema for Algorithms {
        fn schema_name() -> Cow<'static, str> {
            "Algorithms".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let one = generator.subschema_for::<Algorithm>();
            json_schema!({
                "description": "An algorithm, or a list of algorithms.",
                "anyOf": [one, {"type": "array", "items": one}]
            })
        }
    }
}
