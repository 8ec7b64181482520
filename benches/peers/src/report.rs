//! The tables of all contenders, and their drawings.

use crate::Figures;
use crate::servers::Peer;
use jamguard::jose::Algorithm;
use plotters::prelude::*;
use std::path::Path;
use std::process::Command;

#[derive(Default)]
pub(crate) struct Report {
    tables: Vec<PeerTable>,
}

struct PeerTable {
    algorithm: Algorithm,
    figures: Vec<Figures>,
    left_out: Vec<(Peer, &'static str)>,
}

const HEAD: &str = "| server | crypto | µs over bare | share of rate | allocations over bare | \
                    requests/s beside a flood | share kept | p99 |\n\
                    |---|---|---:|---:|---:|---:|---:|---:|";

impl Report {
    /// Begins the table of an algorithm.
    pub(crate) fn begin(&mut self, algorithm: Algorithm) {
        println!("\n{algorithm}: one cached token, 16 connections, one server thread\n\n{HEAD}");
        self.tables.push(PeerTable { algorithm, figures: Vec::new(), left_out: Vec::new() });
    }

    pub(crate) fn add(&mut self, figures: Figures) {
        println!("{}", row(&figures));
        self.tables.last_mut().unwrap().figures.push(figures);
    }

    pub(crate) fn left_out(&mut self, peer: Peer, why: &'static str) {
        let left_out = &mut self.tables.last_mut().unwrap().left_out;
        if !left_out.iter().any(|(known, _)| *known == peer) {
            println!("| {} | {why} |", peer.title());
            left_out.push((peer, why));
        }
    }

    /// Writes `docs/peers.md` and its drawings.
    pub(crate) fn write(&self) {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let folder = docs.join("peers");
        std::fs::create_dir_all(&folder).unwrap();
        let mut text = include_str!("head.md").replace("{date}", &today());
        for table in &self.tables {
            let name = table.algorithm.name();
            let rows: Vec<String> = table.figures.iter().map(row).collect();
            text.push_str(&format!("\n## {name}\n\n{HEAD}\n{}\n", rows.join("\n")));
            for (peer, why) in &table.left_out {
                text.push_str(&format!("\n{} {why}.\n", peer.title()));
            }
            let file = format!("{name}.svg");
            text.push_str(&format!(
                "\n![requests per second beside a flood, {name}](peers/{file})\n"
            ));
            draw(&folder.join(file), table);
        }
        std::fs::write(docs.join("peers.md"), text).unwrap();
    }
}

fn row(figures: &Figures) -> String {
    format!(
        "| {} | {} | {:.2} | {:.3} | {:.1} | {:.0} | {:.2} | {:.1} ms |",
        figures.peer.title(),
        figures.backend.name(),
        figures.over_bare,
        figures.share,
        figures.allocations,
        figures.flood.rate,
        figures.flood.share,
        figures.flood.p99 / 1000.0,
    )
}

/// Draws the requests per second of warm users beside a flood, one bar for each contender.
fn draw(file: &Path, table: &PeerTable) {
    let bars = table.figures.len();
    let height = 28 * bars as i32 + 50;
    let root = SVGBackend::new(file, (760, height as u32)).into_drawing_area();
    root.fill(&WHITE).unwrap();
    let title = format!(
        "{}: requests/s of warm users beside 16 connections of forged tokens",
        table.algorithm
    );
    let text = |text: String, x: i32, y: i32, size: i32| {
        root.draw(&Text::new(text, (x, y), ("sans-serif", size).into_font())).unwrap();
    };
    text(title, 10, 10, 16);
    let most = table.figures.iter().map(|figures| figures.flood.rate).fold(1.0, f64::max);
    for (at, figures) in table.figures.iter().enumerate() {
        let y = 40 + 28 * at as i32;
        let ours = matches!(figures.peer, Peer::JamguardAxum | Peer::JamguardActix);
        let color = if ours { RGBColor(31, 119, 180) } else { RGBColor(160, 160, 160) };
        let width = (380.0 * figures.flood.rate / most).max(1.0) as i32;
        text(format!("{}, {}", figures.peer.title(), figures.backend.name()), 10, y + 4, 13);
        root.draw(&Rectangle::new([(310, y), (310 + width, y + 20)], color.filled())).unwrap();
        text(format!("{:.0}", figures.flood.rate), 316 + width, y + 4, 13);
    }
    root.present().unwrap();
}

/// Returns the date as year, month and day (UTC).
fn today() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
