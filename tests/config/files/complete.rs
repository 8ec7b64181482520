//! Everything that a builder can set can be set in the file: files with every key of the schema
//! build, and no key is missing.

use crate::files::{SECRET, builder};
use crate::support::folder::Folder;
use jamguard::config::{Document, Format, JamguardBuilder, schema};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::SealingKeys;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Everything at once, but for what excludes something else here.
pub(crate) const FIRST: &str = include_str!("complete_first.toml");

/// What is said in another way.
pub(crate) const SECOND: &str = include_str!("complete_second.toml");

pub(crate) fn documents(folder: &Folder) -> Vec<(&'static str, JamguardBuilder)> {
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let public = key.verifying_key().unwrap();
    let pem = key.expose_private_pem().unwrap().expose().to_owned();
    let sealing = SealingKeys::generate_key().unwrap().expose().to_owned();
    let jwks = format!("{{\"keys\": [{}]}}", public.to_jwk().unwrap().to_json());
    write("es256.pem", &pem);
    write("public.pem", &public.to_pem().unwrap());
    write("keys.json", &jwks);
    write("secret", &format!("{SECRET}-the-second"));
    write("sealing.key", &sealing);
    write("redis.url", "rediss://127.0.0.1:1");
    // Made for this test: nobody trusts them.
    write("root.pem", include_str!("../../stores/redis_servers/tls/ca.pem"));
    write("client.pem", include_str!("../../stores/redis_servers/tls/client.pem"));
    write("client.key", include_str!("../../stores/redis_servers/tls/client.key"));
    let variable = move |name: &str| {
        Some(match name {
            "SECRET" => SECRET.to_owned(),
            "PEM" => pem.clone(),
            "PUBLIC" => public.to_pem().unwrap(),
            "SEALING" => sealing.clone(),
            "JWKS" => jwks.clone(),
            _ => return None,
        })
    };
    let builder =
        builder().variables(variable).authenticator(|auth| auth.enrich(async |_| Ok(json!({}))));
    vec![(FIRST, builder.clone()), (SECOND, builder_without_enrichment(&builder))]
}

fn builder_without_enrichment(builder: &JamguardBuilder) -> JamguardBuilder {
    builder.clone().authenticator(|auth| auth)
}

#[tokio::test]
async fn a_file_with_every_key_builds() {
    let folder = Folder::new("complete");
    for (number, (text, builder)) in documents(&folder).into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.toml"));
        fs::write(&path, text).unwrap();
        builder.clone().check_file(&path).unwrap();
        let opened = folder.store().exists();
        assert!(number > 0 || !opened, "looking at a file opens no store");
        let jam = builder.from_file(&path).unwrap();
        jam.authenticator().unwrap();
        jam.sessions().unwrap();
        if number == 1 {
            let resource = jam.protected_resource().unwrap();
            assert_eq!(resource.identifier(), "http://app:8080/mcp");
        }
        if number == 0 {
            jam.jwt().unwrap();
            jam.client().unwrap();
            jam.login().unwrap().build().unwrap();
            jam.otp().unwrap();
            jam.otp_guard().unwrap();
            jam.recovery_codes().unwrap();
            jam.second_factor().unwrap();
            for name in ["github", "search", "company", "acme"] {
                assert_eq!(jam.oauth2(name).unwrap().client_id(), "client");
            }
            jam.token_source("company").unwrap();
            let github = jam.oauth2_login("github").unwrap();
            let user = async |_| Ok(jamguard::OAuth2User::new("somebody"));
            github.user(user).build().unwrap();
            jam.oauth2_login("search").unwrap().build().unwrap();
            drop(jam.guards().unwrap());
            assert!(folder.store().exists());
            let keys = jam.key_ring("main").unwrap().keys().await.unwrap();
            assert_eq!(keys.len(), 1);
        }
    }
}

/// Walks the schema beside the files: a key that no file has is missing here, or should not be.
#[test]
fn no_key_of_the_schema_is_forgotten() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let read = |text: &str| -> Value {
        let document = Document::from_str(text, Format::Toml).unwrap();
        let document = document.with_variables(|_| Some("x".to_owned()));
        document.read("").unwrap()
    };
    let files = [read(FIRST), read(SECOND), read(include_str!("presets.toml"))];
    let mut uses = BTreeMap::new();
    for file in &files {
        walk(&schema, &schema, file, "File", &mut uses);
    }
    let mut missing = Vec::new();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in definitions {
        let used = uses.get(&**name);
        let keys = definition["properties"].as_object().into_iter().flatten();
        for (key, _) in keys {
            if !used.is_some_and(|used: &BTreeSet<&str>| used.contains(&**key)) {
                missing.push(format!("{name}.{key}"));
            }
        }
    }
    assert!(missing.is_empty(), "no file has {missing:#?}");
    let seen: usize = uses.values().map(BTreeSet::len).sum();
    assert!(seen > 120, "only {seen} keys");
}

/// Notes which keys of each type a value has.
fn walk<'v>(
    schema: &'v Value,
    part: &'v Value,
    value: &'v Value,
    name: &'v str,
    uses: &mut BTreeMap<&'v str, BTreeSet<&'v str>>,
) {
    if let Some(name) = part["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return walk(schema, &schema["$defs"][name], value, name, uses);
    }
    if let (Some(keys), Some(table)) = (part["properties"].as_object(), value.as_object()) {
        for (key, inner) in keys {
            if let Some(value) = table.get(key) {
                uses.entry(name).or_default().insert(key);
                walk(schema, inner, value, name, uses);
            }
        }
    }
    if let (true, Some(table)) = (part["additionalProperties"].is_object(), value.as_object()) {
        for value in table.values() {
            walk(schema, &part["additionalProperties"], value, name, uses);
        }
    }
    if let (true, Some(list)) = (part["items"].is_object(), value.as_array()) {
        for value in list {
            walk(schema, &part["items"], value, name, uses);
        }
    }
    for choice in ["anyOf", "oneOf"] {
        for inner in part[choice].as_array().into_iter().flatten() {
            walk(schema, inner, value, name, uses);
        }
    }
}

/// The schema's keys are those that are read: it refuses what the types refuse.
#[test]
fn the_schema_allows_no_other_keys() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    let mut closed = 0;
    for (name, definition) in definitions {
        if definition["properties"].is_object() {
            assert_eq!(definition["additionalProperties"], false, "{name}");
            closed += 1;
        }
    }
    assert!(closed > 15, "{closed}");
}

/// A variable may hold what only certain texts may be: editors mark `log_level = "${LEVEL}"` as no
/// mistake.
#[test]
fn the_schema_allows_variables_where_it_has_choices() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let mut choices = 0;
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let any = definition["anyOf"].as_array();
        let any: Vec<&Value> = any.into_iter().flatten().collect();
        let is_text = |part: &Value| part["enum"].is_array() || part["const"].is_string();
        assert!(!is_text(definition) && definition["oneOf"].is_null(), "{name}");
        if any.iter().any(|part| is_text(part)) {
            let variable = any.iter().any(|part| part["pattern"] == "\\$\\{");
            assert!(variable, "{name}");
            choices += 1;
        }
    }
    assert!(choices >= 10, "{choices}");
    let file = "
        [jam]
        log_level = '${NOPE:-info}'
        [jam.lists.denied]
        kind = '${NOPE:-deny}'
        store = 'memory'
    ";
    crate::files::jam(file).unwrap();
}
