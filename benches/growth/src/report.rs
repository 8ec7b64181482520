//! The report: tables, drawings, and whether time grows faster than logarithmically.

use crate::Step;
use crate::plot::{Line, draw};
use crate::subjects::Subject;
use std::fmt::Write as _;
use std::path::Path;

pub(crate) struct Report {
    text: String,
    drawings: Vec<Drawing>,
}

struct Drawing {
    file: String,
    title: String,
    unit: &'static str,
    lines: Vec<Line>,
}

impl Report {
    pub(crate) fn begin() -> Self {
        Self { text: String::new(), drawings: Vec::new() }
    }

    /// Prints a subject's steps, and adds them to the report.
    ///
    /// `sizes` are those that were to be measured.
    pub(crate) fn add(&mut self, subject: &Subject, sizes: &[usize], steps: &[Step]) {
        let begin = self.text.len();
        let name = subject.name;
        let _ = writeln!(
            self.text,
            "\n## {}{}\n\n{}.\n",
            name[..1].to_uppercase(),
            &name[1..],
            subject.what
        );
        let _ = writeln!(
            self.text,
            "| members | one use | adding one | resident each | accounted each |"
        );
        let _ = writeln!(self.text, "|---:|---:|---:|---:|---:|");
        for step in steps {
            let accounted =
                step.accounted.map_or_else(|| "–".to_owned(), |bytes| format!("{bytes:.0} B"));
            let _ = writeln!(
                self.text,
                "| {} | {} | {} | {:.0} B | {accounted} |",
                thousands(step.members),
                time(step.use_nanos),
                time(step.add_nanos),
                step.resident,
            );
        }
        for left_out in &sizes[steps.len()..] {
            let needed = (*left_out as u64 * subject.bytes) >> 30;
            let members = thousands(*left_out);
            let _ = writeln!(
                self.text,
                "\nNot measured: {members} {name} need {needed} GiB of free memory."
            );
        }
        let _ = writeln!(self.text, "\n{} {}", growth(steps), subject.why);
        let _ = writeln!(
            self.text,
            "\n![time of {name}](growth/{name}-time.svg) ![memory of {name}](growth/{name}-memory.svg)"
        );
        print!("{}", &self.text[begin..]);
        let line = |name, value: fn(&Step) -> f64| Line {
            name,
            points: steps.iter().map(|step| (step.members as f64, value(step).max(1.0))).collect(),
        };
        self.drawings.push(Drawing {
            file: format!("{name}-time.svg"),
            title: format!("{name}: time"),
            unit: "nanoseconds",
            lines: vec![
                line("one use", |step| step.use_nanos),
                line("adding one", |step| step.add_nanos),
            ],
        });
        let mut lines = vec![line("resident", |step| step.resident * step.members as f64)];
        if steps.iter().all(|step| step.accounted.is_some()) {
            lines.push(line("accounted", |step| {
                step.accounted.unwrap_or_default() * step.members as f64
            }));
        }
        self.drawings.push(Drawing {
            file: format!("{name}-memory.svg"),
            title: format!("{name}: memory"),
            unit: "bytes",
            lines,
        });
    }

    /// Writes `docs/growth.md` and its drawings.
    pub(crate) fn write(&self) {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let folder = docs.join("growth");
        std::fs::create_dir_all(&folder).unwrap();
        for drawing in &self.drawings {
            draw(&folder.join(&drawing.file), &drawing.title, drawing.unit, &drawing.lines);
        }
        let text = format!("{}{}", include_str!("head.md"), self.text);
        std::fs::write(docs.join("growth.md"), text).unwrap();
    }
}

/// Says how the time of one use grows, from the first step to the last.
fn growth(steps: &[Step]) -> String {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return String::new();
    };
    let times = last.use_nanos / first.use_nanos;
    let members = last.members / first.members;
    let logarithmic = (last.members as f64).log2() / (first.members as f64).log2();
    let verdict = if times <= 1.25 * logarithmic { "at most" } else { "more than" };
    format!(
        "{} times the members take {times:.1} times the time: {verdict} a logarithm, which would take \
         {logarithmic:.1} times.",
        thousands(members)
    )
}

fn time(nanos: f64) -> String {
    match nanos {
        ..10_000.0 => format!("{nanos:.0} ns"),
        ..10_000_000.0 => format!("{:.1} µs", nanos / 1e3),
        _ => format!("{:.1} ms", nanos / 1e6),
    }
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
