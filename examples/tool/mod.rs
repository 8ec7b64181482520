//! Shared code of the command-line tools: flags, exit status and a stopped clock.

// Each tool uses only a part.
#![allow(dead_code)]

use jamguard::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

/// Returns the arguments, or the exit code after `--help` or an unreadable argument.
pub(crate) fn arguments(tool: &str, usage: &str) -> Result<Vec<String>, ExitCode> {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if args.iter().any(|arg| arg == "--help") {
        print!("{usage}");
        return Err(ExitCode::SUCCESS);
    }
    let args: Result<_, _> = args.into_iter().map(|arg| arg.into_string()).collect();
    args.map_err(|_| exit(tool, Err("an argument is not UTF-8".to_owned())))
}

/// Returns exit code 0 for success, 1 for partial failure, 2 for an error, which it prints.
pub(crate) fn exit(tool: &str, answer: Result<bool, String>) -> ExitCode {
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("{tool}: {message}\n{tool} --help lists the flags");
            ExitCode::from(2)
        }
    }
}

/// The flags without a value.
const SWITCHES: [&str; 2] = ["--explain", "--jws"];

/// The given flags, each at most once.
pub(crate) struct Flags(BTreeMap<&'static str, String>);

impl Flags {
    /// Parses the known flags; also returns the remaining arguments.
    ///
    /// Every flag takes a value, except the [switches](SWITCHES).
    pub(crate) fn parse(
        args: Vec<String>,
        known: &[&'static str],
    ) -> Result<(Self, Vec<String>), String> {
        let mut flags = BTreeMap::new();
        let mut rest = Vec::new();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if !arg.starts_with("--") {
                rest.push(arg);
                continue;
            }
            // Errors show only the flag's name: the value may be a secret.
            let (name, inline) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (&*arg, None),
            };
            let Some(flag) = known.iter().copied().find(|flag| *flag == name) else {
                return Err(format!("unknown flag {name}"));
            };
            let value = match (flag, inline) {
                (flag, None) if SWITCHES.contains(&flag) => String::new(),
                (flag, Some(_)) if SWITCHES.contains(&flag) => {
                    return Err(format!("{flag} takes no value"));
                }
                (_, Some(value)) => value,
                (_, None) => args
                    .next()
                    .filter(|value| !value.starts_with("--"))
                    .ok_or_else(|| {
                        format!("{flag} needs a value; for a value that begins with --, write {flag}=VALUE")
                    })?,
            };
            if flags.insert(flag, value).is_some() {
                return Err(format!("{flag} is given twice"));
            }
        }
        Ok((Self(flags), rest))
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.0.contains_key(flag)
    }

    pub(crate) fn text(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(String::as_str)
    }

    pub(crate) fn seconds(&self, flag: &str, max: u64) -> Result<Option<u64>, String> {
        let parse = |text: &str| {
            text.parse()
                .ok()
                .filter(|seconds| *seconds <= max)
                .ok_or_else(|| format!("{flag} takes whole seconds from 0 to {max}"))
        };
        self.text(flag).map(parse).transpose()
    }

    pub(crate) fn clock(&self) -> Result<Option<StoppedAt>, String> {
        let now = self.seconds("--now", u64::MAX)?;
        Ok(now.map(Duration::from_secs).map(StoppedAt))
    }

    /// Reads the file that a flag names.
    pub(crate) fn file(&self, flag: &str) -> Result<String, String> {
        let path = self.text(flag).unwrap_or_default();
        std::fs::read_to_string(path).map_err(|error| format!("{flag} {path}: {error}"))
    }
}

/// A clock whose wall time is fixed by `--now`.
pub(crate) struct StoppedAt(Duration);

impl Clock for StoppedAt {
    fn now(&self) -> Duration {
        self.0
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}
