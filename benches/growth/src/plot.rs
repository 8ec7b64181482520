//! Drawings of growth: both axes logarithmic, one line for each figure.

use plotters::prelude::*;
use std::path::Path;

/// A line of a drawing.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Draws an SVG file.
pub(crate) fn draw(file: &Path, title: &str, unit: &str, lines: &[Line]) {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let range = |values: Vec<f64>| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Whole powers of ten around the values.
        10f64.powf(least.log10().floor())..10f64.powf(most.log10().ceil())
    };
    let root = SVGBackend::new(file, (640, 360)).into_drawing_area();
    root.fill(&WHITE).unwrap();
    let members = range(points().map(|(members, _)| members).collect());
    let values = range(points().map(|(_, value)| value).collect());
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        // For the half of the last label that stands outside.
        .margin_right(40)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(members.log_scale(), values.log_scale())
        .unwrap();
    let plain = |value: &f64| format!("{value}");
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("members")
        .y_desc(unit)
        .x_label_formatter(&plain)
        .y_label_formatter(&plain)
        .draw()
        .unwrap();
    for (at, line) in lines.iter().enumerate() {
        let color = Palette99::pick(at).to_rgba();
        let drawn = chart.draw_series(LineSeries::new(line.points.iter().copied(), color)).unwrap();
        drawn.label(line.name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw().unwrap();
    root.present().unwrap();
}
