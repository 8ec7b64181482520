//! The architecture as a check: who may import whom, who may name a framework, who reads a clock.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest layer first. A module imports from those before it and from itself.
const LAYERS: &[&str] = &[
    "core",
    "jose",
    "store",
    "token",
    "session",
    "jwks",
    "introspection",
    "jam",
    "otp",
    "oauth2",
    "policy",
    "authenticator",
    "preset",
    "endpoint",
    "login",
    "mcp",
    "config",
    "tower",
    "axum",
    "actix",
    "emulator",
    "testing",
    "migration",
    "guides",
];

/// A name that only some places may use: files, folders (with a slash at the end), modules.
const RESERVED: &[(&str, &[&str])] = &[
    ("actix_web", &["actix"]),
    ("axum_core", &["axum"]),
    // The layer reads the path that axum keeps for nested routers.
    (
        "axum::",
        &["emulator", "tower/head.rs", "tower/authorize.rs", "tower/endpoint.rs", "tower/mcp.rs"],
    ),
    ("http::", &["tower", "axum"]),
    ("tower_layer", &["tower"]),
    ("tower_service", &["tower"]),
    ("tower_http", &["tower"]),
    ("tower_sessions_core", &["store/tower_sessions/backend.rs", "store/tower_sessions/store.rs"]),
    ("time::OffsetDateTime", &["store/tower_sessions/backend.rs"]),
    ("reqwest", &["core/remote/http.rs"]),
    ("jsonwebtoken", &["jose/jwk.rs"]),
    ("redis::", &["store/redis/"]),
    ("matchit", &["policy/table/"]),
    ("qrcode", &["otp/qr.rs"]),
    ("png::", &["otp/qr.rs"]),
    ("data_encoding", &["otp/"]),
    ("rustls", &["store/redis/connect.rs"]),
    (
        "moka",
        &[
            "store/memory/",
            "store/near.rs",
            "token/cache.rs",
            "authenticator/enrich.rs",
            "core/single_flight.rs",
        ],
    ),
    ("redb", &["store/file/"]),
    ("aws_lc_rs::digest", &["core/hash.rs", "otp/secret.rs", "store/redis/scripts.rs"]),
    ("URL_SAFE_NO_PAD", &["jose/encoding.rs"]),
    ("PoisonError", &["core/lock.rs", "testing/store_suite/"]),
    ("saphyr_parser", &["config/document/yaml.rs"]),
    ("humantime", &["core/settings.rs", "config/parts/scalars.rs"]),
    ("strsim", &["config/document/problem.rs"]),
    ("SystemTime::now", &["core/clock.rs"]),
    ("Instant::now", &["core/clock.rs"]),
    ("unsafe", &[]),
];

/// What a file below `src/` does against the rules.
fn violations(file: &str, text: &str) -> Vec<String> {
    let module = file.split(['/', '.']).next().unwrap();
    let rank = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut found = Vec::new();
    let Some(own) = rank(module) else {
        return match module {
            "lib" => found,
            _ => vec![format!("{file}: module '{module}' has no layer")],
        };
    };
    let mut own_import = false;
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap();
        if code.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        let place = format!("{file}:{}", number + 1);
        for import in code.split("crate::").skip(1) {
            let name = import.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            match rank(name) {
                Some(other) if other <= own => {}
                Some(_) => found.push(format!("{place}: '{module}' imports '{name}' above it")),
                None => found.push(format!("{place}: 'crate::{name}' is no module")),
            }
        }
        // An import from this crate, of one line or several, names modules of its own.
        let is_own = own_import || code.contains("use crate::");
        own_import = is_own && !code.contains(';');
        for (name, places) in RESERVED.iter().filter(|_| !is_own) {
            let allowed = places.iter().any(|allowed| {
                let inside = allowed.ends_with('/') && file.starts_with(allowed);
                inside || file == *allowed || module == *allowed
            });
            if !allowed && mentions(code, name) {
                found.push(format!("{place}: '{name}' does not belong here"));
            }
        }
    }
    found
}

/// Whether a path or word occurs that is not the tail of another.
fn mentions(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

#[test]
fn the_layers_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = files(&root);
    assert!(files.len() > 30, "only {} files found", files.len());
    let found: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let name = path.strip_prefix(&root).unwrap();
            let name = name.to_str().unwrap().replace('\\', "/");
            violations(&name, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_breach_is_found() {
    let breaches = [
        ("jose/jws.rs", "use crate::token::claims::Claims;"),
        ("token/keys.rs", "let keys: crate::jwks::RemoteKeySet;"),
        ("authenticator/request/authenticate.rs", "use http::Request;"),
        ("axum.rs", "use actix_web::App;"),
        ("token/verifier.rs", "let now = SystemTime::now();"),
        ("store/memory/store.rs", "use redis::Client;"),
        ("store/near.rs", "use crate::core::{\n    http::HttpAnswer,\n};\nuse http::Request;"),
        ("surprise.rs", ""),
    ];
    for (file, text) in breaches {
        assert_eq!(violations(file, text).len(), 1, "{file}: {text}");
    }
    let sound = "use crate::core::error::Error; // not http::Request\nuse super::claims;";
    assert!(violations("token/verifier.rs", sound).is_empty());
}
