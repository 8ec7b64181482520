//! A configuration file.
//!
//! Oracle: the same settings, written as TOML and as YAML, are read as the JSON of the input is, and build
//! or fail with the same error, whichever way they are written.
//!
//! The first byte selects how TOML and YAML are written.

use crate::{Verdict, strict};
use jamguard::Error;
use jamguard::config::{Document, Format, JamguardBuilder};
use jamguard::{Jamguard, store::MemoryStore};
use serde_json::{Map, Value};

pub const WORDS: &[&str] = &[
    "\"jam\":{",
    "\"jwt\":{",
    "\"secret\":\"",
    "\"algorithm\":\"HS256\"",
    "\"issuer\":",
    "\"audience\":",
    "\"lifetime\":\"1h 30m\"",
    "\"sessions\":{",
    "\"store\":\"mine\"",
    "\"stores\":{",
    "\"memory\":{}",
    "\"guards\":[",
    "\"path\":\"/a\"",
    "\"policy\":\"role:a\"",
    "\"public\":true",
    "\"methods\":",
    "\"unmatched\":\"deny\"",
    "\"lists\":{",
    "\"kind\":\"deny\"",
    "\"verifiers\":{",
    "\"jwks_url\":",
    "\"leeway\":\"1m\"",
    "\"cookies\":{",
    "\"sources\":",
    "\"max_bytes\":65536",
    "\"claim_paths\":{",
    "\"key_rings\":{",
    "\"${A}\"",
    "\"$${A}\"",
    "null",
    "-0.0",
    "1e300",
    "18446744073709551615",
    "1.0",
    "\\u0000",
    "\\ud83d\\ude00",
    "\u{e9}",
    "\u{7f}",
    "\u{2028}",
    "yes",
    "0x1F",
    "2026-01-01",
    "~",
    "}",
    "]",
    ",",
];

pub fn run(data: &[u8]) -> Verdict {
    let Some((&style, data)) = data.split_first() else {
        return Verdict::Refused;
    };
    let Ok(json) = std::str::from_utf8(data) else {
        return Verdict::Refused;
    };
    let built = builder().from_str(json, Format::Json);
    let Some(settings) = strict::object(data) else {
        assert!(built.is_err(), "not a JSON object without repeated members: {json}");
        return Verdict::Refused;
    };
    let read = |text: &str, format| -> Result<Value, Error> {
        Document::from_str(text, format)?.with_variables(variable).read("")
    };
    // In the order that the other formats get too: the first of several mistakes is reported.
    let sorted = Value::Object(settings.clone()).to_string();
    let (in_any_order, built) = (built, builder().from_str(&sorted, Format::Json));
    assert_eq!(in_any_order.is_ok(), built.is_ok(), "{json}");
    let (json, expected) = (&sorted, read(&sorted, Format::Json));
    let writer = Writer { style };
    let toml = (!has_null(&settings)).then(|| (Format::Toml, writer.toml(&settings)));
    for (format, text) in toml.into_iter().chain([(Format::Yaml, writer.yaml(&settings))]) {
        let found = read(&text, format);
        if format == Format::Toml && writer.tables_last() && built.is_err() {
            assert!(builder().from_str(&text, format).is_err(), "{json}\n{text}");
            continue;
        }
        match (&expected, &found) {
            (Ok(expected), Ok(found)) => assert!(same(expected, found), "{json}\n{text}"),
            (Err(expected), Err(found)) => {
                assert_eq!(shown(expected), shown(found), "{json}\n{text}");
            }
            _ => panic!("{expected:?}, {format:?} {found:?}: {json}\n{text}"),
        }
        agree(&built, &builder().from_str(&text, format), json, &text);
    }
    agree(&built, &builder().from_value(&Value::Object(settings)), json, "as a value");
    Verdict::of(&built)
}

fn builder() -> JamguardBuilder {
    Jamguard::builder().store("mine", MemoryStore::new()).variables(variable)
}

fn variable(name: &str) -> Option<String> {
    (name == "A").then(|| "a value".to_owned())
}

fn agree(
    expected: &Result<Jamguard, Error>,
    found: &Result<Jamguard, Error>,
    json: &str,
    text: &str,
) {
    match (expected, found) {
        (Ok(expected), Ok(found)) => {
            assert_eq!(format!("{expected:?}"), format!("{found:?}"), "{json}\n{text}");
            let table = |jam: &Jamguard| format!("{:?}", jam.route_table().ok());
            assert_eq!(table(expected), table(found), "{json}\n{text}");
        }
        (Err(expected), Err(found)) => assert_eq!(shown(expected), shown(found), "{json}\n{text}"),
        _ => panic!("{expected:?} but {found:?}: {json}\n{text}"),
    }
}

/// The error without its lines, which depend on the format: `configuration:7: …`, `line 7`.
fn shown(error: &Error) -> (jamguard::ErrorKind, String) {
    let message = error.message();
    let message = match message.strip_prefix("configuration:") {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("configuration{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => message.to_owned(),
    };
    (error.kind(), message)
}

/// TOML and YAML have one order of members; numbers are compared by value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() && b.is_f64() && a.as_f64() == b.as_f64())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn has_null(members: &Map<String, Value>) -> bool {
    fn in_value(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(values) => values.iter().any(in_value),
            Value::Object(members) => has_null(members),
            _ => false,
        }
    }
    members.values().any(in_value)
}

struct Writer {
    style: u8,
}

impl Writer {
    /// Whether TOML has the tables of tables at their end.
    fn tables_last(&self) -> bool {
        self.style & 1 == 0
    }

    fn toml(&self, settings: &Map<String, Value>) -> String {
        let mut out = String::new();
        self.toml_table(settings, "", &mut out);
        out
    }

    /// Writes values before tables: what follows a table's header belongs to it.
    fn toml_table(&self, table: &Map<String, Value>, path: &str, out: &mut String) {
        let is_table = |value: &Value| value.is_object() && self.tables_last();
        for (name, value) in table.iter().filter(|(_, value)| !is_table(value)) {
            *out += &format!("{} = {}\n", quoted(name), inline(value, " = "));
        }
        for (name, value) in table.iter().filter(|(_, value)| is_table(value)) {
            let path = format!("{path}{}{}", if path.is_empty() { "" } else { "." }, quoted(name));
            *out += &format!("[{path}]\n");
            if let Value::Object(table) = value {
                self.toml_table(table, &path, out);
            }
        }
    }

    fn yaml(&self, settings: &Map<String, Value>) -> String {
        let mut out = String::from(if self.style & 2 == 0 { "" } else { "---\n" });
        match self.style & 4 == 0 && !settings.is_empty() {
            true => self.yaml_block(&Value::Object(settings.clone()), 0, &mut out),
            false => out += &inline(&Value::Object(settings.clone()), ": "),
        }
        out
    }

    fn yaml_block(&self, value: &Value, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        let mut entry = |start: String, value: &Value| match value {
            Value::Object(members) if !members.is_empty() => {
                *out += &format!("{indent}{start}\n");
                self.yaml_block(value, depth + 1, out);
            }
            Value::Array(values) if !values.is_empty() => {
                *out += &format!("{indent}{start}\n");
                self.yaml_block(value, depth + 1, out);
            }
            value => *out += &format!("{indent}{start} {}\n", self.yaml_scalar(value)),
        };
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| entry(format!("{}:", quoted(name)), value));
            }
            Value::Array(values) => values.iter().for_each(|value| entry("-".to_owned(), value)),
            value => *out += &inline(value, ": "),
        }
    }

    /// Writes words as they are, if the style says so.
    fn yaml_scalar(&self, value: &Value) -> String {
        let is_word = |text: &str| {
            let reserved = ["null", "true", "false"];
            let lower = text.to_ascii_lowercase();
            !reserved.contains(&&*lower)
                && text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        match value {
            Value::String(text) if self.style & 8 == 0 && is_word(text) => text.clone(),
            value => inline(value, ": "),
        }
    }
}

/// Writes a value in one line, as TOML and YAML both read it.
fn inline(value: &Value, equals: &str) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(|value| inline(value, equals)).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}{equals}{}", quoted(name), inline(value, equals))
            };
            let members: Vec<_> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// Escapes all but visible ASCII, in the way of TOML and YAML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if u32::from(c) <= 0xffff => out += &format!("\\u{:04X}", u32::from(c)),
            c => out += &format!("\\U{:08X}", u32::from(c)),
        }
    }
    out.push('"');
    out
}
