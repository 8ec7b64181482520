//! The table of `docs/interop.md`, whose rows come from the runs.

use super::probe::Row;
use std::fs;
use std::path::PathBuf;

fn document() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "docs/interop.md"].iter().collect()
}

/// The difference between the document's row of an issuer and the row of this run, if there is one.
///
/// With `UPDATE_INTEROP` set, the document gets the row of this run.
pub(crate) fn compare(name: &str, row: &Row) -> Option<String> {
    let Row { version, discovery, jwt, opaque, dpop, scopes, roles, login, logout } = row;
    let cells = [discovery, jwt, opaque, dpop, scopes, roles, login, logout].map(String::as_str);
    let line = format!("| {name} {version} | {} |", cells.join(" | "));
    println!("{line}");
    let text = fs::read_to_string(document()).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let start = format!("| {name} ");
    let place = lines.iter().position(|line| line.starts_with(&start));
    let place = place.unwrap_or_else(|| panic!("docs/interop.md has no row for {name}"));
    if lines[place] == line {
        return None;
    }
    if std::env::var_os("UPDATE_INTEROP").is_some() {
        lines[place] = line;
        fs::write(document(), lines.join("\n") + "\n").unwrap();
        return None;
    }
    Some(format!("docs/interop.md says\n{}\nbut this run\n{line}", lines[place]))
}
