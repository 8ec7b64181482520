//! The JSON Schema of the configuration file.

/// Returns the JSON Schema (2020-12) of a file with the settings under `jam`.
///
/// Editors use it to complete and check files. It has the settings of all features, and is
/// `schema/jam.schema.json` of this crate.
///
/// # Example
/// ```
/// assert!(jamguard::config::schema().contains("\"$schema\""));
/// ```
pub fn schema() -> &'static str {
    include_str!("../../schema/jam.schema.json")
}

#[cfg(all(
    test,
    feature = "axum",
    feature = "actix",
    feature = "client",
    feature = "file",
    feature = "oauth2",
    feature = "otp",
    feature = "redis"
))]
#[expect(clippy::unwrap_used, clippy::panic)]
mod tests {
    use crate::config::parts::AllSettings;
    use schemars::Schema;
    use schemars::transform::{Transform, transform_subschemas};
    use serde_json::{Value, json};

    /// Settings of jamguard.
    #[derive(schemars::JsonSchema)]
    #[schemars(title = "jamguard")]
    #[expect(dead_code)]
    struct File {
        /// The settings, at the default pointer.
        jam: Option<AllSettings>,
    }

    /// Removes `null` from types and defaults: a key is either missing or has a value.
    struct Values;

    impl Transform for Values {
        fn transform(&mut self, schema: &mut Schema) {
            transform_subschemas(self, schema);
            if schema.get("default") == Some(&Value::Null) {
                schema.remove("default");
            }
            let null = json!("null");
            if let Some(Value::Array(types)) = schema.get_mut("type") {
                types.retain(|kind| *kind != null);
                if let [only] = &types[..] {
                    let only = only.clone();
                    schema.insert("type".to_owned(), only);
                }
            }
            let Some(Value::Array(choices)) = schema.get_mut("anyOf") else {
                return;
            };
            choices.retain(|choice| choice["type"] != null);
            if let [Value::Object(only)] = &mut choices[..] {
                let only = std::mem::take(only);
                schema.remove("anyOf");
                for (key, value) in only {
                    schema.insert(key, value);
                }
            }
        }
    }

    /// Allows variables where only certain strings are valid.
    struct Variables;

    impl Transform for Variables {
        fn transform(&mut self, schema: &mut Schema) {
            transform_subschemas(self, schema);
            let choices = match (schema.remove("oneOf"), schema.remove("enum")) {
                (Some(Value::Array(choices)), None) => choices,
                (None, Some(texts)) => {
                    schema.remove("type");
                    vec![json!({"type": "string", "enum": texts})]
                }
                (None, None) => match schema.remove("pattern") {
                    Some(pattern) => {
                        schema.remove("type");
                        vec![json!({"type": "string", "pattern": pattern})]
                    }
                    None => return,
                },
                unknown => panic!("{unknown:?}"),
            };
            let variable = json!({"type": "string", "pattern": "\\$\\{"});
            let any = choices.into_iter().chain([variable]).collect();
            schema.insert("anyOf".to_owned(), Value::Array(any));
        }
    }

    /// Writes the schema file if `UPDATE_SCHEMA` is set.
    #[test]
    fn the_schema_matches_the_types() {
        let mut schema = schemars::schema_for!(File);
        Values.transform(&mut schema);
        Variables.transform(&mut schema);
        let mut text = serde_json::to_string_pretty(&schema).unwrap();
        text.push('\n');
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            std::fs::write(root.join("schema/jam.schema.json"), &text).unwrap();
            return;
        }
        assert!(
            super::schema() == text,
            "schema/jam.schema.json differs from the types: run this test with UPDATE_SCHEMA=1"
        );
    }
}
