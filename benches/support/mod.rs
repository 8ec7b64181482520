//! What the benchmarks share: paired measurements and the table they print.
//!
//! A machine is never quiet. So nothing here is an absolute figure: two things are measured in
//! turn, in many short rounds, and what counts is the median over the pairs.

// Each benchmark uses its part of this.
#![allow(dead_code)]

pub(crate) mod load;
pub(crate) mod tokens;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// How long to measure: `--quick` keeps a benchmark file under a minute.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) quick: bool,
}

impl Effort {
    pub(crate) fn from_args() -> Self {
        Self {
            quick: std::env::args().any(|argument| argument == "--quick"),
        }
    }

    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// The measurements of two things, pair by pair.
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// Measures both in turn, each first in every second round; the first round only warms up.
    pub(crate) fn measure(
        rounds: usize,
        mut a: impl FnMut() -> f64,
        mut b: impl FnMut() -> f64,
    ) -> Self {
        (a(), b());
        Self(
            (0..rounds)
                .map(|round| {
                    if round % 2 == 0 {
                        (a(), b())
                    } else {
                        let b = b();
                        (a(), b)
                    }
                })
                .collect(),
        )
    }

    pub(crate) fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    fn median_of(&self, figure: impl Fn(f64, f64) -> f64) -> f64 {
        median(self.0.iter().map(|(a, b)| figure(*a, *b)))
    }

    pub(crate) fn a(&self) -> f64 {
        self.median_of(|a, _| a)
    }

    pub(crate) fn b(&self) -> f64 {
        self.median_of(|_, b| b)
    }

    /// B over A.
    pub(crate) fn ratio(&self) -> f64 {
        self.median_of(|a, b| b / a)
    }

    /// A over B: how many times faster B is.
    pub(crate) fn speedup(&self) -> f64 {
        self.median_of(|a, b| a / b)
    }

    /// B minus A.
    pub(crate) fn difference(&self) -> f64 {
        self.median_of(|a, b| b - a)
    }
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length => (values[(length - 1) / 2] + values[length / 2]) / 2.0,
    }
}

/// Nanoseconds that each of `count` runs of `work` takes.
pub(crate) fn nanos_each(count: usize, mut work: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    (0..count).for_each(&mut work);
    start.elapsed().as_nanos() as f64 / count as f64
}

/// What a future answers at once; the paths measured here must never wait.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("this path must not wait"),
    }
}

/// What a figure is held against.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Only printed.
    Stated,
}

/// The figures, printed as they come.
pub(crate) struct Table;

impl Table {
    pub(crate) fn begin(title: &str) -> Self {
        println!("\n{title}: A against B, medians of interleaved pairs");
        let table = Self;
        table.line(["row", "what", "A", "B", "figure", "bar", "ok?"]);
        println!("{}", "-".repeat(150));
        table
    }

    fn line(&self, [row, what, a, b, figure, bar, ok]: [&str; 7]) {
        println!("{row:>3} | {what:<54} | {a:>22} | {b:>22} | {figure:>12} | {bar:>9} | {ok}");
    }

    /// One row; `unit` follows figure and bar, such as `×` or `ns`.
    pub(crate) fn row(
        &self,
        row: &str,
        what: &str,
        (a, b): (String, String),
        (figure, unit): (f64, &str),
        bar: Bar,
    ) {
        let (bar, ok) = match bar {
            Bar::AtMost(bar) => (
                format!("<= {bar}"),
                if figure <= bar { "ok" } else { "OVER" },
            ),
            Bar::AtLeast(bar) => (
                format!(">= {bar}"),
                if figure >= bar { "ok" } else { "UNDER" },
            ),
            Bar::Stated => ("stated".to_owned(), ""),
        };
        self.line([row, what, &a, &b, &format!("{figure:.2} {unit}"), &bar, ok]);
    }

    /// Where a row cannot be judged here, or needs a word.
    pub(crate) fn note(&self, note: &str) {
        println!("    | {note}");
    }
}

/// `label 123 ns`, as a column shows it.
pub(crate) fn labelled(label: &str, nanos: f64) -> String {
    if nanos < 10_000.0 {
        format!("{label} {nanos:.0} ns")
    } else {
        format!("{label} {:.1} us", nanos / 1000.0)
    }
}

/// A small reproducible source of random numbers (splitmix64): the same order in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// All numbers below `length`, shuffled.
    pub(crate) fn order(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        for at in (1..length).rev() {
            order.swap(at, (self.next() % (at as u64 + 1)) as usize);
        }
        order
    }
}

/// Resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}
