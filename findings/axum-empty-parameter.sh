#!/usr/bin/env bash
# Shows that a parameter of axum's routes may be empty before a slash, but not at the end: `/v{n}/admin`
# takes `/v/admin` and `/{n}/admin` takes `//admin`, with n = "", while `/v{n}` does not take `/v`.
#
# Observed with axum 0.8.9 (matchit 0.8.4). Builds a program over the pinned crates in a temporary folder.
# Exit status: 0 if confirmed, 1 if axum behaves differently, 2 if it cannot be run.
set -euo pipefail
command -v cargo >/dev/null || { echo "cargo is missing: see https://rustup.rs" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "empty-parameter"
version = "0.0.0"
edition = "2024"

[dependencies]
axum = { version = "=0.8.9", default-features = false }
matchit = "=0.8.4"
tokio = { version = "1", features = ["macros", "rt"] }
tower = { version = "0.5", features = ["util"] }
TOML
cat > "$folder/src/main.rs" <<'RUST'
use axum::extract::Path;
use axum::{Router, body, http::Request, routing::get};
use tower::ServiceExt;

async fn answer(router: Router, path: &str) -> String {
    let request = Request::get(path).body(body::Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = body::to_bytes(response.into_body(), 100).await.unwrap();
    format!("{status} {}", String::from_utf8_lossy(&bytes))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let shown = get(|Path(n): Path<String>| async move { format!("n = {n:?}") });
    let mut differs = false;
    for (route, path, expected) in [
        ("/v{n}/admin", "/v1/admin", r#"200 n = "1""#),
        ("/v{n}/admin", "/v/admin", r#"200 n = """#),
        ("/v{n}", "/v1", r#"200 n = "1""#),
        ("/v{n}", "/v", "404 "),
        ("/{n}/admin", "//admin", r#"200 n = """#),
        ("/{n}", "/", "404 "),
    ] {
        let answer = answer(Router::new().route(route, shown.clone()), path).await;
        println!("route {route:13} GET {path:10} {answer}");
        differs |= answer != expected;
    }
    std::process::exit(i32::from(differs));
}
RUST
cargo build --quiet --manifest-path "$folder/Cargo.toml" || exit 2
"$folder/target/debug/empty-parameter"
