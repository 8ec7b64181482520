//! Decoding of JSON from credentials and sessions into the application's types.

use super::error::{Error, ErrorKind};
use super::sanitize::shown;
use serde::de::DeserializeOwned;
use std::any::type_name;

/// serde messages that contain only names from the type.
const NAMES: [&str; 3] =
    ["missing field `", "duplicate field `", "data did not match any variant of untagged enum "];
/// serde messages that may quote a value between these words and the expectation.
const QUOTES: [&str; 5] =
    ["invalid type: ", "invalid value: ", "invalid length ", "unknown field ", "unknown variant "];
/// serde's names for JSON types.
const TYPES: [&str; 7] =
    ["null", "boolean", "integer", "floating point", "string", "sequence", "map"];

/// Decodes JSON; `what` describes it in the error.
///
/// # Errors
/// [`ErrorKind::ClaimsMismatch`], which names the field but no value.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|_| mismatch::<T>(what, json))
}

/// Decodes again to find the path of the error, which would slow down the normal case.
#[cold]
fn mismatch<T: DeserializeOwned>(what: &str, json: &str) -> Error {
    let mut reader = serde_json::Deserializer::from_str(json);
    let why = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => String::new(),
        Err(error) => {
            let why = harmless(&error.inner().to_string());
            match error.path().iter().next() {
                Some(_) => format!(": `{}`: {why}", shown(&error.path().to_string())),
                None => format!(": {why}"),
            }
        }
    };
    Error::new(
        ErrorKind::ClaimsMismatch,
        format!("{what} do not decode into {}{why}", type_name::<T>()),
    )
}

/// Removes quoted values from a serde message.
fn harmless(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if NAMES.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    let quoting = QUOTES.iter().find_map(|start| {
        let (found, expected) = message.strip_prefix(start)?.rsplit_once(", expected ")?;
        let found = TYPES.iter().find(|name| found.starts_with(**name));
        let found = found.map_or("", |found| found);
        Some(format!("{start}{found}, expected {expected}").replace(" ,", ","))
    });
    quoting.unwrap_or_else(|| "its Deserialize impl rejects the value".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde::{Deserialize, Deserializer};
    use std::collections::HashMap;

    #[derive(Debug)]
    struct Picky;

    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let text = String::deserialize(from)?;
            Err(serde::de::Error::custom(format!("no {text}, expected {text}")))
        }
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code)]
    struct Address {
        zip: u32,
    }

    #[derive(Debug, Deserialize)]
    enum Role {
        Admin,
        Guest,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code)]
    struct User {
        email: String,
        address: Option<Address>,
        roles: Option<Vec<Role>>,
        limits: Option<HashMap<String, u8>>,
        picky: Option<Picky>,
    }

    #[test]
    fn errors_name_the_field_and_no_value() {
        for (json, why) in [
            ("{}", "missing field `email`"),
            (r#"{"email":7}"#, "`email`: invalid type: integer, expected a string"),
            (
                r#"{"email":"a","address":{"zip":"the-secret"}}"#,
                "`address.zip`: invalid type: string, expected u32",
            ),
            (
                r#"{"email":"a","address":{"zip":", expected the-secret"}}"#,
                "`address.zip`: invalid type: string, expected u32",
            ),
            (
                r#"{"email":"a","roles":["Admin","the-secret"]}"#,
                "`roles[1]`: unknown variant, expected `Admin` or `Guest`",
            ),
            (
                r#"{"email":"a","limits":{"x":256}}"#,
                "`limits.x`: invalid value: integer, expected u8",
            ),
            (
                r#"{"email":"a","picky":"the-secret"}"#,
                "`picky`: its Deserialize impl rejects the value",
            ),
            (
                r#"{"email":"a","more":"the-secret"}"#,
                "`more`: unknown field, expected one of `email`, `address`, `roles`, `limits`, `picky`",
            ),
        ] {
            let error = decode::<User>("the claims", json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ClaimsMismatch);
            let start = "the claims do not decode into jamguard::core::decode::tests::User: ";
            assert_eq!(error.message(), format!("{start}{why}"));
        }
    }
}
