//! A benchmark of growth: time and memory by the number of tokens, sessions, issuers, JAM apps,
//! routes and conditions.
//!
//! ```sh
//! cd benches/growth && cargo run --release [-- --quick] [-- NAME]
//! ```
//!
//! Each step is a child process of this program, so that its resident memory is its own. The results
//! go to `docs/growth.md` and its drawings. `--quick` leaves out the largest steps and writes nothing;
//! NAME is one of the subjects, such as `routes`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod plot;
mod report;
mod subjects;
#[path = "../../support/mod.rs"]
mod support;

use report::Report;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::process::{Command, Stdio};
use subjects::SUBJECTS;
use support::{Effort, Others, Table};

/// The figures of one subject with a number of members.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) members: usize,
    /// Nanoseconds of one use of a random member.
    pub(crate) use_nanos: f64,
    /// Nanoseconds to add one member.
    pub(crate) add_nanos: f64,
    /// Growth of resident memory, in bytes per member.
    pub(crate) resident: f64,
    /// Bytes per member by the crate's own account, where it keeps one.
    pub(crate) accounted: Option<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [step, name, members] = &arguments[..]
        && step == "step"
    {
        let subject = SUBJECTS.iter().find(|subject| subject.name == name).unwrap();
        let step = (subject.run)(members.parse().unwrap());
        return println!("{}", serde_json::to_string(&step).unwrap());
    }
    let effort = Effort::from_args();
    let others = Others::watch();
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let some = SUBJECTS.iter().any(|subject| named(subject.name));
    let mut report = Report::begin();
    for subject in SUBJECTS.iter().filter(|subject| !some || named(subject.name)) {
        let most = effort.pick(subject.most, subject.most / 100);
        let sizes = std::iter::successors(Some(subject.fewest), |members| Some(members * 10));
        let sizes: Vec<usize> = sizes.take_while(|members| *members <= most).collect();
        let steps: Vec<Step> =
            sizes.iter().filter_map(|members| measure(subject, *members)).collect();
        report.add(subject, &sizes, &steps);
    }
    others.report(&Table);
    if !effort.quick && !some {
        report.write();
    }
}

/// Runs a step in a child process; `None` if the machine has too little memory.
fn measure(subject: &subjects::Subject, members: usize) -> Option<Step> {
    let needed = members as u64 * subject.bytes;
    if needed > available_bytes() {
        return None;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["step", subject.name, &members.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{members} {}", subject.name);
    Some(serde_json::from_str(&text).unwrap())
}

/// Returns the memory that a new program may take; everything where the system does not say.
fn available_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(u64::MAX, |kilobytes| kilobytes * 1024)
}
