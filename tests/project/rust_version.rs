//! Dependencies need no newer compiler than `rust-version` declares.

use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::process::Command;

/// `1.89` and `1.89.0` as numbers.
fn version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap());
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

#[test]
fn no_dependency_needs_a_newer_compiler() {
    let compiler = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let compiler = String::from_utf8(compiler).unwrap();
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // Only this platform's packages are downloaded.
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features", "--locked", "--offline"])
        .args(["--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let packages: HashMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|one| (id(&one["id"]), one)).collect();
    let nodes: HashMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|one| (id(&one["id"]), one)).collect();

    // Without the development dependencies, which users do not build.
    let root = id(&metadata["resolve"]["root"]);
    let (mut seen, mut queue) = (HashSet::from([root.clone()]), vec![root]);
    while let Some(package) = queue.pop() {
        for dependency in list(&nodes[&package]["deps"]) {
            let used = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev");
            let dependency = id(&dependency["pkg"]);
            if used && seen.insert(dependency.clone()) {
                queue.push(dependency);
            }
        }
    }
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    let newer: Vec<String> = seen
        .iter()
        .map(|package| &packages[package])
        .filter(|one| one["rust_version"].as_str().is_some_and(|theirs| version(theirs) > ours))
        .map(|one| format!("{} {} needs Rust {}", one["name"], one["version"], one["rust_version"]))
        .collect();
    assert!(seen.len() > 100, "only {} dependencies", seen.len());
    assert!(newer.is_empty(), "{newer:#?}");
}
