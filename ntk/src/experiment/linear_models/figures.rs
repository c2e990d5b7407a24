//! The paper's figures.

use super::Settings;
use super::judge::{Done, LAYERS, moments, numbers, outputs};
use crate::error::Result;
use crate::experiment::finding::{Axis, Figure, Lines, Panel, Series, Style};
use crate::statistics::{mean, quantile};

/// Test samples whose outputs are drawn.
const SHOWN: usize = 2;

pub(super) fn all(s: &Settings, done: &Done<'_>) -> Result<Vec<Figure>> {
    Ok(vec![changes(s, done)?, ensembles(s, done)?, strays(s, done)?])
}

fn theory(name: &str, points: Vec<[f64; 2]>) -> Series {
    Series { name: name.into(), points, band: Vec::new(), style: Style::Theory }
}

/// Relative changes by width.
fn changes(s: &Settings, done: &Done<'_>) -> Result<Figure> {
    let mut series = Vec::new();
    let labels = ["first layer", "second layer", "third layer", "last layer"];
    let names = LAYERS.iter().map(|(name, _)| *name).zip(labels).chain([("kernel", "kernel Θ")]);
    for (name, label) in names {
        let (mut points, mut band) = (Vec::new(), Vec::new());
        for &width in &s.widths {
            let of = numbers(&done.movement(width), name)?;
            points.push([width as f64, mean(&of)]);
            band.push([quantile(&of, 0.0), quantile(&of, 1.0)]);
        }
        series.push(Series { name: label.into(), points, band, style: Style::Dots });
    }
    // Lines of theory begin where the first and the second layer do.
    for (of, power, name) in [(0, -0.5, "n^(-1/2)"), (1, -1.0, "n^(-1)")] {
        let Some(&[first, start]) = series[of].points.first() else { continue };
        let at = |&width: &usize| [width as f64, start * (width as f64 / first).powf(power)];
        series.push(theory(name, s.widths.iter().map(at).collect()));
    }
    Ok(Figure {
        name: "changes",
        title: "What training moves".into(),
        caption: "First and last layer fall as the upper dashed line, of slope -1/2, hidden layers as the lower one, of slope -1, \
                  the kernel between them. Bands span the seeds."
            .into(),
        claims: vec!["outer-layers-move", "hidden-layers-move", "kernel-moves"],
        panels: vec![Panel::Lines(Lines {
            title: String::new(),
            x: Axis::logarithmic("width n"),
            y: Axis::logarithmic("relative Frobenius change"),
            series,
            marks: Vec::new(),
        })],
    })
}

/// Means and deviations over time.
fn ensembles(s: &Settings, done: &Done<'_>) -> Result<Figure> {
    let limit = done.limit()?;
    let (times, mean_of, variance) = (&limit.values("times")?.data, limit.values("mean")?, limit.values("variance")?);
    // Time 0 has no place on a logarithmic axis.
    let from = times.iter().position(|t| *t > 0.0).unwrap_or(0);
    let widest = s.ensemble_widths.iter().copied().max().unwrap_or(0);
    let records = done.ensemble(widest);
    let found = (0..times.len()).map(|t| Ok(moments(&outputs(&records, t)?))).collect::<Result<Vec<_>>>()?;
    let mut panels = Vec::new();
    for sample in 0..SHOWN.min(mean_of.row_len()) {
        let of = |t: usize| (found[t].0[sample], found[t].1[sample].sqrt());
        let expected = |t: usize| {
            (mean_of.row(t).map_or(f64::NAN, |m| m[sample]), variance.row(t).map_or(f64::NAN, |v| v[sample].sqrt()))
        };
        let curve = |f: &dyn Fn(usize) -> f64| (from..times.len()).map(|t| [times[t], f(t)]).collect::<Vec<_>>();
        let measured = Series {
            name: format!("networks, n = {widest}"),
            points: curve(&|t| of(t).0),
            band: (from..times.len()).map(|t| [of(t).0 - of(t).1, of(t).0 + of(t).1]).collect(),
            style: Style::Line,
        };
        let series = vec![
            measured,
            theory("limit, mean", curve(&|t| expected(t).0)),
            theory("limit, mean + deviation", curve(&|t| expected(t).0 + expected(t).1)),
            theory("limit, mean - deviation", curve(&|t| expected(t).0 - expected(t).1)),
        ];
        panels.push(Panel::Lines(Lines {
            title: format!("test sample {}", sample + 1),
            x: Axis::logarithmic("time (learning rate × steps)"),
            y: Axis::linear("output f(x)"),
            series,
            marks: Vec::new(),
        }));
    }
    Ok(Figure {
        name: "ensemble",
        title: "Outputs of ensembles in training".into(),
        caption: "Mean and band of one deviation over first weights lie on the closed form of the limit (dashed) at all times.".into(),
        claims: vec!["ensemble-mean", "ensemble-variance"],
        panels,
    })
}

/// How far networks are from their linearizations.
fn strays(s: &Settings, done: &Done<'_>) -> Result<Figure> {
    let times = &done.limit()?.values("times")?.data;
    let mut series = Vec::new();
    for &width in &s.ensemble_widths {
        let mut columns = vec![Vec::new(); times.len()];
        for record in done.ensemble(width) {
            for row in record.values("strays")?.data.chunks_exact(times.len().max(1)) {
                columns.iter_mut().zip(row).for_each(|(column, x)| column.push(*x));
            }
        }
        let shown = || times.iter().zip(&columns).filter(|(t, _)| **t > 0.0);
        series.push(Series {
            name: format!("n = {width}"),
            points: shown().map(|(t, of)| [*t, mean(of)]).collect(),
            band: shown().map(|(_, of)| [quantile(of, 0.1), quantile(of, 0.9)]).collect(),
            style: Style::Line,
        });
    }
    Ok(Figure {
        name: "linearization",
        title: "Networks beside their linearizations".into(),
        caption: "What the linearization misses of the movement of test outputs, mean and band of 10 to 90 % over first weights. \
                  It falls with the width, by two for four times the width."
            .into(),
        claims: vec!["linear-dynamics"],
        panels: vec![Panel::Lines(Lines {
            title: String::new(),
            x: Axis::logarithmic("time (learning rate × steps)"),
            y: Axis::logarithmic("|f_lin - f| / |f_t - f_0|"),
            series,
            marks: Vec::new(),
        })],
    })
}
