//! A quickstart as its users start it.

use crate::browser::http::ask;
use crate::support::wait::until_blocking;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running example, stopped at its end.
pub(crate) struct Example {
    process: Child,
    address: SocketAddr,
}

/// Builds an example with the features that this test was built with.
fn build(name: &str) -> PathBuf {
    let features = if cfg!(feature = "full") {
        "--all-features"
    } else {
        "--features=axum,actix,emulator,testing,tower-http"
    };
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", name])
        .args([features, "--message-format", "json"])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(build.status.success());
    let lines = String::from_utf8(build.stdout).unwrap();
    let mut built = lines.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == name;
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    });
    built.next().expect("cargo names the executable")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Example {
    pub(crate) fn start(name: &str) -> Self {
        let executable = build(name);
        // Another process may take a port first: then the example ends at once, and others are
        // tried.
        for _ in 0..3 {
            let port = free_port();
            let process = Command::new(&executable)
                .env("PORT", port.to_string())
                .env("JAM_PORT", free_port().to_string())
                .stdout(Stdio::null())
                .spawn();
            let mut example = Self {
                process: process.unwrap(),
                address: SocketAddr::from(([127, 0, 0, 1], port)),
            };
            let (mut ended, mut answers) = (false, false);
            until_blocking(name, || {
                ended = example.process.try_wait().unwrap().is_some();
                answers = ask(example.address, "GET", "/hello", "")
                    .is_ok_and(|(status, _)| status == 200);
                ended || answers
            });
            if answers {
                return example;
            }
        }
        panic!("{name} ends at its start");
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
