//! The other process: this test binary, started again with a part to play.

use crate::faults::{disk, kills};
use crate::support::test_name;
use jamguard::store::FileStore;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const PART: &str = "JAMGUARD_TEST_PART";
const FILE: &str = "JAMGUARD_TEST_FILE";

/// A command that plays this part over this file.
pub(crate) fn command(part: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    cast(&mut command, part, file);
    command
}

/// The same through a shell, which first runs `setup`.
pub(crate) fn command_after(setup: &str, part: &str, file: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{setup}; exec \"$0\" \"$@\"")]);
    command.arg(std::env::current_exe().unwrap());
    cast(&mut command, part, file);
    command
}

pub(crate) fn cast(command: &mut Command, part: &str, file: &Path) {
    command
        .arg(test_name(module_path!(), "child"))
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(FILE, file)
        .env("RUST_BACKTRACE", "0");
}

/// Runs it to its end, which must be a good one; what it printed.
pub(crate) fn run(mut command: Command) -> String {
    let output = command.output().expect("the test's own binary starts");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out
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
            "fill" => disk::fill(&file).await,
            "only read" => disk::only_read(&file).await,
            "open" => match FileStore::open(&file) {
                Ok(_) => println!("opened"),
                Err(error) => println!("{}: {error}", error.kind()),
            },
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
