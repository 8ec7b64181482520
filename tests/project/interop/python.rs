//! A Python session with one of the packages installed, so that the tests read as its users' code.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

pub(crate) struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// An exception: its class and its text.
#[derive(Debug, PartialEq)]
pub(crate) struct Raised {
    pub(crate) class: String,
    pub(crate) message: String,
}

impl Python {
    /// A session in the environment of `tests/project/interop/python/{package}.txt`, after `setup` ran.
    pub(crate) fn with(package: &str, setup: &str) -> Self {
        static NEED: OnceLock<()> = OnceLock::new();
        NEED.get_or_init(need_python);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/interop").join(package).join("bin/python");
        let mut child = Command::new(python)
            // Nothing of the user's own environment: neither packages nor keys.
            .args(["-I", "-B"])
            .arg(root.join("tests/project/interop/other_side.py"))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut session = Self { child, input, output };
        session.run(setup, json!({})).unwrap();
        session
    }

    /// What `code` comes to, `values` being its variables. They stay for later calls.
    pub(crate) fn run(&mut self, code: &str, values: Value) -> Result<Value, Raised> {
        writeln!(self.input, "{}", json!({"code": code, "values": values})).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "Python ended at: {code}");
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        match answer["raised"].as_str() {
            None => Ok(answer["gave"].take()),
            Some(class) => Err(Raised {
                class: class.to_owned(),
                message: answer["message"].as_str().unwrap().to_owned(),
            }),
        }
    }

    #[track_caller]
    pub(crate) fn gives(&mut self, code: &str, values: Value) -> Value {
        match self.run(code, values) {
            Ok(value) => value,
            Err(raised) => panic!("{code}: {raised:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn text(&mut self, code: &str, values: Value) -> String {
        let value = self.gives(code, values);
        value.as_str().expect("a text").to_owned()
    }

    #[track_caller]
    pub(crate) fn raises(&mut self, code: &str, values: Value, class: &str) -> String {
        match self.run(code, values) {
            Ok(value) => panic!("{code}: gave {value}"),
            Err(raised) => {
                assert_eq!(raised.class, class, "{code}: {}", raised.message);
                raised.message
            }
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn need_python() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let need = Command::new(root.join("scripts/need-python")).output();
    let need = need.expect("scripts/need-python runs: it needs bash");
    assert!(
        need.status.success(),
        "this test needs Python 3.10 or newer with venv, and jamlib and python-jam from the Python \
         package index; install them with scripts/need-python\n{}",
        String::from_utf8_lossy(&need.stderr)
    );
}
