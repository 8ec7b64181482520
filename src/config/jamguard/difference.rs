//! Differences between two versions of the settings, and which of them a reload applies.

use crate::config::document::{Entry, Node, Value};

/// Top-level keys of the route table, which a reload applies.
pub(super) const OF_TABLE: [&str; 3] = ["guards", "unmatched", "keep_encoded_slashes"];
/// The other top-level key that a reload applies.
const LOG_LEVEL: &str = "log_level";
/// Keys of a list that a reload applies.
const LIVE_OF_LISTS: [&str; 3] = ["leeway", "max_token_lifetime", "danger_fail_open"];

/// Returns the paths of the keys whose values differ.
pub(super) fn differences(old: &Node, new: &Node) -> Vec<Vec<String>> {
    let (Value::Table(old_entries), Value::Table(new_entries)) = (&old.value, &new.value) else {
        return if old.is_same(new) { Vec::new() } else { vec![Vec::new()] };
    };
    let added = new_entries.iter().filter(|entry| old.get(&entry.key).is_none());
    let mut found = Vec::new();
    for Entry { key, .. } in old_entries.iter().chain(added) {
        let inner = match (old.get(key), new.get(key)) {
            (Some(old), Some(new)) => differences(&old.node, &new.node),
            _ => vec![Vec::new()],
        };
        found.extend(inner.into_iter().map(|path| [vec![key.clone()], path].concat()));
    }
    found
}

/// Returns whether a reload applies a change of this key.
pub(super) fn is_live(path: &[String]) -> bool {
    match path {
        [top, ..] if top == LOG_LEVEL || OF_TABLE.contains(&&**top) => true,
        [lists, _, key] => lists == "lists" && LIVE_OF_LISTS.contains(&&**key),
        _ => false,
    }
}

/// Returns the old settings with the new values that a reload applies.
pub(super) fn merged(old: &Node, new: &Node) -> Node {
    let mut merged = old.clone();
    for key in OF_TABLE.into_iter().chain([LOG_LEVEL]) {
        merged.put(key, new.get(key).cloned());
    }
    let (Some(old_lists), Some(new_lists)) = (old.get("lists"), new.get("lists")) else {
        return merged;
    };
    let mut lists = old_lists.clone();
    if let Value::Table(entries) = &mut lists.node.value {
        for entry in entries {
            if let Some(newer) = new_lists.node.get(&entry.key) {
                for key in LIVE_OF_LISTS {
                    entry.node.put(key, newer.node.get(key).cloned());
                }
            }
        }
    }
    merged.put("lists", Some(lists));
    merged
}
