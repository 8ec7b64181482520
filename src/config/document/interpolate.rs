//! Expansion of the variables `${NAME}` and `${NAME:-default}` in strings.

use super::node::{Node, Value};
use super::problem::Problem;
use zeroize::Zeroizing;

/// Maximum length of an expanded string, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Expands the variables in every string of a part of the file.
pub(super) fn interpolate(
    node: &mut Node,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Problem> {
    node.try_each(&mut |node| {
        if let Value::Text(text) = &mut node.value
            && text.contains("${")
        {
            *text = replaced(text, variable).map_err(|problem| problem.on(node.line))?;
        }
        Ok(())
    })
}

/// Expands from left to right, once: values of variables are not expanded again.
fn replaced(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Zeroizing<String>, Problem> {
    let mut done = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            done.push_str(before);
            done.push_str("${");
            rest = after;
            continue;
        }
        done.push_str(before);
        let Some(end) = after.find('}') else {
            return Err(Problem::new("a '${' has no closing '}': write $${ for a literal ${"));
        };
        let (name, default) = match after[..end].split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (&after[..end], None),
        };
        // The default would end at the first '}', so a nested variable would not be expanded.
        if default.is_some_and(|default| default.contains('{')) {
            return Err(Problem::new(
                "a default cannot contain '{' or another variable: set the variable itself",
            ));
        }
        if !is_name(name) {
            return Err(Problem::new(
                "the text in '${…}' is not a variable name: use letters, digits and _, or write \
                 $${ for a literal ${",
            ));
        }
        // As in a shell, the default also replaces an empty variable.
        let value = variable(name).filter(|value| default.is_none() || !value.is_empty());
        match (value.map(Zeroizing::new), default) {
            (Some(value), _) => done.push_str(&value),
            (None, Some(default)) => done.push_str(default),
            (None, None) => {
                return Err(Problem::new(format!(
                    "the environment variable {name} is not set: set it, or give a default as in \
                     ${{{name}:-…}}"
                )));
            }
        }
        // Checked in the loop too, so that many variables cannot fill the memory.
        check_length(&done)?;
        rest = &after[end + 1..];
    }
    done.push_str(rest);
    check_length(&done)?;
    Ok(done)
}

fn check_length(text: &str) -> Result<(), Problem> {
    match text.len() > MAX_TEXT {
        true => Err(Problem::new("the expanded string is over 1 MiB")),
        false => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
