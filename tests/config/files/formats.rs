//! TOML, YAML and JSON say the same.

use crate::files::{SECRET, builder, variable};
use crate::support::folder::Folder;
use jamguard::config::{Document, Format};
use serde_json::{Value, json};
use std::fs;

const TOML: &str = r#"
[jam]
unmatched = "deny"

[jam.jwt]
algorithm = "HS256"
secret = "${SECRET}"
issuer = "https://app.example"
audience = ["api", "web"]
lifetime = "1h 30m"
deny_lists = "denied"

[jam.lists.denied]
kind = "deny"
store = "memory"
danger_fail_open = true

[jam.sessions]
store = "main"
max_bytes = 4096

[jam.stores.main]
memory = { max_bytes = 1000000 }

[[jam.guards]]
path = "/articles/{id}"
methods = ["PUT", "DELETE"]
policy = "role:editor"

[[jam.guards]]
path = "/"
public = true
"#;

const YAML: &str = r#"
# The same, with an alias.
jam:
  unmatched: deny
  jwt:
    algorithm: HS256
    secret: ${SECRET}
    issuer: "https://app.example"
    audience: [api, web]
    lifetime: 1h 30m
    deny_lists: &denied denied
  lists:
    denied:
      kind: deny
      store: memory
      danger_fail_open: true
  sessions: {store: main, max_bytes: 4096}
  stores:
    main:
      memory:
        max_bytes: 1000000
  guards:
    - path: /articles/{id}
      methods: [PUT, DELETE]
      policy: role:editor
    - path: /
      public: true
"#;

const JSON: &str = r#"{"jam": {
    "unmatched": "deny",
    "jwt": {
        "algorithm": "HS256", "secret": "${SECRET}", "issuer": "https:\/\/app.example",
        "audience": ["api", "web"], "lifetime": "1h 30m", "deny_lists": "denied"
    },
    "lists": {"denied": {"kind": "deny", "store": "memory", "danger_fail_open": true}},
    "sessions": {"store": "main", "max_bytes": 4096},
    "stores": {"main": {"memory": {"max_bytes": 1000000}}},
    "guards": [
        {"path": "/articles/{id}", "methods": ["PUT", "DELETE"], "policy": "role:editor"},
        {"path": "/", "public": true}
    ]
}}"#;

/// One configuration in three formats gives the same result, and so does a value in code.
#[tokio::test]
async fn the_same_configuration_in_each_format_is_the_same() {
    let formats = [(TOML, Format::Toml), (YAML, Format::Yaml), (JSON, Format::Json)];
    let value = |text: &str, format| {
        let document = Document::from_str(text, format).unwrap().with_variables(variable);
        document.read::<Value>("jam").unwrap()
    };
    let expected = value(TOML, Format::Toml);
    assert_eq!(expected["jwt"]["secret"], SECRET);
    assert_eq!(expected["sessions"]["max_bytes"], 4096);
    let mut jams = Vec::new();
    for (text, format) in formats {
        assert_eq!(value(text, format), expected, "{format:?}");
        jams.push(builder().from_str(text, format).unwrap());
    }
    jams.push(builder().from_value(&json!({"jam": expected})).unwrap());
    let first = &jams[0];
    let token = first.jwt().unwrap().issue(&json!({"sub": "42"})).await.unwrap();
    for jam in &jams {
        let verified = jam.jwt().unwrap().verifier().verify(token.expose()).await.unwrap();
        assert_eq!(verified.subject(), Some("42"));
        let table = jam.route_table().unwrap();
        assert_eq!(table.to_string(), first.route_table().unwrap().to_string());
        let named = |jam: &jamguard::Jamguard| format!("{jam:?}");
        assert_eq!(named(jam), named(first));
    }
}

/// The extension selects TOML, YAML or JSON.
#[test]
fn the_extension_says_which_format() {
    let folder = Folder::new("extensions");
    for (name, text) in
        [("a.toml", TOML), ("a.TOML", TOML), ("b.yaml", YAML), ("b.yml", YAML), ("c.json", JSON)]
    {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        assert!(builder().from_file(&path).is_ok(), "{name}");
        builder().check_file(&path).unwrap();
    }
    let wrong = folder.path().join("toml.json");
    fs::write(&wrong, TOML).unwrap();
    assert!(builder().from_file(&wrong).is_err());
    // A mark of the byte order, as some editors leave it.
    for (name, text) in [("d.toml", TOML), ("d.yaml", YAML), ("d.json", JSON)] {
        let path = folder.path().join(name);
        fs::write(&path, format!("\u{feff}{text}")).unwrap();
        assert!(builder().from_file(&path).is_ok(), "{name}");
    }
}

/// What texts without quotes are in YAML's core schema.
#[test]
fn yaml_values_are_those_of_its_core_schema() {
    let text = "
a: {null: ~, empty: , yes: yes, off: off, version: 1.10, port: 0x1F, octal: 0o17, old: 017}
b: [true, False, -3, +3, 1e3, .5, 5., 1_000, '1', \"true\", 2026-11-27, 12:30, 0x, -0x1, '']
c: |
  two
  lines
d: >-
  one
  line
8080: key
";
    let document = Document::from_str(text, Format::Yaml).unwrap();
    let value: Value = document.read("").unwrap();
    assert_eq!(
        value,
        json!({
            "a": {
                "null": null, "empty": null, "yes": "yes", "off": "off", "version": 1.10,
                "port": 31, "octal": 15, "old": 17,
            },
            "b": [
                true, false, -3, 3, 1000.0, 0.5, 5.0, "1_000", "1", "true", "2026-11-27", "12:30",
                "0x", "-0x1", "",
            ],
            "c": "two\nlines\n",
            "d": "one line",
            "8080": "key",
        })
    );
    for refused in
        ["a: !!str 1", "a: !own b", "a: 1\n---\nb: 2", "? [a]\n: b", "<<: {a: 1}\n*x : b"]
    {
        assert!(Document::from_str(refused, Format::Yaml).is_err(), "{refused}");
    }
}

/// `${NAME}`, `${NAME:-default}`, `$${`.
#[test]
fn variables_defaults_and_escapes() {
    for (text, value) in [
        ("${SECRET}", SECRET),
        ("${SECRET:-x}", SECRET),
        ("${NOPE:-x}", "x"),
        ("${NOPE:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-x}", "x"),
        ("a-${NOPE:-b}-${NOPE:-c}", "a-b-c"),
        ("${NOPE:-a:-b}", "a:-b"),
        ("${NOPE:-$x}", "$x"),
        ("$${NOPE}", "${NOPE}"),
        ("$${NOPE}${NOPE:-x}", "${NOPE}x"),
        ("$$${NOPE}", "$${NOPE}"),
        ("a$${", "a${"),
        ("$NOPE", "$NOPE"),
        ("pa$$word$", "pa$$word$"),
        ("$2b$10$abc", "$2b$10$abc"),
        ("${ITSELF}", "${ITSELF} ${SECRET}"),
        ("100 % {x}", "100 % {x}"),
        ("é${NOPE:-ü}ß", "éüß"),
    ] {
        let file = json!({"a": {"text": text, "list": [[text]]}});
        let document = Document::from_value(&file).unwrap().with_variables(variable);
        let read: Value = document.read("a").unwrap();
        assert_eq!(read, json!({"text": value, "list": [[value]]}), "{text}");
    }
}

/// A dotted pointer, `jam` unless another is given.
#[test]
fn the_pointer_is_dotted_and_jam_by_default() {
    let nested = TOML.replace("[jam", "[services.auth").replace("[[jam", "[[services.auth");
    let at = |pointer: &str| builder().pointer(pointer).from_str(&nested, Format::Toml);
    assert!(at("services.auth").unwrap().jwt().is_ok());
    assert!(builder().from_str(&nested, Format::Toml).is_err());
    let bare = TOML.replace("[jam]", "").replace("jam.", "");
    let whole = builder().pointer("").from_str(&bare, Format::Toml).unwrap();
    assert!(whole.jwt().is_ok());
}

#[test]
fn the_application_reads_a_list_into_a_tuple_struct() {
    #[derive(serde::Deserialize)]
    struct Hours(u8, u8);

    #[derive(serde::Deserialize)]
    struct Shop {
        open: Hours,
    }

    let document = Document::from_str("[shop]\nopen = [8, 20]", Format::Toml).unwrap();
    let Shop { open: Hours(from, to) } = document.read("shop").unwrap();
    assert_eq!((from, to), (8, 20));
    let table = Document::from_str("[shop]\nopen = {from = 8}", Format::Toml).unwrap();
    assert!(table.read::<Shop>("shop").is_err());
}
