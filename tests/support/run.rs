//! The command-line examples, run as people run them.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A tool, built from the sources that this test belongs to.
pub(crate) struct Tool(PathBuf);

pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) lines: Vec<String>,
    pub(crate) stderr: String,
}

impl Tool {
    pub(crate) fn build(name: &str) -> Self {
        let some = [
            ("client", true),
            ("emulator", cfg!(feature = "emulator")),
            ("otp", cfg!(feature = "otp")),
            ("redis", cfg!(feature = "redis")),
        ];
        let some: Vec<_> = some.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
        let all = cfg!(all(feature = "full", feature = "emulator", feature = "testing"));
        let features = match all {
            true => "--all-features".to_owned(),
            false => format!("--features={}", some.join(",")),
        };
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", name])
            .args([&*features, "--message-format", "json"])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(build.status.success());
        let built = |message: &Value| message["executable"].as_str().map(PathBuf::from);
        let executable = String::from_utf8(build.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == name)
            .find_map(|message| built(&message))
            .expect("cargo names the executable");
        Self(executable)
    }

    pub(crate) fn command(&self) -> Command {
        Command::new(&self.0)
    }

    pub(crate) fn start(&self, flags: &[&str], input: impl Into<Stdio>) -> Child {
        self.command()
            .args(flags)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(crate) fn run(&self, flags: &[&str], input: impl AsRef<[u8]>) -> Run {
        let mut child = self.start(flags, Stdio::piped());
        // Refusing its flags, the tool ends without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_ref());
        child.wait_with_output().unwrap().into()
    }

    /// Flags that the tool must refuse with a message that holds `hint`.
    #[track_caller]
    pub(crate) fn refuses_flags(&self, flags: &[&str], hint: &str) {
        let run = self.run(flags, "");
        assert_eq!((run.status, run.lines.len()), (2, 0), "{flags:?}: {}", run.stderr);
        assert!(run.stderr.contains(hint), "{flags:?}: {}", run.stderr);
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("an exit status, not a signal"),
            lines: String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A file that is gone after the test.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new(text: impl AsRef<[u8]>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tools-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn flag(&self, name: &str) -> String {
        format!("{name}={}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
