//! The authorization server, for as long as a test needs it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) struct AuthorizationServer {
    pub(crate) issuer: String,
    node: Child,
}

impl AuthorizationServer {
    pub(crate) fn start(clients: &Value) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let need = Command::new(root.join("scripts/need-node-packages")).output();
        let need = need.expect("scripts/need-node-packages runs: it needs bash");
        assert!(
            need.status.success(),
            "this test needs Node 20 or newer, npm, and oidc-provider from the npm registry; \
             install them with scripts/need-node-packages\n{}",
            String::from_utf8_lossy(&need.stderr)
        );
        let mut node = Command::new("node")
            .arg(root.join("tests/project/interop/provider.mjs"))
            .current_dir(root.join("target/interop"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(node.stdin.as_mut().unwrap(), "{clients}").unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(node.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).expect("the authorization server starts");
        Self { issuer: started["issuer"].as_str().unwrap().to_owned(), node }
    }
}

impl Drop for AuthorizationServer {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
