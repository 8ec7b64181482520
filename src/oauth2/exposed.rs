//! Serde forms of secrets, for the private types behind `expose_json`.

use crate::core::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A secret that is serialized in plain text.
#[derive(Clone)]
pub(crate) struct Exposed(pub(crate) Secret);

impl Serialize for Exposed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.expose().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Exposed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Secret::new(text)))
    }
}

/// The text of a JSON object.
pub(super) mod object {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<Value>(text).unwrap_or_default().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        let members = Map::deserialize(from)?;
        Ok(Zeroizing::new(Value::Object(members).to_string()))
    }
}
