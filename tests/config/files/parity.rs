//! The JSON Schema and the parser agree: what an editor marks is what a program refuses.

use crate::files::complete::{FIRST, SECOND};
use crate::files::{SECRET, builder};
use jamguard::config::{Document, Format, schema};
use serde_json::{Map, Value, json};

/// Why a value is not what the schema says, in as much of JSON Schema as the file's schema is made
/// of; nothing where it is.
fn fault(root: &Value, part: &Value, value: &Value) -> Option<String> {
    let part = part.as_object()?;
    let told = |what: &str| Some(format!("{what}: {value}"));
    for (keyword, rule) in part {
        let wrong = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "examples" | "format" => {
                None
            }
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                fault(root, &root["$defs"][name], value)
            }
            "type" => (!is(rule.as_str().unwrap(), value)).then(|| format!("no {rule}: {value}")),
            "const" if rule != value => told("another"),
            "enum" if !rule.as_array().unwrap().contains(value) => told("no choice"),
            "anyOf" => {
                let mut faults = rule.as_array().unwrap().iter().map(|any| fault(root, any, value));
                (!faults.any(|fault| fault.is_none())).then(|| format!("none of them: {value}"))
            }
            "required" => rule.as_array().unwrap().iter().find_map(|key| {
                let missing = value.is_object() && value.get(key.as_str().unwrap()).is_none();
                missing.then(|| format!("{key} is missing"))
            }),
            "properties" => rule
                .as_object()
                .unwrap()
                .iter()
                .find_map(|(key, rule)| fault(root, rule, value.get(key)?)),
            "additionalProperties" => {
                let none = Map::new();
                let known = part.get("properties").and_then(Value::as_object).unwrap_or(&none);
                let others = value.as_object().into_iter().flatten();
                let mut others = others.filter(|(key, _)| !known.contains_key(*key));
                others.find_map(|(key, value)| match rule {
                    Value::Bool(false) => Some(format!("unknown: {key}")),
                    rule => fault(root, rule, value),
                })
            }
            "minItems" => {
                let short = |list: &Vec<Value>| (list.len() as u64) < rule.as_u64().unwrap();
                value.as_array().is_some_and(short).then(|| format!("too few: {value}"))
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten();
                items.find_map(|item| fault(root, rule, item))
            }
            "pattern" => {
                let pattern = regex_lite::Regex::new(rule.as_str().unwrap()).unwrap();
                let fits = value.as_str().is_none_or(|text| pattern.is_match(text));
                if fits { None } else { told("no such text") }
            }
            "minimum" if value.as_f64() < rule.as_f64() => told("too small"),
            "maximum" if value.as_f64() > rule.as_f64() => told("too large"),
            "const" | "enum" | "minimum" | "maximum" => None,
            unknown => panic!("the schema has '{unknown}', which is not understood here"),
        };
        if wrong.is_some() {
            return wrong;
        }
    }
    None
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    }
}

fn schema_fault(file: &Value) -> Option<String> {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    fault(&schema, &schema, file)
}

/// A file in which one key of a section is this.
fn with(section: &str, key: &str, value: Value) -> Value {
    let mut jam = json!({
        "jwt": {"algorithm": "HS256", "secret": "${SECRET}"},
        "sessions": {"store": "memory"},
        "lists": {"denied": {"kind": "deny", "store": "memory"}},
        "verifiers": {"a": {
            "algorithms": ["HS256"],
            "keys": [{"algorithm": "HS256", "secret": "${SECRET}"}],
            "any_audience": true
        }},
        "key_rings": {"ring": {"algorithm": "HS256", "keys": [{"secret": "${SECRET}"}]}},
        "stores": {"main": {"memory": {}}},
        "authenticator": {},
        "otp": {},
        "unmatched": "deny",
        "guards": [{"path": "/", "public": true}]
    });
    let place = jam.pointer_mut(section).unwrap();
    place[key] = value;
    json!({"jam": jam})
}

#[test]
fn the_schema_and_the_parser_agree_on_good_and_bad() {
    let jwt = "/jwt";
    let auth = "/authenticator";
    let verifier = "/verifiers/a";
    let key = "/key_rings/ring/keys/0";
    let good = [
        (jwt, "lifetime", json!("15m")),
        (jwt, "lifetime", json!("1h 30m")),
        (jwt, "lifetime", json!("1hour 12min 5s")),
        (jwt, "lifetime", json!("30 days")),
        (jwt, "lifetime", json!("1.5h")),
        (jwt, "lifetime", json!(" 2w ")),
        (jwt, "lifetime", json!("${NOPE:-15m}")),
        (jwt, "lifetime", json!("${NOPE:-15}m")),
        (jwt, "leeway", json!("250ms")),
        (jwt, "audience", json!("a")),
        (jwt, "audience", json!(["a", "b"])),
        (jwt, "deny_lists", json!("denied")),
        (jwt, "danger_lifetime_over_a_year", json!(true)),
        (jwt, "algorithm", json!("${NOPE:-HS256}")),
        ("/lists/denied", "max_token_lifetime", json!("unlimited")),
        ("/lists/denied", "max_token_lifetime", json!("366 days")),
        (key, "current_from", json!("2026-11-27T09:00:00Z")),
        (key, "current_from", json!("2026-11-27T09:00:00.5+00:00")),
        (key, "current_from", json!("${NOPE:-2026-11-27T09:00:00Z}")),
        ("/sessions", "max_bytes", json!(4096)),
        ("/sessions", "cache_bytes", json!(0)),
        ("/stores/main", "near", json!({"max_bytes": 100_000})),
        (verifier, "algorithms", json!("HS256")),
        (verifier, "algorithms", json!("${NOPE:-HS256}")),
        (verifier, "algorithms", json!(["HS256", "${NOPE:-HS256}"])),
        (verifier, "issuer", json!(["a", "b"])),
        (verifier, "require_text", json!({"tenant": "a"})),
        (verifier, "token_kind", json!({"token_use": "access"})),
        (verifier, "token_kind", json!({"typ": ["Bearer", "DPoP"]})),
        (verifier, "danger_accept_bound_tokens", json!(true)),
        (verifier, "danger_accept_text_dates", json!(true)),
        (verifier, "numeric_subject", json!(true)),
        (verifier, "try_several_keys", json!(true)),
        (verifier, "access_token_profile", json!(true)),
        (verifier, "client_ids", json!("web")),
        (verifier, "client_ids", json!(["web", "app"])),
        (verifier, "issuer_family", json!({"https://a.example/{tid}": "blue"})),
        (verifier, "issuer_family", json!({"https://a.example/{tid}/v2.0": ["blue", "green"]})),
        (verifier, "any_of_issuer_family", json!("https://a.example/{tid}")),
        (
            verifier,
            "any_of_issuer_family",
            json!(["https://a.example/{tid}", "https://b.example/{tid}"]),
        ),
        (verifier, "issuer_verifies_emails", json!(true)),
        (auth, "sources", json!(["bearer", {"header": "x-token"}, "session"])),
        (auth, "claim_paths", json!({"preset": "keycloak", "roles": ["a.b", ["c"]]})),
        ("", "log_level", json!("debug")),
        ("", "guards", json!([])),
        ("/guards/0", "methods", json!("GET HEAD")),
        ("/guards/0", "methods", json!(["GET"])),
    ];
    let null = Value::Null;
    let bad = [
        ("", "jwt", null.clone()),
        ("", "guards", null.clone()),
        ("", "log_level", null.clone()),
        ("", "log_level", json!("loud")),
        ("", "unmatched", null.clone()),
        ("", "keep_encoded_slashes", null.clone()),
        ("", "nothing", json!(1)),
        ("/sessions", "encryption", null.clone()),
        ("/sessions", "encryption", json!([])),
        ("/sessions", "max_bytes", null.clone()),
        ("/sessions", "max_bytes", json!("4 KiB")),
        ("/sessions", "max_bytes", json!(-1)),
        ("/sessions", "max_bytes", json!(1.5)),
        ("/sessions", "store", json!(7)),
        (jwt, "lifetime", json!(15)),
        (jwt, "lifetime", json!("15")),
        (jwt, "lifetime", json!("long")),
        (jwt, "lifetime", json!("")),
        (jwt, "lifetime", json!("15 m s")),
        (jwt, "lifetime", json!("-15m")),
        (jwt, "lifetime", json!("15q")),
        (jwt, "lifetime", json!("unlimited")),
        (jwt, "lifetime", null.clone()),
        (jwt, "audience", json!([1])),
        (jwt, "audience", null.clone()),
        (jwt, "deny_lists", json!([null])),
        (jwt, "issuer", json!(["a"])),
        (jwt, "algorithm", json!("HS1")),
        (jwt, "algorithm", json!(["HS256"])),
        (jwt, "danger_lifetime_over_a_year", json!("yes")),
        ("/lists/denied", "kind", json!("grey")),
        ("/lists/denied", "kind", json!({"deny": null})),
        ("/lists/denied", "max_token_lifetime", json!("for ever")),
        (key, "current_from", json!("2026-11-27")),
        (key, "current_from", json!("2026-11-27T09:00:00")),
        (key, "current_from", json!("2026-11-27T09:00:00+01:00")),
        (key, "current_from", json!(1_800_000_000)),
        ("/stores/main", "near", null.clone()),
        ("/stores/main", "memory", null.clone()),
        (verifier, "algorithms", json!("HS1")),
        (verifier, "issuer", json!([])),
        (verifier, "audience", json!([])),
        (verifier, "allow_lists", json!([])),
        (verifier, "algorithms", json!(["HS1"])),
        (verifier, "algorithms", json!([["HS256"]])),
        (verifier, "algorithms", null.clone()),
        (verifier, "require_text", json!({"tenant": 1})),
        (verifier, "token_kind", json!({"token_use": []})),
        (verifier, "token_kind", json!("access")),
        (verifier, "client_ids", json!([])),
        (verifier, "client_ids", json!([1])),
        (verifier, "client_id_instead_of_audience", json!("web")),
        (verifier, "issuer_family", json!({"https://a.example/{tid}": []})),
        (verifier, "issuer_family", json!("https://a.example/{tid}")),
        (verifier, "any_of_issuer_family", json!([])),
        (verifier, "any_of_issuer_family", json!({"https://a.example/{tid}": "any"})),
        (verifier, "access_token_profile", json!("rfc9068")),
        (auth, "sources", json!("bearer")),
        (auth, "sources", json!([{"bearer": null}])),
        (auth, "sources", json!([{"bearer": {}}])),
        (auth, "sources", json!(["header"])),
        (auth, "sources", json!([{"header": null}])),
        (auth, "sources", json!([{"header": "a", "cookie": "b"}])),
        (auth, "sources", json!([null])),
        (auth, "session_cookie", json!({"same_site": "none"})),
        (auth, "session_cookie", null.clone()),
        (auth, "claim_paths", json!({"roles": [[1]]})),
        ("/guards/0", "public", null.clone()),
        ("/guards/0", "methods", null),
        ("/guards/0", "methods", json!(1)),
        ("/otp", "digits", json!("6")),
    ];
    let both = |file: &Value| (builder().from_value(file).err(), schema_fault(file));
    for (section, key, value) in good {
        let (parser, schema) = both(&with(section, key, value.clone()));
        assert!(
            parser.is_none() && schema.is_none(),
            "{section}/{key} {value}: {parser:?} {schema:?}"
        );
    }
    for (section, key, value) in bad {
        let (parser, schema) = both(&with(section, key, value.clone()));
        assert!(
            parser.is_some() && schema.is_some(),
            "{section}/{key} {value}: {parser:?} {schema:?}"
        );
    }
    for whole in [json!({"jam": null}), json!({"jam": []}), json!([]), json!({"jam": "x"})] {
        let (parser, schema) = both(&whole);
        assert!(parser.is_some() && schema.is_some(), "{whole}: {parser:?} {schema:?}");
    }
}

/// Files that build are sound to the schema as they are written, variables and all.
#[test]
fn the_schema_takes_files_as_they_are_written() {
    let samples = [
        (FIRST, Format::Toml),
        (SECOND, Format::Toml),
        (include_str!("../../../examples/config/jam.toml"), Format::Toml),
        (include_str!("../../../examples/config/jam.yaml"), Format::Yaml),
        (include_str!("../../../examples/config/jam.json"), Format::Json),
    ];
    for (text, format) in samples {
        let document = Document::from_str(text, format).unwrap();
        // As the schema sees it: what stands in the file, not what the variables make of it.
        let as_written = text.replace("${", "$${");
        let written = Document::from_str(&as_written, format).unwrap();
        let file: Value = written.read("").unwrap();
        assert!(!file.to_string().contains(SECRET));
        assert_eq!(schema_fault(&file), None, "{document:?} {format:?}");
    }
}
