//! The other process: this test binary, started again with a part to play.

use crate::api::kills;
use crate::support::test_name;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const PART: &str = "JAMGUARD_TEST_PART";
const FILE: &str = "JAMGUARD_TEST_FILE";

/// A command that plays this part over this file.
pub(crate) fn command(part: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg(test_name(module_path!(), "child"))
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(FILE, file)
        .env("RUST_BACKTRACE", "0");
    command
}

pub(crate) fn play(part: &str) {
    let file = PathBuf::from(std::env::var_os(FILE).unwrap());
    // The test harness has begun this line.
    println!();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        match part {
            "write" => kills::write(&file).await,
            "fill" => kills::fill(&file).await,
            other => panic!("no such part: {other}"),
        }
    });
}

/// Not a test of its own: this binary, started again by one, plays its part here.
#[test]
fn child() {
    if let Ok(part) = std::env::var(PART) {
        play(&part);
    }
}
