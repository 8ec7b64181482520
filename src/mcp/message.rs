//! The JSON-RPC messages of a request, as far as a guard needs them.

use crate::core::{Error, ErrorKind, json};
use serde_json::Value;
use std::collections::BTreeSet;

/// The method of messages that call a tool.
const CALL: &str = "tools/call";

/// Returns the names of the tools that a body calls: one message, or a batch.
///
/// Strict, so that no server reads another tool than the guard: a member that appears twice is
/// refused at every level.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the body is anything else than messages.
pub(super) fn called_tools(body: &[u8]) -> Result<BTreeSet<String>, Error> {
    parse(body).ok_or_else(|| {
        Error::new(ErrorKind::InvalidRequest, "the body is no JSON-RPC message or batch")
    })
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
        called_tools(text.as_bytes()).ok()
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
}
