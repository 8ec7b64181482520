//! Differences between two versions of the settings, and which of them a reload applies.

use crate::config::document::{Node, Value};

/// Top-level keys that a reload applies.
const LIVE: [&str; 4] = ["guards", "unmatched", "keep_encoded_slashes", "log_level"];
/// Keys of a list that a reload applies.
const LIVE_OF_LISTS: [&str; 3] = ["leeway", "max_token_lifetime", "danger_fail_open"];

/// Returns the paths of the keys whose values differ.
pub(super) fn differences(old: &Node, new: &Node) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect(old, new, &mut Vec::new(), &mut found);
    found
}

fn collect(old: &Node, new: &Node, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let (Value::Table(old_entries), Value::Table(new_entries)) = (&old.value, &new.value) else {
        if !old.is_same(new) {
            found.push(path.clone());
        }
        return;
    };
    for entry in old_entries {
        path.push(entry.key.clone());
        match new.get(&entry.key) {
            Some(newer) => collect(&entry.node, &newer.node, path, found),
            None => found.push(path.clone()),
        }
        path.pop();
    }
    for entry in new_entries {
        if old.get(&entry.key).is_none() {
            path.push(entry.key.clone());
            found.push(path.clone());
            path.pop();
        }
    }
}

/// Returns whether a reload applies a change of this key.
pub(super) fn is_live(path: &[String]) -> bool {
    match path {
        [top, ..] if LIVE.contains(&&**top) => true,
        [lists, _, key] => lists == "lists" && LIVE_OF_LISTS.contains(&&**key),
        _ => false,
    }
}

/// Returns the old settings with the new values that a reload applies.
pub(super) fn merged(old: &Node, new: &Node) -> Node {
    let mut merged = old.clone();
    for key in LIVE {
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
