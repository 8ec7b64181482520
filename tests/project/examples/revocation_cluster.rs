//! The example `revocation_cluster`, run as people run it.

use crate::support::redis::Server;
use crate::support::run::{Run, Tool};
use std::process::Output;
use std::sync::LazyLock;

static EXAMPLE: LazyLock<Tool> = LazyLock::new(|| Tool::build("revocation_cluster"));

fn run(arguments: &[&str], url: Option<&str>) -> Run {
    let mut command = EXAMPLE.command();
    command.args(arguments).env_remove("REDIS_URL");
    if let Some(url) = url {
        command.env("REDIS_URL", url);
    }
    let output: Output = command.output().unwrap();
    output.into()
}

/// `revocation seen elsewhere: p50 … ms, p99 … ms, max … ms, N = …`
fn figures(run: &Run) -> Vec<f64> {
    assert_eq!(run.status, 0, "{}", run.stderr);
    let last = run.lines.last().unwrap();
    println!("{last}");
    let names = ["revocation seen elsewhere: p50 ", " ms, p99 ", " ms, max ", " ms, N = "];
    let mut rest = last.as_str();
    let mut figures = Vec::new();
    for name in names {
        let (figure, after) = rest.split_once(name).expect(name);
        figures.extend(figure.parse::<f64>().ok());
        rest = after;
    }
    figures.push(rest.parse().unwrap());
    figures
}

/// Fault 12, from one process to others.
#[test]
fn a_token_is_refused_in_other_processes_within_a_second() {
    let [p50, p99, max, count] = figures(&run(&["100", "3"], None))[..] else {
        panic!("four figures")
    };
    assert!(p50 > 0.0 && p50 <= p99 && p99 <= max && max < 1_000.0);
    assert_eq!(count, 200.0);
}

#[test]
fn it_uses_the_redis_that_it_is_given() {
    let server = Server::start();
    let run = run(&["5", "2"], Some(&server.url()));
    assert_eq!(figures(&run)[3], 5.0);
    let keys = server.command(&["KEYS", "revocation_cluster:r*"]);
    assert_eq!(keys.lines().next(), Some("*5"), "an entry for each token");
}

#[test]
fn what_cannot_work_is_told() {
    let nonsense = run(&["none"], None);
    assert_eq!(nonsense.status, 1);
    assert!(nonsense.stderr.contains("usage"), "{}", nonsense.stderr);
    let wrong = run(&[], Some("http://127.0.0.1"));
    assert_eq!(wrong.status, 1);
    assert!(wrong.stderr.contains("scheme"), "{}", wrong.stderr);
}
