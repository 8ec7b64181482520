//! Shared benchmark code: paired measurements and the table of results.
//!
//! Other programs always disturb a machine, so there are no absolute figures: two things are
//! measured in turn, in many short rounds, and the result is the median over the pairs.

// Each benchmark uses only a part.
#![allow(dead_code)]

pub(crate) mod arrivals;
pub(crate) mod load;
pub(crate) mod tokens;

use std::future::Future;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The measuring time: `--quick` keeps a benchmark file under a minute.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) quick: bool,
}

impl Effort {
    pub(crate) fn from_args() -> Self {
        Self { quick: std::env::args().any(|argument| argument == "--quick") }
    }

    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Pairs of measurements of two things, A and B.
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// Measures both in turn, in alternating order, after one warm-up round.
    pub(crate) fn measure(
        rounds: usize,
        mut a: impl FnMut() -> f64,
        mut b: impl FnMut() -> f64,
    ) -> Self {
        a();
        b();
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

    /// Returns the median of B / A.
    pub(crate) fn ratio(&self) -> f64 {
        self.median_of(|a, b| b / a)
    }

    /// Returns the median of A / B: how many times faster B is.
    pub(crate) fn speedup(&self) -> f64 {
        self.median_of(|a, b| a / b)
    }

    /// Returns the median of B − A.
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

/// Returns the nanoseconds per run, over `count` runs of `work`.
pub(crate) fn nanos_each(count: usize, mut work: impl FnMut(usize)) -> f64 {
    undisturbed((0..count).map(|at| {
        let start = Instant::now();
        work(at);
        start.elapsed()
    }))
}

/// Returns the mean in nanoseconds, without times in which another program had the processor.
///
/// A scheduler's time slice is a millisecond or more, longer than anything measured here.
pub(crate) fn undisturbed(times: impl IntoIterator<Item = Duration>) -> f64 {
    let times: Vec<f64> = times.into_iter().map(|time| time.as_nanos() as f64).collect();
    let limit = median(times.iter().copied()) + 500_000.0;
    let kept: Vec<f64> = times.into_iter().filter(|time| *time <= limit).collect();
    kept.iter().sum::<f64>() / kept.len() as f64
}

/// A meter of a thread's rate, by wall clock and by processor time.
pub(crate) struct Meter {
    start: Instant,
    cpu: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), cpu: Self::cpu() }
    }

    fn cpu() -> f64 {
        // Makes the kernel update this thread's account.
        std::thread::yield_now();
        load::Account::read("/proc/thread-self/schedstat".as_ref())
            .map_or(f64::NAN, |account| account.used)
    }

    pub(crate) fn runs(&self, time: Duration) -> bool {
        self.start.elapsed() < time
    }

    /// Returns the rates for `done` runs.
    pub(crate) fn rates(self, done: usize) -> Rates {
        let wall = self.start.elapsed().as_secs_f64();
        let cpu = (Self::cpu() - self.cpu) / 1e9;
        Rates { wall: done as f64 / wall, cpu: done as f64 / cpu }
    }
}

/// Runs per second, of one thread or the sum of several.
#[derive(Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

impl std::iter::Sum for Rates {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let none = Self { wall: 0.0, cpu: 0.0 };
        all.fold(none, |sum, one| Self { wall: sum.wall + one.wall, cpu: sum.cpu + one.cpu })
    }
}

/// Row 8: work on two threads against one; `work` first waits at the barrier.
pub(crate) fn two_threads(
    table: &Table,
    what: &str,
    rounds: usize,
    bar: Bar,
    work: impl Fn(&Barrier) -> Rates + Sync,
) {
    let on = |threads: usize| -> Rates {
        let barrier = Barrier::new(threads);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&barrier))).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        })
    };
    let pairs: Vec<_> = (0..rounds).map(|_| (on(1), on(2))).collect();
    let wall = Pairs::of(pairs.iter().map(|(one, two)| (one.wall, two.wall)));
    let cpu = Pairs::of(pairs.iter().map(|(one, two)| (one.cpu, two.cpu)));
    let wall_bar = if load::processors() >= 2 { bar } else { Bar::Stated };
    for (how, pairs, bar) in [("", wall, wall_bar), (", by processor time", cpu, bar)] {
        let rate = |label: &str, rate: f64| format!("{label} {:.0} k/s", rate / 1000.0);
        table.row(
            "8",
            &format!("{what}{how}"),
            (rate("one", pairs.a()), rate("two", pairs.b())),
            (pairs.ratio(), "x"),
            bar,
        );
    }
}

/// A meter of the processor time that other programs use during a benchmark.
pub(crate) struct Others {
    busy: f64,
    own: f64,
    start: Instant,
}

impl Others {
    pub(crate) fn watch() -> Self {
        Self { busy: Self::busy(), own: Self::own(), start: Instant::now() }
    }

    /// Returns the machine's used processor time, in seconds.
    fn busy() -> f64 {
        let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let fields: Vec<f64> = text
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        // user, nice, system, irq and softirq, in ticks of 10 ms.
        [0, 1, 2, 5, 6].iter().filter_map(|at| fields.get(*at)).sum::<f64>() / 100.0
    }

    /// Returns the processor time of this program and its ended children, in seconds.
    fn own() -> f64 {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
        fields
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>()
            / 100.0
    }

    pub(crate) fn report(self, table: &Table) {
        let others = (Self::busy() - self.busy) - (Self::own() - self.own);
        let time = self.start.elapsed().as_secs_f64() * load::processors() as f64;
        let share = (100.0 * others / time).max(0.0);
        table.note(&format!(
            "other programs used {share:.0} % of the processors{}",
            if share > 5.0 { ": repeat when the machine is quiet" } else { "" }
        ));
    }
}

/// Returns the output of a future that must be ready at once: measured paths never wait.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("this path must not wait"),
    }
}

/// The target of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Only printed.
    Stated,
}

/// The table of figures, printed as they arrive.
pub(crate) struct Table;

impl Table {
    pub(crate) fn begin(title: &str) -> Self {
        println!("\n{title}: A against B, medians of interleaved pairs");
        let table = Self;
        table.line(["row", "what", "A", "B", "figure", "target", "ok?"]);
        println!("{}", "-".repeat(160));
        table
    }

    fn line(&self, [row, what, a, b, figure, bar, ok]: [&str; 7]) {
        println!("{row:>3} | {what:<68} | {a:>23} | {b:>22} | {figure:>12} | {bar:>9} | {ok}");
    }

    /// Prints a row; `unit` follows the figure, such as `x` or `ns`.
    pub(crate) fn row(
        &self,
        row: &str,
        what: &str,
        (a, b): (String, String),
        (figure, unit): (f64, &str),
        bar: Bar,
    ) {
        let (bar, ok) = match bar {
            Bar::AtMost(bar) => (format!("<= {bar}"), if figure <= bar { "ok" } else { "OVER" }),
            Bar::AtLeast(bar) => (format!(">= {bar}"), if figure >= bar { "ok" } else { "UNDER" }),
            Bar::Stated => ("stated".to_owned(), ""),
        };
        self.line([row, what, &a, &b, &format!("{figure:.2} {unit}"), &bar, ok]);
    }

    /// Prints a note, such as why a row cannot be judged on this machine.
    pub(crate) fn note(&self, note: &str) {
        println!("    | {note}");
    }
}

/// Formats a column such as `label 123 ns`.
pub(crate) fn labelled(label: &str, nanos: f64) -> String {
    if nanos < 10_000.0 {
        format!("{label} {nanos:.0} ns")
    } else {
        format!("{label} {:.1} us", nanos / 1000.0)
    }
}

/// A reproducible random number generator (splitmix64): the same order in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns all numbers below `length`, shuffled.
    pub(crate) fn order(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        for at in (1..length).rev() {
            order.swap(at, (self.next() % (at as u64 + 1)) as usize);
        }
        order
    }
}

/// Returns the resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}
