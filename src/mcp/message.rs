//! The JSON-RPC messages of a request, as far as a guard needs them.

use crate::core::{Error, ErrorKind, json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeSet;

/// The method of messages that call a tool.
const CALL: &str = "tools/call";

/// The start of a header's value that is encoded, as in `=?base64?w6Q=?=`.
const ENCODED: &str = "=?base64?";

/// The call that the headers `Mcp-Method` and `Mcp-Name` name (MCP 2026-07-28, Streamable HTTP,
/// "Standard Request Headers").
pub(super) struct Named {
    pub(super) method: String,
    pub(super) name: Option<String>,
}

impl Named {
    /// Whether the headers name these tools' calls.
    fn is_of(&self, tools: &BTreeSet<String>) -> bool {
        if self.method != CALL {
            return tools.is_empty();
        }
        let is_named = |tool: &String| {
            let plain = self.name.as_ref() == Some(tool) && !tool.starts_with(ENCODED);
            plain || self.name == Some(format!("{ENCODED}{}?=", STANDARD.encode(tool)))
        };
        tools.len() == 1 && tools.iter().all(is_named)
    }
}

/// Returns the names of the tools that a body calls: one message, or a batch.
///
/// Strict, so that no server reads another tool than the guard: a member that appears twice is
/// refused at every level, and so are headers that name another call.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the body is anything else than messages, or its call is not the
/// one that the headers name.
pub(super) fn called_tools(body: &[u8], named: Option<&Named>) -> Result<BTreeSet<String>, Error> {
    let refuse = |message| Error::new(ErrorKind::InvalidRequest, message);
    let tools = parse(body).ok_or_else(|| refuse("the body is no JSON-RPC message or batch"))?;
    match named.is_none_or(|named| named.is_of(&tools)) {
        true => Ok(tools),
        false => Err(refuse("Mcp-Method and Mcp-Name do not name the call of the body")),
    }
}

fn parse(body: &[u8]) -> Option<BTreeSet<String>> {
    let text = std::str::from_utf8(body).ok()?;
    let messages = match serde_json::from_str(text).ok()? {
        Value::Array(messages) => {
            json::object(&format!(r#"{{"batch":{text}}}"#), |_, _| {}).ok()?;
            messages
        }
        message => {
            json::object(text, |_, _| {}).ok()?;
            vec![message]
        }
    };
    let mut tools = BTreeSet::new();
    for message in &messages {
        let method = match message.as_object()?.get("method") {
            Some(method) => method.as_str()?,
            // A response of the client.
            None => continue,
        };
        if method == CALL {
            tools.insert(message.get("params")?.get("name")?.as_str()?.to_owned());
        }
    }
    Some(tools)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(text: &str) -> Option<BTreeSet<String>> {
        called_tools(text.as_bytes(), None).ok()
    }

    #[test]
    fn a_tool_is_found_however_the_message_is_written() {
        for (text, found) in [
            (r#"{"method":"tools/call","params":{"name":"a"}}"#, vec!["a"]),
            (r#" {"params":{"name":"\u0061"},"method":"tools\/call"} "#, vec!["a"]),
            (r#"[{"method":"tools/call","params":{"name":"a"}},{"method":"ping"}]"#, vec!["a"]),
            (r#"{"method":"tools/list","params":{"name":"a"}}"#, vec![]),
            (r#"{"id":1,"result":{}}"#, vec![]),
            ("[]", vec![]),
        ] {
            let found: BTreeSet<String> = found.into_iter().map(str::to_owned).collect();
            assert_eq!(tools(text), Some(found), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            "x",
            "1",
            "[1]",
            r#"{"method":1}"#,
            r#"{"method":"tools/call"}"#,
            r#"{"method":"tools/call","params":["a"]}"#,
            r#"{"method":"tools/call","params":{"name":1}}"#,
            r#"{"method":"ping","method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
            r#"[{"method":"tools/call","params":{"name":"a","name":"b"}}]"#,
            r#"{"method":"ping"}{"method":"tools/call","params":{"name":"a"}}"#,
        ] {
            assert_eq!(tools(text), None, "{text}");
        }
    }

    #[test]
    fn headers_name_the_call_of_the_body_or_the_request_is_refused() {
        let call =
            |tool: &str| format!(r#"{{"method":"tools/call","params":{{"name":"{tool}"}}}}"#);
        let list = r#"{"method":"tools/list"}"#.to_owned();
        let batch = format!("[{},{}]", call("a"), call("b"));
        let literal = "=?base64?YQ==?=";
        for (method, name, body, is_accepted) in [
            (CALL, Some("a"), call("a"), true),
            (CALL, Some("a"), call("b"), false),
            (CALL, Some("A"), call("a"), false),
            (CALL, None, call("a"), false),
            (CALL, Some("a"), list.clone(), false),
            (CALL, Some("a"), batch.clone(), false),
            ("tools/list", None, call("a"), false),
            ("Tools/Call", Some("a"), call("a"), false),
            ("", None, call("a"), false),
            ("tools/list", None, list, true),
            // Encoded, and a name that looks as if it were.
            (CALL, Some("=?base64?w6Q=?="), call("\u{e4}"), true),
            (CALL, Some(literal), call("a"), true),
            (CALL, Some(literal), call(literal), false),
            (CALL, Some("=?base64?PT9iYXNlNjQ/WVE9PT89?="), call(literal), true),
        ] {
            let named = Named { method: method.to_owned(), name: name.map(str::to_owned) };
            let found = called_tools(body.as_bytes(), Some(&named));
            assert_eq!(found.is_ok(), is_accepted, "{method} {name:?} {body}");
        }
    }
}
